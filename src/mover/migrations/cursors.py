"""Where a page ended, as opaque text: values of its last row, bound to the question that was asked."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from mover.errors import InvalidConfiguration

_LONGEST = 6_000


def cursor_for(question: tuple[object, ...], *values: object) -> str:
    """Spell a cursor. `question` is everything that decides the order and what is in it."""
    return base64.urlsafe_b64encode(msgspec.json.encode([_digest(question), *values])).decode().rstrip("=")


def read_cursor(question: tuple[object, ...], cursor: str | None, *kinds: type) -> list[Any] | None:
    """Return the values of a cursor; None without one.

    Raises InvalidConfiguration: it is none, or it belongs to another question.
    """
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor[:_LONGEST].encode("ascii") + b"=" * (-len(cursor) % 4))
        digest, *values = msgspec.json.decode(raw, type=list[str | int])
    except (ValueError, msgspec.MsgspecError):
        raise InvalidConfiguration("the cursor is none that Mover gave; begin at the first page") from None
    fits = len(values) == len(kinds) and all(
        isinstance(value, kind) for value, kind in zip(values, kinds, strict=True)
    )
    if digest != _digest(question) or not fits or any(_too_large(value) for value in values):
        raise InvalidConfiguration(
            "the cursor belongs to another list, filter or order; begin at the first page"
        )
    return values


def _too_large(value: str | int) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def _digest(question: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(question).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def check_limit(limit: int, most: int = 1_000) -> int:
    """Return a number of rows that a page can have. Raises InvalidConfiguration."""
    if not 1 <= limit <= most:
        raise InvalidConfiguration(f"a page has from 1 to {most} rows, not {limit}")
    return limit
