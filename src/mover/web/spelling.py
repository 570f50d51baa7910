"""Figures and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NANOSECONDS = 1_000_000_000
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_STEP = 1000
_TEN = 10
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def number(value: int) -> str:
    """1234567 -> `1,234,567`."""
    return f"{value:,}"


def size(value: float) -> str:
    """Bytes with three digits at most: `0 B`, `9.4 MB`, `120 GB`. Units of 1000, as services count."""
    amount = float(value)
    for unit in _UNITS:
        if amount < _STEP - 0.5 or unit == _UNITS[-1]:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= _TEN - 0.05 else f"{amount:.1f} {unit}"
        amount /= _STEP
    raise AssertionError("the last unit takes any amount")


def rate(bytes_per_second: float) -> str:
    """`12 MB/s`."""
    return f"{size(bytes_per_second)}/s"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 04 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def zone(name: str) -> ZoneInfo:
    """A time zone by name; UTC if it is unknown here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def moment(at_ns: int) -> datetime:
    """Nanoseconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(at_ns // _NANOSECONDS, UTC)


def date_and_time(at_ns: int, name: str = "UTC") -> str:
    """`26 Nov 2026, 14:05 UTC`."""
    local = moment(at_ns).astimezone(zone(name))
    return f"{local.day} {local:%b %Y, %H:%M} {local:%Z}"


def ago(at_ns: int, now_ns: int) -> str:
    """`just now`, `5 minutes ago`, `yesterday`, `12 days ago`; after a month the date. Also for what is to come."""
    seconds = (now_ns - at_ns) / _NANOSECONDS
    distance = abs(seconds)
    if distance < _MINUTE:
        return "just now" if seconds >= 0 else "in a moment"
    if distance < _HOUR:
        amount = _counted(int(distance // _MINUTE), "minute")
    elif distance < _DAY:
        amount = _counted(int(distance // _HOUR), "hour")
    elif distance < 31 * _DAY:
        amount = _counted(int(distance // _DAY), "day")
    else:
        local = moment(at_ns)
        return f"{local.day} {local:%b %Y}"
    return f"{amount} ago" if seconds >= 0 else f"in {amount}"


def counted(amount: int, word: str, words: str = "") -> str:
    """`1 file`, `2,000 files`."""
    return f"{amount:,} {word if amount == 1 else words or word + 's'}"


def _counted(amount: int, word: str) -> str:
    return counted(amount, word)
