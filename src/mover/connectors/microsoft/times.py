"""Times as Graph spells them (RFC 3339)."""

from __future__ import annotations

from datetime import UTC

from mover.connectors.times import read_rfc3339, spell_rfc3339


def read_time(text: str | None) -> int | None:
    """Nanoseconds since 1970; None for what is none."""
    return read_rfc3339(text, zone=UTC)


def spell_time(at_ns: int, resolution_ns: int) -> str | None:
    """Spell a time, cut to what a drive keeps; None if it is out of the years 1 to 9999."""
    try:
        return spell_rfc3339(
            at_ns // resolution_ns * resolution_ns,
            decimals=3 if resolution_ns < 1_000_000_000 else 0,  # noqa: PLR2004 - a second
        )
    except OverflowError:
        return None
