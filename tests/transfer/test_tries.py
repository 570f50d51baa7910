"""How often a file is tried: being told to come later is not what its attempts are for."""

from __future__ import annotations

import random

from mover.errors import MoverError, Throttled, Unreachable
from mover.transfer.tries import Tries
from mover.transport.retries import RetryPolicy

MOST = 3
SLOW, TORN = Throttled("slowly", retry_after_s=1.0), Unreachable("torn")


def tried(*errors: MoverError) -> list[bool]:
    """Whether a file is tried again after each of these."""
    tries = Tries(RetryPolicy(attempts=MOST, first_s=0.0, cap_s=0.0), MOST, random.Random(1), 0)
    told = []
    for error in errors:
        tries.begin()
        told.append(tries.failed(error, parts=0, arrivals=0)[0])
    return told


def test_a_file_that_breaks_is_tried_so_often() -> None:
    assert tried(TORN, TORN, TORN) == [True, True, False]


def test_who_was_told_to_come_later_has_all_attempts_left() -> None:
    assert tried(*[SLOW] * 10, TORN, SLOW, TORN, TORN) == [*[True] * 13, False]
