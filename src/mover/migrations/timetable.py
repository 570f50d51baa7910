"""When schedules start pairs, and the window of the day: pure calculation, in a time zone with its changes of the clock.

Local times are those of the zone. Where the clock is put forward, a local time that does not exist (02:30) is taken as
the same time counted from before the change (03:30). Where it is put back, a local time that exists twice counts the
first time only. Two kinds count real time instead, so that no hour is left out and none comes twice: hourly, and cron
expressions whose field for hours begins with `*`.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from mover.errors import InvalidConfiguration

_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CRON_FIELDS = 5
_LATEST_YEAR = 2200
_FRUITLESS = 10_000  # candidates that a cron expression may offer in vain
_DAY_MINUTES = 24 * 60


class Every(enum.StrEnum):
    """How often."""

    ONCE = "once"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    CRON = "cron"


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """When pairs are started.

    Attributes:
        every: How often; the fields below that belong to it count.
        zone: Name of the time zone: `Europe/Berlin`.
        at: Local time: `2024-01-31T18:00` for once, `18:00` for daily, weekly and monthly.
        minute: Of the hour; for hourly.
        weekdays: 1 is Monday, 7 Sunday; for weekly.
        day: Of the month, 1 to 31; a shorter month's last day stands for those it does not have.
        cron: Five fields: minute, hour, day of month, month, day of week.
    """

    every: Every
    zone: str = "UTC"
    at: str = ""
    minute: int = 0
    weekdays: tuple[int, ...] = ()
    day: int = 1
    cron: str = ""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the day in which pairs run. `start` is in it, `end` is not; over midnight if `end` is not later."""

    start: str
    end: str
    zone: str = "UTC"


def check_timing(timing: Timing) -> None:
    """Raise InvalidConfiguration if it cannot be understood, or names no time at all."""
    zone = _zone(timing.zone)
    match timing.every:
        case Every.ONCE:
            _moment(timing.at, zone)
        case Every.HOURLY:
            if not 0 <= timing.minute <= 59:  # noqa: PLR2004 - minutes of an hour
                raise InvalidConfiguration(f"the minute is one from 0 to 59, not {timing.minute}")
        case Every.DAILY:
            _time(timing.at)
        case Every.WEEKLY:
            _time(timing.at)
            if not timing.weekdays or not all(1 <= day <= 7 for day in timing.weekdays):  # noqa: PLR2004 - days of a week
                raise InvalidConfiguration("give days of the week: 1 for Monday to 7 for Sunday")
        case Every.MONTHLY:
            _time(timing.at)
            if not 1 <= timing.day <= 31:  # noqa: PLR2004 - days of a month
                raise InvalidConfiguration(f"the day of the month is one from 1 to 31, not {timing.day}")
        case Every.CRON:
            _check_cron(timing.cron)
            if next(_cron(timing.cron, zone, 0), None) is None:
                raise InvalidConfiguration(
                    f"the cron expression {timing.cron!r} names a day that never comes"
                )


def next_times(timing: Timing, after_ns: int, count: int = 5) -> list[int]:
    """The next times after a moment, ascending, in nanoseconds since 1970 UTC; fewer if there are no more.

    Raises InvalidConfiguration as `check_timing` does.
    """
    zone = _zone(timing.zone)
    times: Iterator[int]
    match timing.every:
        case Every.ONCE:
            times = iter([_moment(timing.at, zone)])
        case Every.HOURLY:
            times = _hourly(timing.minute, zone, after_ns)
        case Every.CRON:
            _check_cron(timing.cron)
            times = _cron(timing.cron, zone, after_ns)
        case Every.DAILY | Every.WEEKLY | Every.MONTHLY:
            times = _daily(timing, zone, after_ns)
    later = (found for found in times if found > after_ns)
    return list(itertools.islice(_ascending(later), count))


def check_window(window: Window) -> None:
    """Raise InvalidConfiguration if it cannot be understood."""
    _zone(window.zone)
    _time(window.start)
    _time(window.end)


def hours_a_day(window: Window) -> float:
    """How many hours of a day without a change of the clock it is open."""
    start, end = _minutes(_time(window.start)), _minutes(_time(window.end))
    return ((end - start) % (24 * 60) or 24 * 60) / 60


def is_open(window: Window, at_ns: int) -> bool:
    """Tell whether a moment is within the window. One whose start is its end is open all day."""
    local = _local(at_ns, _zone(window.zone))
    now = local.hour * 60 + local.minute
    start, end = _minutes(_time(window.start)), _minutes(_time(window.end))
    if start == end:
        return True
    return start <= now < end if start < end else now >= start or now < end


def next_opening(window: Window, at_ns: int) -> int:
    """When the window is open next: the moment itself if it is open then."""
    if is_open(window, at_ns):
        return at_ns
    zone = _zone(window.zone)
    start = _time(window.start)
    day = _local(at_ns, zone).date()
    for ahead in range(3):
        opening = _in_utc(datetime.combine(day + timedelta(days=ahead), start), zone)
        if opening > at_ns:
            return opening
    raise AssertionError("a window opens every day")


def _ascending(times: Iterator[int]) -> Iterator[int]:
    """Leave out what is not later than the one before: two local times may be the same moment after a gap."""
    last = None
    for found in times:
        if last is None or found > last:
            yield found
            last = found


def _hourly(minute: int, zone: ZoneInfo, after_ns: int) -> Iterator[int]:
    # Zones are not all whole hours apart from UTC, so it is the zone's own minute that counts.
    moment = after_ns // (60 * _NS) * 60 * _NS
    while True:
        moment += 60 * _NS
        apart = (minute - _local(moment, zone).minute) % 60
        moment += apart * 60 * _NS
        if _local(moment, zone).minute == minute:
            yield moment


def _daily(timing: Timing, zone: ZoneInfo, after_ns: int) -> Iterator[int]:
    at = _time(timing.at)
    day = _local(after_ns, zone).date() - timedelta(days=1)
    while day.year < _LATEST_YEAR:
        if _is_due(timing, day):
            yield _in_utc(datetime.combine(day, at), zone)
        day += timedelta(days=1)


def _is_due(timing: Timing, day: date) -> bool:
    match timing.every:
        case Every.WEEKLY:
            return day.isoweekday() in timing.weekdays
        case Every.MONTHLY:
            last = ((day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)).day
            return day.day == min(timing.day, last)
        case _:
            return True


def _cron(expression: str, zone: ZoneInfo, after_ns: int) -> Iterator[int]:
    from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 - loaded only where there is such a schedule

    real = expression.split()[1].startswith("*")
    local = _local(after_ns, zone).replace(tzinfo=None) - timedelta(hours=3)  # over any change of the clock
    naive = croniter(expression, local)
    repeated: list[
        int
    ] = []  # the second time of local times that exist twice, due when the first ones are over
    while True:
        try:
            found = naive.get_next(datetime)
        except CroniterBadDateError:
            return
        if found.year >= _LATEST_YEAR:
            return
        first = _in_utc(found, zone)
        while repeated and repeated[0] <= first:
            yield repeated.pop(0)
        if not real:
            yield first
        elif _exists(found, zone):
            yield first
            second = _in_utc(found, zone, fold=1)
            if second != first:
                repeated.append(second)


def _check_cron(expression: str) -> None:
    from croniter import croniter  # noqa: PLC0415 - as above

    if len(expression.split()) != _CRON_FIELDS or len(expression) > 200:  # noqa: PLR2004 - longer than anybody writes
        raise InvalidConfiguration(
            f"a cron expression has five fields (minute, hour, day, month, weekday), not {expression[:80]!r}"
        )
    try:
        croniter(expression)
    except (
        ValueError,
        KeyError,
        TypeError,
        ArithmeticError,
    ):  # what croniter raises for nonsense of all kinds
        raise InvalidConfiguration(f"not a cron expression: {expression!r}") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # unknown, a path, a folder of the database
        raise InvalidConfiguration(
            f"there is no time zone {name[:80]!r}; write one such as Europe/Berlin or UTC"
        ) from None


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of the day in any zone
    except ValueError:
        raise InvalidConfiguration(f"not a time of the day: {text[:80]!r} (write 18:30)") from None


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def _moment(text: str, zone: ZoneInfo) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidConfiguration(f"not a date with time: {text[:80]!r} (write 2024-01-31T18:30)") from None
    if not 1970 <= found.year < _LATEST_YEAR:  # noqa: PLR2004 - what nanoseconds since 1970 can hold, and a little less
        raise InvalidConfiguration(f"the year {found.year} is too far away")
    return _in_utc(found, zone) if found.tzinfo is None else _nanoseconds(found)


def _local(at_ns: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=at_ns // 1000)).astimezone(zone)


def _in_utc(local: datetime, zone: ZoneInfo, *, fold: int = 0) -> int:
    """The moment of a local time without zone; in a gap it is later by the length of the gap (PEP 495, fold=0)."""
    return _nanoseconds(local.replace(tzinfo=zone, fold=fold).astimezone(UTC))


def _exists(local: datetime, zone: ZoneInfo) -> bool:
    there_and_back = local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there_and_back.replace(tzinfo=None) == local


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
