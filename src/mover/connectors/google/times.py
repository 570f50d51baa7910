"""Times as Drive writes them: RFC 3339 in UTC, to the millisecond."""

from __future__ import annotations

from mover.connectors.times import read_rfc3339, spell_rfc3339

GRAIN_NS = 1_000_000


def spelled(ns: int) -> str | None:
    """Write nanoseconds since 1970, cut to the millisecond; None for a year that has no four digits."""
    try:
        return spell_rfc3339(ns, decimals=3)
    except OverflowError:
        return None


def read(text: str | None) -> int | None:
    """Read nanoseconds since 1970; None for what is no time."""
    found = read_rfc3339(text)
    return None if found is None else found // GRAIN_NS * GRAIN_NS
