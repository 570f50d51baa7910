"""Figures and times as people read them."""

from __future__ import annotations

import pytest

from mover.web.spelling import ago, counted, date_and_time, duration, size

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (9_940, "9.9 KB"),
        (9_960, "10 KB"),
        (999_499, "999 KB"),
        (999_600, "1.0 MB"),
        (120e9, "120 GB"),
        (5e15, "5.0 PB"),
        (5e18, "5000 PB"),
    ],
)
def test_sizes(value, text):
    assert size(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (185, "3 min 05 s"),
        (7440, "2 h 04 min"),
        (280_000, "3 d 5 h"),
        (-3, "0 s"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (10, "just now"),
        (61, "1 minute ago"),
        (7200, "2 hours ago"),
        (90_000, "1 day ago"),
        (-30, "in a moment"),
        (-7200, "in 2 hours"),
        (86400 * 40, "22 Nov 2023"),
    ],
)
def test_distances_in_time(seconds, text):
    now = 1_704_067_200 * SECOND  # 2024-01-01
    assert ago(now - seconds * SECOND, now) == text


def test_a_zone_that_is_none_is_utc():
    assert date_and_time(0) == "1 Jan 1970, 00:00 UTC"
    assert date_and_time(0, "Europe/Berlin") == "1 Jan 1970, 01:00 CET"
    assert date_and_time(0, "../etc/passwd") == "1 Jan 1970, 00:00 UTC"


def test_counting():
    assert (counted(1, "copy", "copies"), counted(2000, "copy", "copies")) == ("1 copy", "2,000 copies")
