"""What a run has come to, counted from the ledger: as often as that is cheap."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from mover.migrations.records import Counts, PairRun
from mover.migrations.work import Work

_LEAST_PAUSE_S = 2.0
_SHARE = 50  # counting takes at most a fiftieth of the time


class Counting:
    """Counts one run. What it says is a few seconds old while the run is small, and somewhat older when it is large."""

    def __init__(self, work: Work, run: PairRun, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._work = work
        self._run = run
        self._clock = clock
        self._counted = run.counts
        self._next = 0.0

    async def now(self, *, received: int, throttled: int, exact: bool = False) -> Counts:
        """Count, if it is time again or has to be `exact`; what was received and throttled in this slice is added."""
        began = self._clock()
        if exact or began >= self._next:
            self._counted = await self._work.counted(self._run.id)
            ended = self._clock()
            self._next = ended + max(_LEAST_PAUSE_S, _SHARE * (ended - began))
        return msgspec.structs.replace(
            self._counted,
            bytes_received=self._run.counts.bytes_received + received,
            throttled=self._run.counts.throttled + throttled,
        )
