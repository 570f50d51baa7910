"""Times as Google writes them: RFC 3339, milliseconds, UTC."""

from __future__ import annotations

import datetime as dt

_MILLISECOND_NS = 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def written(ns: int) -> str:
    """Write nanoseconds since 1970."""
    moment = _EPOCH + dt.timedelta(milliseconds=ns // _MILLISECOND_NS)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parsed(text: str) -> int:
    """Read nanoseconds since 1970, as finely as they are kept. Raises ValueError."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return ((moment - _EPOCH) // dt.timedelta(milliseconds=1)) * _MILLISECOND_NS
