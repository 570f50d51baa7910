from __future__ import annotations

import pytest

from mover.ledger.estimates import Bound, Estimate, SideCalls, Sort
from mover.reports.estimate import calls_told, span, time_told

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
UPLOADS = "Box takes 240 uploads a minute of a user"


def estimate(
    *,
    least: float | None = None,
    most: float | None = None,
    files: int = 10,
    hours: float = 24.0,
    source: SideCalls | None = None,
    uncounted: tuple[str, ...] = (),
) -> Estimate:
    return Estimate(
        source=source or SideCalls(service="file", by_sort=None),
        destination=SideCalls(service="Box", by_sort={Sort.LISTING: 34, Sort.WRITING: 1_200}),
        files=files,
        size=0,
        unknown_sizes=0,
        least=None if least is None else Bound(seconds=least, why=UPLOADS),
        most_s=most,
        uncounted=uncounted,
        hours_a_day=hours,
    )


@pytest.mark.parametrize(
    ("least", "most", "told"),
    [
        (3 * HOUR, 5 * HOUR, f"Between 3 and 5 hours: {UPLOADS}."),
        (50 * MINUTE, 2 * HOUR, f"Between 50 minutes and 2 hours: {UPLOADS}."),
        (3 * DAY, 3 * DAY, f"About 3 days: {UPLOADS}."),
        (1.0, 2.0, f"Less than a minute: {UPLOADS}."),
        (1.0, 2 * HOUR, f"Between less than a minute and 2 hours: {UPLOADS}."),
        (1e300, 1e300, f"More than 1,000 days: {UPLOADS}."),
    ],
)
def test_a_range_says_what_decides(least: float, most: float, told: str) -> None:
    assert time_told(estimate(least=least, most=most)) == told


def test_nothing_is_invented() -> None:
    nothing = "nothing that tells the pace has been moved between the two yet"
    assert time_told(estimate()) == f"Not known: {nothing}, and neither publishes a limit."
    assert time_told(estimate(least=5.0)).startswith(f"Not known: {nothing}. No limit that is known")
    assert time_told(estimate(least=3 * HOUR)) == (
        f"At least 3 hours: {UPLOADS}. How much longer is not known: {nothing}."
    )
    assert time_told(estimate(files=0, least=0.0)) == "There are no files to move."


def test_a_window_stretches_what_does_not_fit_into_one_of_its_days() -> None:
    assert "3 hours: " in time_told(estimate(least=3 * HOUR, most=3 * HOUR, hours=8))
    told = time_told(estimate(least=16 * HOUR, most=16 * HOUR, hours=8))
    assert told == f"About 2 days: {UPLOADS}, within a window of 8 hours a day."


def test_calls_are_told_of_those_sides_where_somebody_counts_them() -> None:
    assert calls_told(estimate()) == "About 1,234 calls to Box."
    one = SideCalls(service="Google", by_sort={Sort.READING: 1})
    assert calls_told(estimate(source=one)) == "About 1 call to Google and about 1,234 calls to Box."
    same = SideCalls(service="Box", by_sort={Sort.READING: 1})
    assert calls_told(estimate(source=same, uncounted=("earlier versions of files",))) == (
        "About 1 call to Box as the source and about 1,234 calls to Box as the destination, "
        "without earlier versions of files."
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (59.0, "less than a minute"),
        (60.0, "1 minute"),
        (90.0, "1.5 minutes"),
        (2.26 * HOUR, "2.5 hours"),
        (47 * HOUR, "47 hours"),
        (2 * DAY, "2 days"),
        (float("nan"), "less than a minute"),
        (float("inf"), "more than 1,000 days"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text
