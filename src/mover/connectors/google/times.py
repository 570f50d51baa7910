"""Times as Drive writes them: RFC 3339 in UTC, to the millisecond."""

from __future__ import annotations

import datetime as dt

GRAIN_NS = 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def spelled(ns: int) -> str | None:
    """Write nanoseconds since 1970, cut to the millisecond; None for a year that has no four digits."""
    try:
        moment = _EPOCH + (ns // GRAIN_NS) * _MILLISECOND
    except OverflowError:
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def read(text: str | None) -> int | None:
    """Read nanoseconds since 1970; None for what is no time."""
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return None
        return ((moment - _EPOCH) // _MILLISECOND) * GRAIN_NS
    except (ValueError, OverflowError):
        return None
