"""HTTP dates (RFC 9110 section 5.6.7), read fast enough for listings."""

from __future__ import annotations

import email.utils
import functools

_SECOND_NS = 1_000_000_000
_DAY_S = 86_400
_LONGEST = 64
_USUAL_LENGTH = len("Mon, 12 Jan 2026 10:11:12 GMT")


def modified_ns(text: str | None) -> int | None:
    """Read an HTTP date as nanoseconds since 1970 UTC; None if it is not one."""
    if text is None or len(text) > _LONGEST:
        return None
    if len(text) == _USUAL_LENGTH and text.endswith(" GMT") and text[4] == text[16] == " ":
        clock = text[17:25]
        if (
            clock[2] == clock[5] == ":"
            and clock[:2].isdecimal()
            and clock[3:5].isdecimal()
            and clock[6:].isdecimal()
        ):
            midnight = _midnight(text[5:16])
            if midnight is not None:
                return (midnight + int(clock[:2]) * 3600 + int(clock[3:5]) * 60 + int(clock[6:])) * _SECOND_NS
    seconds = _seconds(text)
    return None if seconds is None else seconds * _SECOND_NS


@functools.lru_cache(maxsize=4096)
def _midnight(day: str) -> int | None:
    """Return the second at which a day such as `12 Jan 2026` begins; remembered, files of a folder share few days."""
    return _seconds(f"{day} 00:00:00 GMT")


def _seconds(text: str) -> int | None:
    try:
        fields = email.utils.parsedate_tz(text)
        return None if fields is None else email.utils.mktime_tz(fields)
    except (ValueError, OverflowError, IndexError):  # a date that no calendar has
        return None
