"""The form of a service, made from what its connector has to know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mover.connectors.configuration import Key
from mover.connectors.registry import ConnectorType
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret
from mover.web.forms import Form

PREFIX = "key-"
"""Names of fields begin with it, so that no key of a connector meets a field of the page."""

_LABELS = {
    "url": "Address",
    "ca_file": "Certificates to trust",
    "path": "Top folder",
    "plain": "Allow connections that are not encrypted",
    "username": "User name",
    "host": "Server",
    "access_key": "Access key ID",
    "secret_key": "Secret access key",
    "path_style": "Bucket in the path",
    "client_id": "Client ID",
    "service_account": "Key of the service account",
    "admin": "Administrator",
    "app_config": "App configuration",
    "others": "What others share",
    "orphans": "Files in no folder",
    "allowed_domain": "Only accounts of this mail domain",
    "allowed_tenant": "Only accounts of this organisation",
}
_LONG_TEXTS = frozenset({"private_key", "service_account", "app_config", "certificate"})
_SHORT_FORMS = re.compile(r"\b(?:id|api|tls)\b", re.IGNORECASE)
_NAMED_KEY = re.compile(r"'([a-z0-9_]+)'(?::| is missing| names| has to| cannot| is not)\s*")
_KNOWN_KEYS = re.compile(r" \(known keys: [^)]*\)$")


@dataclass(frozen=True)
class ConnectorField:
    """One field of the form.

    Attributes:
        key: Of the connector's configuration.
        name: Of the field.
        kind: text, secret, long_secret, number, check or select.
        options: Of a select.
        default: What counts when it is left empty, as text; empty: nothing.
    """

    key: str
    name: str
    label: str
    hint: str
    kind: str
    required: bool
    first: bool
    options: tuple[tuple[str, str], ...] = ()
    default: str = ""


def fields_of(kind: ConnectorType, keys: Iterable[Key]) -> list[ConnectorField]:
    """The fields of a service, in the connector's order; what Mover finds out by itself is left out."""
    return [_field(kind, key) for key in keys if not key.internal]


def read_values(fields: Iterable[ConnectorField], given: Mapping[str, Any]) -> dict[str, Secret]:
    """What was filled in, for `OrganisationConnections.add`: fields that were left empty or at their default are not in it.

    Line ends of pasted keys become those that key files have.
    """
    values: dict[str, Secret] = {}
    for field in fields:
        text = given.get(field.name, "")
        if not isinstance(text, str) or not text:
            continue
        match field.kind:
            case "secret":
                values[field.key] = Secret(text)
            case "long_secret":
                values[field.key] = (
                    Secret(text.replace("\r\n", "\n").strip() + "\n") if text.strip() else Secret("")
                )
            case "check":
                values[field.key] = Secret("true")
            case _ if text != field.default:
                values[field.key] = Secret(text.strip())
            case _:
                pass
    return {key: value for key, value in values.items() if value}


def shown_values(fields: Iterable[ConnectorField], config: Mapping[str, Any]) -> dict[str, str]:
    """A saved configuration as values of the form."""
    values: dict[str, str] = {}
    for field in fields:
        saved = config.get(field.key)
        if field.kind == "check":
            values[field.name] = "yes" if saved is True else ""
        else:
            values[field.name] = field.default if saved is None else _spelled(saved)
    return values


def blame(form: Form, error: InvalidConfiguration, fields: Iterable[ConnectorField]) -> None:
    """Put each part of a connector's complaint beside the field that it names."""
    by_key = {field.key: field for field in fields}
    for part in _KNOWN_KEYS.sub("", error.message).split("; "):
        found = _NAMED_KEY.match(part)
        field = by_key.get(found[1]) if found else None
        if field is None:
            text = _without_quotes(part, by_key)
            form.faults[""] = f"{form.faults.get('', '')} {text[:1].upper()}{text[1:]}.".strip()
            continue
        assert found is not None
        said = part[found.end() :]
        missing = "is missing" in part
        form.faults[field.name] = f"{field.label}: this is needed." if missing else f"{field.label}: {said}."


def _without_quotes(text: str, by_key: Mapping[str, ConnectorField]) -> str:
    """Names of keys, as the form calls them."""
    for key, field in by_key.items():
        text = re.sub(rf"\b{key}(=true)?\b", f"“{field.label}”", text)
    return text


def _field(kind: ConnectorType, key: Key) -> ConnectorField:
    info = kind.config.model_fields[key.name]
    shape, options = _shape(info, key)
    default = "" if info.default in {None, PydanticUndefined} or shape == "check" else _spelled(info.default)
    label = _LABELS.get(key.name) or _SHORT_FORMS.sub(
        lambda found: found[0].upper(), key.name.replace("_", " ").capitalize()
    )
    return ConnectorField(
        key=key.name,
        name=PREFIX + key.name,
        label=label,
        hint=_hint(label, _chosen(key.help), default if shape != "select" else ""),
        kind=shape,
        required=key.required,
        first=key.required or key.ask or (key.secret and key.name in _LONG_TEXTS),
        options=options,
        default=default,
    )


def _shape(info: FieldInfo, key: Key) -> tuple[str, tuple[tuple[str, str], ...]]:
    if key.secret:
        return ("long_secret" if key.name in _LONG_TEXTS else "secret"), ()
    members = _members(info.annotation)
    if members == [bool]:
        # A box that nobody ticked looks like one that was cleared: what is usually on is chosen.
        return ("select", (("true", "Yes"), ("false", "No"))) if info.default is True else ("check", ())
    if any(get_origin(member) is Literal for member in members):
        words = [word for member in members for word in _choices(member)]
        if type(None) in get_args(info.annotation):
            words.insert(0, ("", "As the service does"))
        return "select", tuple(words)
    return ("number" if members == [int] else "text"), ()


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in {None, Literal}:
        return [annotation]
    return [member for member in get_args(annotation) if member is not type(None)]


def _choices(member: Any) -> list[tuple[str, str]]:
    if member is bool:
        return [("true", "Yes"), ("false", "No")]
    return [(str(word), str(word)[:1].upper() + str(word)[1:]) for word in get_args(member)]


def _hint(label: str, text: str, default: str) -> str:
    """What a person needs to know besides the label, which is not said twice."""
    text = text.replace(", or the path of its file", "")
    said = [] if text.lower() == label.lower() else [f"{text[:1].upper()}{text[1:]}."]
    return " ".join([*said, *([f"Usually {default}."] if default else [])])


def _chosen(text: str) -> str:
    """What a choice means: the command line's help says `true asks for ...`, `true: ...` or `false takes ...`."""
    return re.sub(r"^false:? ", "No: ", re.sub(r"^true:? ", "", text))


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
