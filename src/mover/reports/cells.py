"""Values as they stand in reports."""

from __future__ import annotations

from datetime import UTC, datetime

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def moment(time_ns: int | None) -> str:
    """ISO 8601 in UTC with milliseconds; empty for None."""
    if time_ns is None:
        return ""
    return (
        datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def cell(value: object) -> str:
    """Text for a CSV cell that no spreadsheet takes for a formula.

    Names come from outside: one that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is given an apostrophe
    in front (https://owasp.org/www-community/attacks/CSV_Injection). Numbers are left as they are.
    """
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def unguarded(text: str) -> str:
    """The reverse of `cell` for text: takes away the apostrophe that stands before what could be a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text
