"""Sizes and moments as people type them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from mover.errors import InvalidConfiguration

_SIZE = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,9})?) *(?:([KMGT])i?B?|B)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_AGE = re.compile(r"([0-9]{1,6}) *(min|[hdw])")
_AGE_UNITS_S = {"min": (60, 60), "h": (3600, 3600), "d": (86_400, 86_400), "w": (7 * 86_400, 86_400)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_S = 1_000_000_000


def parse_size(text: str) -> int:
    """Return a number of bytes: `512`, `10K`, `1.5G`, `10MiB`. All units are binary, `MB` included.

    Raises:
        InvalidConfiguration: It is nothing of the kind.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InvalidConfiguration(
            f"not a size: {text!r} (write a number of bytes, or one with K, M, G or T)"
        )
    return int(Decimal(found[1]) * _SIZE_UNITS[(found[2] or "").upper()])


def parse_moment(text: str, *, now: Callable[[], float] = time.time) -> int:
    """Return nanoseconds since 1970 UTC for a date, a date with time (ISO 8601), or an age such as `30d`.

    Without an offset from UTC, UTC is meant. Ages are `min`, `h`, `d` and `w`. They count back from the beginning of the
    current minute, hour or (UTC) day, so that a command that is repeated soon means the same moment and goes on with
    the same run.

    Raises:
        InvalidConfiguration: It is nothing of the kind.
    """
    text = text.strip()
    if found := _AGE.fullmatch(text):
        unit_s, grain_s = _AGE_UNITS_S[found[2]]
        now_s = int(now())
        return (now_s - now_s % grain_s - int(found[1]) * unit_s) * _NS_PER_S
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidConfiguration(
            f"not a date: {text!r} (write 2024-01-31, 2024-01-31T18:00:00+01:00, or an age such as 30d)"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
