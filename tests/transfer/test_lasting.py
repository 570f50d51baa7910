"""How long a move may take, by what is published, what was set, and what earlier runs achieved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from mover.connectors.costs import CallCosts, Limit, Step
from mover.ledger.estimates import Bound, PastRun, Sort
from mover.transfer.costing import Asked, SideCosts, whole_scan
from mover.transfer.lasting import ENOUGH_FILES, how_long

COSTS = CallCosts(title="Attic", reads=(Step(calls=1),), read_alone=1, uploads=(Step(calls=1),))


@dataclass
class Side:
    """What one side comes to, as the time is worked out from it."""

    costs: CallCosts
    by_sort: dict[Sort, int]
    uploads: int = 0
    uploaded: float = 0.0


@pytest.mark.parametrize(
    ("files", "calls"), [(0, 0.0), (1, 2.0), (4, 7.0), (100, 55.0), (1_000, 505.0), (1_010, 525.0)]
)
def test_shared_calls_cost_no_more_than_ones_own_and_are_shared_by_so_many_at_most(
    files: int, calls: float
) -> None:
    assert Step(calls=0.5, opening=5, alone=2, first=1_000).of(files) == calls


def limit(told: str, most: float, every_s: float, **counts: Any) -> Limit:
    return Limit(told=told, most=most, every_s=every_s, source="", **counts)


CALLS = limit("takes 100 calls a minute", 100, 60, listing=1, reading=1, writing=1, permitting=5)
UPLOADS = limit("takes 10 uploads a minute", 10, 60, upload=1)
VOLUME = limit("takes 1,000 bytes a day", 1_000, 86_400, uploaded_byte=1)
RAISED = limit("takes 1 call a day", 1, 86_400, listing=1, differs=True)
THEN = PastRun(files=ENOUGH_FILES, size=5_000.0, seconds=100.0)


@pytest.mark.parametrize(
    ("limits", "past", "bytes_per_s", "least", "most_s"),
    [
        ((), (), None, None, None),
        (
            (CALLS,),
            (),
            None,
            ("Attic takes 100 calls a minute", 72.0),
            None,
        ),  # 220 less what goes through at once
        ((CALLS, UPLOADS), (), None, ("Attic takes 10 uploads a minute", 240.0), None),
        ((VOLUME, UPLOADS), (), None, ("Attic takes 1,000 bytes a day", 86_400.0), None),
        ((RAISED,), (), None, ("Attic takes 1 call a day", 99 * 86_400.0), None),
        ((RAISED, CALLS), (THEN,), None, ("Attic takes 100 calls a minute", 72.0), 100.0),
        ((), (THEN,), None, ("as fast as earlier runs were", 40.0), 100.0),
        ((UPLOADS,), (THEN,), None, ("Attic takes 10 uploads a minute", 240.0), 240.0),
        ((UPLOADS,), (), 4, ("the bandwidth that was set", 500.0), None),
        ((), (PastRun(files=1, size=1.0, seconds=1.0),), None, None, None),  # too little to tell anything
    ],
)
def test_the_time_is_between_the_tightest_limit_and_what_was_achieved(
    limits: tuple[Limit, ...],
    past: tuple[PastRun, ...],
    bytes_per_s: int | None,
    least: tuple[str, float] | None,
    most_s: float | None,
) -> None:
    sort = {Sort.LISTING: 100, Sort.READING: 15, Sort.PERMITTING: 21}
    side = Side(msgspec.structs.replace(COSTS, limits=limits), sort, uploads=50, uploaded=2_000.0)
    found = how_long([side], files=ENOUGH_FILES, size=2_000.0, bytes_per_s=bytes_per_s, past=past)
    assert found == (None if least is None else Bound(seconds=least[1], why=least[0]), most_s)


def test_what_is_told_of_sizes_without_bound_can_be_kept() -> None:
    charged = SideCosts(msgspec.structs.replace(COSTS, limits=(VOLUME,)), uploaded=1e300)
    charged.add(Sort.WRITING, 1e300)
    charged.close()
    least, _ = how_long([charged], files=1, size=1e300, bytes_per_s=1, past=[THEN])
    assert least is not None
    kept = msgspec.json.encode((charged.by_sort, least))
    assert msgspec.json.decode(kept, type=tuple[dict[Sort, int], Bound])[0] == {Sort.WRITING: 2**63 - 1}


@pytest.mark.parametrize(
    ("resumed", "listed", "calls"), [(False, 2, 30.0), (True, 100, 30.0), (True, 25, 120.0), (True, 0, 130.0)]
)
def test_the_end_of_a_scan_that_was_interrupted_stands_for_all_of_it(
    resumed: bool,  # noqa: FBT001 - of the table
    listed: int,
    calls: float,
) -> None:
    asked = Asked(source=30, destination=0, listed=listed, resumed=resumed)
    assert whole_scan(30, asked, 100) == calls
