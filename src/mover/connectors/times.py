"""Times as services spell them in JSON and headers (RFC 3339, RFC 9110 section 5.6.7)."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MICROSECOND_NS = 1_000
_SECOND_NS = 1_000_000_000
_LONGEST = 64  # no time is longer


def read_rfc3339(text: str | None, *, zone: tzinfo | None = None) -> int | None:
    """Read a time as nanoseconds since 1970 UTC, to the microsecond; None for what is none.

    Args:
        text: From outside.
        zone: Of times that tell none; without it they are none.
    """
    if not text or len(text) > _LONGEST:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            if zone is None:
                return None
            moment = moment.replace(tzinfo=zone)
        return (moment - _EPOCH) // _MICROSECOND * _MICROSECOND_NS
    except (ValueError, OverflowError):
        return None


def spell_rfc3339(ns: int, *, decimals: int = 0) -> str:
    """Spell nanoseconds since 1970 in UTC, cut to so many decimals of a second (at most 6).

    Raises OverflowError out of the years 1 to 9999.
    """
    moment = _EPOCH + timedelta(microseconds=ns // _MICROSECOND_NS)
    fraction = f".{moment.microsecond:06}"[: decimals + 1] if decimals else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f"{fraction}Z"


def http_date(ns: int) -> str:
    """Write nanoseconds since 1970 UTC as an HTTP date; fractions of a second are dropped."""
    return email.utils.formatdate(ns // _SECOND_NS, usegmt=True)
