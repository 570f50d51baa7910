"""Times as Graph spells them (RFC 3339)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 40
_MICROSECOND_NS = 1000


def read_time(text: str | None) -> int | None:
    """Nanoseconds since 1970; None for what is none."""
    if not text or len(text) > _LONGEST:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(microseconds=1) * _MICROSECOND_NS
    except (ValueError, OverflowError):
        return None


def spell_time(at_ns: int, resolution_ns: int) -> str | None:
    """Spell a time, cut to what a drive keeps; None if it is out of the years 1 to 9999."""
    try:
        moment = _EPOCH + timedelta(microseconds=at_ns // resolution_ns * resolution_ns // _MICROSECOND_NS)
    except OverflowError:
        return None
    decimals = f".{moment.microsecond // 1000:03}" if resolution_ns < 1_000_000_000 else ""  # noqa: PLR2004 - a second
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + decimals + "Z"
