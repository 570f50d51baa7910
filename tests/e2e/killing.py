"""Ending a move again and again in the middle of things, and what is noted each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.e2e.command import Mover
from tests.e2e.ledger_file import LedgerFile, read_ledger

_STARTING_S = 1.0
_MOVING_S = 1.5
_OF_STARTING = 0.15


@dataclass(frozen=True)
class Killed:
    """A moment at which a move was killed, and what the ledger said then."""

    number: int
    ledger: LedgerFile


def killed_at_random(mover: Mover, arguments: tuple[str, ...], *, times: int, seed: int) -> Iterator[Killed]:
    """Start the same command `times` times and kill it with SIGKILL: now and then while it is starting, mostly later.

    It is an error of the test if the command ends by itself: slow it down.
    """
    rng = random.Random(seed)
    for number in range(1, times + 1):
        works = begins_to_work(mover)
        running = mover.start(*arguments)
        if rng.random() < _OF_STARTING:
            running.runs_for(rng.uniform(0, _STARTING_S))
        else:
            running.runs_until(works)
            running.runs_for(rng.uniform(0, _MOVING_S))
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
