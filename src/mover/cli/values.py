"""The `key=value` arguments of `mover connect`: read from the command line, variables and files, or asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin

from mover.connectors.configuration import ConnectorConfig, Key
from mover.errors import InvalidConfiguration, one_line
from mover.vault.secret import Secret

_FROM_ENVIRONMENT, _FROM_FILE = "@env:", "@file:"
_LARGEST_FILE = 65_536  # bytes

Value = str | Secret
Ask = Callable[[Key], str]


def read_values(kind: type[ConnectorConfig], arguments: Iterable[str]) -> dict[str, Value]:
    """Read `key=value` arguments; secret ones become `Secret` at once.

    Raises InvalidConfiguration: an unknown key, one that is given twice, or a variable or file that is not there.
    """
    keys = {key.name: key for key in _keys(kind)}
    values: dict[str, Value] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals:
            raise InvalidConfiguration(f"not KEY=VALUE: {_shown(name)} ({_known(keys.values())})")
        if name not in keys:
            raise InvalidConfiguration(f"unknown key {_shown(name)} ({_known(keys.values())})")
        if name in values:
            raise InvalidConfiguration(f"the key {name!r} is given twice")
        value = _from_elsewhere(name, text)
        if _is_path(kind, name) or (name == "private_key" and text == value and _looks_like_path(value)):
            value = _absolute(value)
        values[name] = Secret(value) if keys[name].secret else value
    return values


def visible_secrets(kind: type[ConnectorConfig], arguments: Iterable[str]) -> list[str]:
    """Names of the secrets that stand in the command line itself, where other users of the machine see them."""
    secret = {key.name for key in _keys(kind) if key.secret}
    found = []
    for argument in arguments:
        name, _, text = argument.partition("=")
        elsewhere = text.startswith((_FROM_ENVIRONMENT, _FROM_FILE))
        path = name == "private_key" and _looks_like_path(text)
        if name in secret and text and not elsewhere and not path:
            found.append(name)
    return found


def ask_for_missing(
    kind: type[ConnectorConfig], values: Mapping[str, Value], ask: Ask | None
) -> dict[str, Value]:
    """Add what is missing, by asking where there is somebody to ask.

    What is required is asked for until it is given; what may be left out is asked for once, and a password only if no
    other secret was given.

    Raises InvalidConfiguration if nobody can be asked and something required is missing.
    """
    filled = dict(values)
    keys = [key for key in _keys(kind) if not key.internal]
    missing = [key.name for key in keys if key.required and key.name not in filled]
    if ask is None:
        if missing:
            names = ", ".join(missing)
            raise InvalidConfiguration(f"missing: {names} ({_known(_keys(kind))})")
        return filled
    has_secret = any(isinstance(value, Secret) for value in values.values())
    for key in keys:
        if key.name in filled or not (key.required or (key.ask and not (key.secret and has_secret))):
            continue
        answer = ask(key)
        while key.required and not answer:
            answer = ask(key)
        if answer:
            filled[key.name] = Secret(answer) if key.secret else answer
    return filled


def read_elsewhere(option: str, text: str) -> Secret:
    """Read a secret that has to come from a variable or a file. Raises InvalidConfiguration."""
    if not text.startswith((_FROM_ENVIRONMENT, _FROM_FILE)):
        raise InvalidConfiguration(f"{option}: write @env:VARIABLE or @file:PATH, so that nobody sees it")
    return Secret(_from_elsewhere(option, text))


def terminal_to_ask() -> Ask | None:
    """How to ask the person, if there is one: both ends are a terminal."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(key: Key) -> str:
        import typer  # noqa: PLC0415 - loaded already by the command line

        optional = "" if key.required else ", may be left empty"
        answer = typer.prompt(
            f"{key.name} ({key.help}{optional})",
            default="",
            show_default=False,
            hide_input=key.secret,
            err=True,
        )
        return str(answer)

    return ask


def _keys(kind: type[ConnectorConfig]) -> Sequence[Key]:
    return tuple(kind.keys())


def _known(keys: Iterable[Key]) -> str:
    return "known keys: " + ", ".join(key.name for key in keys if not key.internal)


def _shown(name: str) -> str:
    return repr(one_line(name, limit=40))


def _from_elsewhere(key: str, text: str) -> str:
    if text.startswith(_FROM_ENVIRONMENT):
        variable = text.removeprefix(_FROM_ENVIRONMENT)
        value = os.environ.get(variable)
        if not value:
            raise InvalidConfiguration(
                f"{key}: there is no environment variable {_shown(variable)}, or it is empty"
            )
        return value
    if text.startswith(_FROM_FILE):
        return _content(key, text.removeprefix(_FROM_FILE))
    return text


def _content(key: str, path: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "not a usable path"
        raise InvalidConfiguration(f"{key}: the file {_shown(path)} cannot be read: {why}") from None
    if len(raw) > _LARGEST_FILE:
        raise InvalidConfiguration(f"{key}: the file {_shown(path)} is larger than {_LARGEST_FILE} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InvalidConfiguration(f"{key}: the file {_shown(path)} is not text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _looks_like_path(text: str) -> bool:
    return bool(text) and "\n" not in text and "-----BEGIN" not in text


def _absolute(text: str) -> str:
    try:
        return str(Path(text).expanduser().absolute())
    except RuntimeError:
        raise InvalidConfiguration("there is no home folder that ~ could stand for") from None


def _is_path(kind: type[ConnectorConfig], name: str) -> bool:
    annotation = kind.model_fields[name].annotation
    options = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    return Path in options
