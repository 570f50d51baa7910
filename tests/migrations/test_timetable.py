from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mover.errors import InvalidConfiguration
from mover.migrations.timetable import (
    Every,
    Timing,
    Window,
    check_timing,
    hours_a_day,
    is_open,
    next_opening,
    next_times,
)

BERLIN = "Europe/Berlin"


def ns(text: str) -> int:
    """Of a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def utc(times: list[int]) -> list[str]:
    return [datetime.fromtimestamp(at / 1e9, UTC).strftime("%m-%d %H:%M") for at in times]


def local(times: list[int], zone: str = BERLIN) -> list[str]:
    return [datetime.fromtimestamp(at / 1e9, ZoneInfo(zone)).strftime("%m-%d %H:%M") for at in times]


# In Berlin the clock goes from 02:00 to 03:00 on 31 March 2024, and from 03:00 back to 02:00 on 27 October.


def test_daily_keeps_its_local_time_over_a_change_of_the_clock():
    timing = Timing(every=Every.DAILY, zone=BERLIN, at="18:00")
    times = next_times(timing, ns("2024-03-30T12:00"), 3)
    assert local(times) == ["03-30 18:00", "03-31 18:00", "04-01 18:00"]
    assert utc(times) == ["03-30 17:00", "03-31 16:00", "04-01 16:00"]


def test_a_time_that_does_not_exist_is_later_by_the_gap():
    timing = Timing(every=Every.DAILY, zone=BERLIN, at="02:30")
    assert local(next_times(timing, ns("2024-03-30T12:00"), 2)) == ["03-31 03:30", "04-01 02:30"]


def test_a_time_that_exists_twice_counts_once():
    timing = Timing(every=Every.DAILY, zone=BERLIN, at="02:30")
    assert utc(next_times(timing, ns("2024-10-26T12:00"), 2)) == ["10-27 00:30", "10-28 01:30"]


def test_hourly_counts_real_hours_over_both_changes():
    timing = Timing(every=Every.HOURLY, zone=BERLIN, minute=30)
    assert utc(next_times(timing, ns("2024-03-31T00:00"), 3)) == ["03-31 00:30", "03-31 01:30", "03-31 02:30"]
    assert utc(next_times(timing, ns("2024-10-27T00:00"), 3)) == ["10-27 00:30", "10-27 01:30", "10-27 02:30"]


def test_hourly_where_the_zone_is_half_an_hour_apart():
    timing = Timing(every=Every.HOURLY, zone="Asia/Kolkata", minute=0)
    assert utc(next_times(timing, ns("2024-01-01T00:00"), 2)) == ["01-01 00:30", "01-01 01:30"]


def test_cron_with_every_hour_counts_real_time_in_the_overlap_and_skips_nothing_in_the_gap():
    timing = Timing(every=Every.CRON, zone=BERLIN, cron="*/30 * * * *")
    overlap = utc(next_times(timing, ns("2024-10-26T23:59"), 6))
    assert overlap == [
        "10-27 00:00",
        "10-27 00:30",
        "10-27 01:00",
        "10-27 01:30",
        "10-27 02:00",
        "10-27 02:30",
    ]
    gap = utc(next_times(timing, ns("2024-03-31T00:29"), 4))
    assert gap == ["03-31 00:30", "03-31 01:00", "03-31 01:30", "03-31 02:00"]


def test_cron_at_an_hour_runs_once_in_gap_and_overlap():
    timing = Timing(every=Every.CRON, zone=BERLIN, cron="15 2 * * *")
    assert local(next_times(timing, ns("2024-03-30T12:00"), 2)) == ["03-31 03:15", "04-01 02:15"]
    assert utc(next_times(timing, ns("2024-10-26T12:00"), 2)) == ["10-27 00:15", "10-28 01:15"]


def test_weekly_monthly_and_once():
    weekly = Timing(every=Every.WEEKLY, at="08:00", weekdays=(1, 5))
    assert utc(next_times(weekly, ns("2024-01-01T08:00"), 3)) == ["01-05 08:00", "01-08 08:00", "01-12 08:00"]
    monthly = Timing(every=Every.MONTHLY, at="08:00", day=31)
    assert utc(next_times(monthly, ns("2024-01-31T08:00"), 3)) == [
        "02-29 08:00",
        "03-31 08:00",
        "04-30 08:00",
    ]
    once = Timing(every=Every.ONCE, zone=BERLIN, at="2024-07-01T18:00")
    assert utc(next_times(once, ns("2024-01-01T00:00"))) == ["07-01 16:00"]
    assert next_times(once, ns("2024-07-01T16:00")) == []


def test_times_are_strictly_after_and_ascend():
    for cron in ("* * * * *", "*/7 */3 * * *", "0 0 29 2 *", "30 1-3 * * 0"):
        timing = Timing(every=Every.CRON, zone=BERLIN, cron=cron)
        start = ns("2024-10-27T00:30")
        times = next_times(timing, start, 50 if cron != "0 0 29 2 *" else 5)
        assert times == sorted(set(times))
        assert times[0] > start


@pytest.mark.parametrize(
    "timing",
    [
        Timing(every=Every.DAILY, at="25:00"),
        Timing(every=Every.DAILY, at=""),
        Timing(every=Every.DAILY, at="18:00", zone="Mars/Olympus"),
        Timing(every=Every.DAILY, at="18:00", zone="../../etc/passwd"),
        Timing(every=Every.DAILY, at="18:00", zone="Europe"),
        Timing(every=Every.DAILY, at="18:00", zone="\0"),
        Timing(every=Every.HOURLY, minute=60),
        Timing(every=Every.WEEKLY, at="18:00"),
        Timing(every=Every.WEEKLY, at="18:00", weekdays=(0,)),
        Timing(every=Every.MONTHLY, at="18:00", day=32),
        Timing(every=Every.ONCE, at="tomorrow"),
        Timing(every=Every.ONCE, at="9999-01-01T00:00"),
        Timing(every=Every.CRON, cron=""),
        Timing(every=Every.CRON, cron="* * * *"),
        Timing(every=Every.CRON, cron="* * * * * *"),
        Timing(every=Every.CRON, cron="61 * * * *"),
        Timing(every=Every.CRON, cron="0 0 31 2 *"),
        Timing(every=Every.CRON, cron="@daily"),
        Timing(every=Every.CRON, cron="* * * * x\0"),
    ],
)
def test_what_is_no_time_is_refused(timing):
    with pytest.raises(InvalidConfiguration):
        check_timing(timing)


def test_a_window_over_midnight_in_a_zone():
    window = Window(start="22:00", end="06:00", zone=BERLIN)
    assert [is_open(window, ns(f"2024-01-01T{at}")) for at in ("20:59", "21:00", "04:59", "05:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert utc([next_opening(window, ns("2024-01-01T05:00"))]) == ["01-01 21:00"]
    assert next_opening(window, ns("2024-01-01T23:00")) == ns("2024-01-01T23:00")


def test_a_window_that_opens_in_a_gap_opens_after_it():
    window = Window(start="02:30", end="04:00", zone=BERLIN)
    opening = next_opening(window, ns("2024-03-31T00:00"))
    assert local([opening]) == ["03-31 03:30"]
    assert is_open(window, opening)


def test_a_window_of_the_whole_day_is_always_open():
    assert is_open(Window(start="08:00", end="08:00"), ns("2024-01-01T00:00"))


@pytest.mark.parametrize(
    ("start", "end", "hours"), [("22:00", "06:00", 8), ("08:00", "17:30", 9.5), ("08:00", "08:00", 24)]
)
def test_a_window_is_open_so_many_hours_a_day(start: str, end: str, hours: float):
    assert hours_a_day(Window(start=start, end=end)) == hours
