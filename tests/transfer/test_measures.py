"""Sizes and moments as people type them."""

from datetime import UTC, datetime

import pytest

from mover.errors import InvalidConfiguration
from mover.transfer.measures import parse_moment, parse_size

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("10K", 10 * 1024),
        ("10k", 10 * 1024),
        ("10M", 10 * 1024**2),
        ("10MB", 10 * 1024**2),
        ("10Mi", 10 * 1024**2),
        ("10 MiB", 10 * 1024**2),
        ("1.5G", 3 * 1024**3 // 2),
        (" 2TiB ", 2 * 1024**4),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "M", "-1", "1e3", "10X", "1 0", "\u0661", "1,5G", "9" * 30, "10iB", "nan"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfiguration, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31T18:30:00", datetime(2024, 1, 31, 18, 30, tzinfo=UTC)),
        ("2024-01-31 18:30", datetime(2024, 1, 31, 18, 30, tzinfo=UTC)),
        ("2024-01-31T18:30:00Z", datetime(2024, 1, 31, 18, 30, tzinfo=UTC)),
        ("2024-01-31T18:30:00+02:00", datetime(2024, 1, 31, 16, 30, tzinfo=UTC)),
        ("1960-01-01", datetime(1960, 1, 1, tzinfo=UTC)),
        ("30d", datetime(2024, 5, 2, tzinfo=UTC)),
        ("2w", datetime(2024, 5, 18, tzinfo=UTC)),
        ("3h", datetime(2024, 6, 1, 9, tzinfo=UTC)),
        ("90min", datetime(2024, 6, 1, 11, 4, tzinfo=UTC)),
        ("0d", datetime(2024, 6, 1, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    now = datetime(2024, 6, 1, 12, 34, 56, tzinfo=UTC).timestamp()

    assert parse_moment(text, now=lambda: now) == int(moment.timestamp()) * SECOND


def test_fractions_of_a_second_are_exact() -> None:
    assert parse_moment("2024-01-31T00:00:00.123456Z") % SECOND == 123_456_000


@pytest.mark.parametrize(
    "text", ["", "yesterday", "30", "d", "-1d", "30x", "2024-13-01", "31.01.2024", "9999999d", "1m"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfiguration, match="not a date"):
        parse_moment(text)
