"""JSON from outside, read without the leniency that makes two programs understand one text differently.

RFC 8259 leaves open what duplicate names, huge numbers and lone surrogates mean, and says that parsers may limit depth;
Python's parser takes all of them, and NaN as well. What is refused here would otherwise be a gap between what a
checking proxy saw and what Mover does, or a value that no database takes (PostgreSQL refuses NUL in text).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

DEEPEST = 32
"""Levels of arrays and objects; nothing that the API takes has more than five."""

_LARGEST = 2**63 - 1
_MOST_DIGITS = 20
_REFUSED = re.compile("[\0\ud800-\udfff]")


class NotJson(Exception):
    """The text is no JSON at all: 400."""


class RefusedJson(Exception):
    """The text is JSON that Mover does not take: 422. `pointer` is an RFC 6901 pointer to the place, where it is known."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer


def read_json(body: bytes) -> Any:
    """Read a JSON text (UTF-8, RFC 8259). Raises NotJson and RefusedJson, neither of which repeats what was given."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotJson("the body is not text in UTF-8") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_fraction,
        )
    except json.JSONDecodeError as error:
        raise NotJson(f"the body is not JSON: line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise RefusedJson(f"the JSON is nested deeper than {DEEPEST} levels") from None
    check_values(value)
    return value


def check_values(value: Any) -> None:
    """Refuse nesting, characters and numbers that Mover does not take, wherever they stand. Raises RefusedJson."""
    waiting: list[tuple[Any, str, int]] = [(value, "", 0)]
    while waiting:
        here, pointer, depth = waiting.pop()
        match here:
            case str():
                _check_text(here, pointer)
            case dict() | list() if depth >= DEEPEST:
                raise RefusedJson(f"the JSON is nested deeper than {DEEPEST} levels")
            case dict():
                for name, inner in here.items():
                    _check_text(name, pointer)
                    escaped = name.replace("~", "~0").replace("/", "~1")
                    waiting.append((inner, f"{pointer}/{escaped}", depth + 1))
            case list():
                waiting += [(inner, f"{pointer}/{index}", depth + 1) for index, inner in enumerate(here)]
            case _:
                pass


def has_refused_characters(text: str) -> bool:
    """Tell whether a text has NUL characters or lone surrogates, which no database takes."""
    return _REFUSED.search(text) is not None


def _check_text(text: str, pointer: str) -> None:
    if has_refused_characters(text):
        raise RefusedJson("NUL characters and lone surrogates cannot be kept", pointer)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise RefusedJson("a name occurs twice in one object")
    return made


def _constant(_name: str) -> NoReturn:
    raise NotJson("NaN and Infinity are not JSON")


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or not -_LARGEST - 1 <= (number := int(digits)) <= _LARGEST:
        raise RefusedJson("a number is beyond 64 bits")
    return number


def _fraction(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise RefusedJson("a number is too large")
    return number
