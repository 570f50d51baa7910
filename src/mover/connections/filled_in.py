"""From what a person typed to a checked configuration, and from that to what is saved where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from mover.connectors.configuration import ConnectorConfig
from mover.errors import InvalidConfiguration, one_line
from mover.vault.secret import Secret

LONGEST_VALUE = 65_536
"""In characters: room for any key file, and for nothing that does not belong into a configuration."""

_SURROGATE = re.compile("[\ud800-\udfff]")

Values = Mapping[str, str | Secret]


class FilledIn(msgspec.Struct, frozen=True):
    """A valid configuration, taken apart: `plain` is JSON and goes to the database, `secret` to the vault."""

    config: ConnectorConfig
    plain: Mapping[str, Any]
    secret: Mapping[str, Secret]


def filled_in(kind: type[ConnectorConfig], values: Mapping[str, Any]) -> FilledIn:
    """Check what a person typed, or what was saved, against a connector's configuration.

    Only what was given is taken apart, not what defaults fill in, so that a better default of a later version counts.
    Paths become absolute, since later commands run elsewhere.

    Raises InvalidConfiguration that names each key that is wrong, and repeats no secret.
    """
    secret_keys = {key.name for key in kind.keys() if key.secret}  # noqa: SIM118 - `keys` is a method of its own kind here
    given = {key: _typed(key, value, secret=key in secret_keys) for key, value in values.items()}
    try:
        config = kind.model_validate(given)
    except ValidationError as error:
        # `from None`: the cause would carry what was given, and so perhaps a secret.
        raise InvalidConfiguration(_what_is_wrong(error, kind, given)) from None
    config = config.model_copy(update=_absolute_paths(config))
    plain = config.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude=secret_keys)
    secret = {
        key: value
        for key in sorted(secret_keys & config.model_fields_set)
        if isinstance(value := getattr(config, key), Secret)
    }
    return FilledIn(config, plain, secret)


def _typed(key: str, value: Any, *, secret: bool) -> Any:
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str):
        return text
    if len(text) > LONGEST_VALUE:
        raise InvalidConfiguration(
            f"the value of {one_line(key, limit=80)!r} is longer than {LONGEST_VALUE} characters"
        )
    if secret and _SURROGATE.search(text):  # a byte from the environment that is not UTF-8
        raise InvalidConfiguration(f"the value of {one_line(key, limit=80)!r} is not text in UTF-8")
    return Secret(text) if secret else text


def _absolute_paths(config: ConnectorConfig) -> dict[str, Path]:
    try:
        return {
            key: value.expanduser().absolute()
            for key in config.model_fields_set
            if isinstance(value := getattr(config, key), Path)
        }
    except RuntimeError:
        raise InvalidConfiguration("there is no home folder that ~ could stand for") from None


def _what_is_wrong(error: ValidationError, kind: type[ConnectorConfig], given: Mapping[str, Any]) -> str:
    problems = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        key = repr(one_line(str(detail["loc"][0]), limit=80)) if detail["loc"] else ""
        match detail["type"]:
            case "extra_forbidden":
                problems.append(f"unknown key {key}")
            case "missing":
                problems.append(f"{key} is missing")
            case _:
                said = _without_secrets(detail["msg"].removeprefix("Value error, "), given)
                problems.append(f"{key}: {said[:1].lower()}{said[1:]}" if key else said)
    known = ", ".join(key.name for key in kind.keys() if not key.internal)  # noqa: SIM118 - as above
    return f"{'; '.join(dict.fromkeys(problems))} (known keys: {known})"


def _without_secrets(said: str, given: Mapping[str, Any]) -> str:
    """Make sure that a connector's own check did not quote a secret."""
    for value in given.values():
        if isinstance(value, Secret) and value:
            said = said.replace(value.reveal(), "…")
    return said
