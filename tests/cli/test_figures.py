from __future__ import annotations

import pytest

from mover.cli.figures import clock_text, count_text, duration_text, moment_text, rate_text, size_text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (10 * 1024 - 1, "10.0 KiB"),
        (100 * 1024 - 1, "100 KiB"),
        (1023 * 1024, "1.00 MiB"),
        (5 * 1024**4, "5.00 TiB"),
        (2**63, "8.00 EiB"),
    ],
)
def test_sizes_have_three_digits(size, text):
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (59.7, "1:00 min"), (187, "3:07 min"), (7500, "2:05 h"),
     (275_000, "3 d 4 h"), (1e12, "more than 100 d")],
)  # fmt: skip
def test_durations(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (9.9, "0:09"), (754, "12:34"), (3723, "1:02:03")])
def test_running_time(seconds, text):
    assert clock_text(seconds) == text


def test_moments_beyond_the_calendar_are_a_dash():
    assert moment_text(None) == moment_text(2**80) == "-"
    assert moment_text(0).startswith(("1970-01-01", "1969-12-31"))


def test_counts_and_rates():
    assert count_text(1, "file") == "1 file"
    assert count_text(2310, "entry", "entries") == "2,310 entries"
    assert rate_text(1024) == "1.00 KiB/s"
