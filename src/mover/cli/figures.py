"""Numbers, sizes, times and rates as people read them."""

from __future__ import annotations

from datetime import datetime

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_LONGEST_S = 100 * _DAY


def size_text(size: float | None) -> str:
    """A size in bytes: `512 B`, `1.4 MiB`; a dash where it is unknown."""
    if size is None:
        return "-"
    if size < _STEP:
        return f"{size:.0f} B"
    for unit in _UNITS:
        size /= _STEP
        if size < 9.995:  # noqa: PLR2004 - what would be shown as 10.0
            return f"{size:.2f} {unit}"
        if size < 999.5:  # noqa: PLR2004 - what would be shown as 1000
            return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"  # noqa: PLR2004 - three digits
    return f"{size:,.0f} {_UNITS[-1]}"


def rate_text(bytes_per_s: float) -> str:
    """A rate: `48.2 MiB/s`."""
    return f"{size_text(bytes_per_s)}/s"


def duration_text(seconds: float) -> str:
    """A time span: `0.8 s`, `42 s`, `3:07 min`, `2:05 h`, `3 d 4 h`."""
    if seconds < 10:  # noqa: PLR2004 - below, tenths tell something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}:{whole % _MINUTE:02} min"
    if whole < _DAY:
        return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02} h"
    if whole < _LONGEST_S:
        return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"
    return f"more than {_LONGEST_S // _DAY} d"


def clock_text(seconds: float) -> str:
    """A time span that is running: `0:09`, `12:34`, `1:02:03`."""
    whole = int(seconds)
    minutes = f"{whole % _HOUR // _MINUTE}:{whole % _MINUTE:02}"
    return minutes if whole < _HOUR else f"{whole // _HOUR}:{minutes:0>5}"


def moment_text(time_ns: int | None) -> str:
    """A moment in local time, to the second; a dash where it is unknown or beyond what a calendar can tell."""
    if time_ns is None:
        return "-"
    try:
        return datetime.fromtimestamp(time_ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "-"


def count_text(count: int, one: str, many: str | None = None) -> str:
    """A number of things: `1 file`, `2,310 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
