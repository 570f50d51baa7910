"""Ending a move again and again in the middle of things, and what is noted each time."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.e2e.command import Mover
from tests.e2e.ledger_file import LedgerFile, finished_recorded, parts_recorded, read_ledger

_STARTING_S = 1.0
_OF_STARTING = 0.15
_LONGER = 1.1


@dataclass(frozen=True)
class Killed:
    """A moment at which a move was killed, and what the ledger said then."""

    number: int
    ledger: LedgerFile


def killed_at_random(
    mover: Mover,
    arguments: tuple[str, ...],
    *,
    times: int,
    seed: int,
    longest_s: float | None = None,
    most_s: float = math.inf,
) -> Iterator[Killed]:
    """Start the same command `times` times and kill it with SIGKILL: now and then while it is starting, mostly later.

    It works for at most `longest_s`. Without that the machine says what is long: the first time it works until a part of
    a large file and the arrival of a file are recorded, from then on at most a little longer than that, and never longer than
    `most_s`. It is an error of the test if the command ends by itself: give it more to do.
    """
    rng = random.Random(seed)
    for number in range(1, times + 1):
        works = begins_to_work(mover)
        running = mover.start(*arguments)
        if longest_s is None:
            running.runs_until(works)
            began = time.monotonic()
            running.runs_until(lambda: parts_recorded(mover.home) > 0)
            running.runs_until(lambda: finished_recorded(mover.home) > 0)
            longest_s = min(_LONGER * (time.monotonic() - began), most_s)
        elif rng.random() < _OF_STARTING:
            running.runs_for(rng.uniform(0, _STARTING_S))
        else:
            running.runs_until(works)
            running.runs_for(rng.uniform(0, longest_s))
        running.kill()
        yield Killed(number, read_ledger(mover.home))


def begins_to_work(mover: Mover) -> Callable[[], bool]:
    """Make a check that a process that starts now has its place in staging, and so is about to work."""
    before = _places(mover)
    return lambda: bool(_places(mover) - before)


def _places(mover: Mover) -> set[str]:
    return {found.name for found in mover.staging.glob("process-*")}


def is_empty(mover: Mover) -> bool:
    """Nothing is left in staging, no file and no folder of a process."""
    return not mover.staging.exists() or not any(mover.staging.iterdir())
