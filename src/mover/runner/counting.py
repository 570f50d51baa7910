"""What a run has come to, counted from the ledger: as often as that is cheap."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from mover.migrations.records import Counts, PairRun
from mover.migrations.work import Work

_LEAST_PAUSE_S = 2.0
_SHARE = 50  # counting takes at most a fiftieth of the time


class Told(msgspec.Struct, frozen=True):
    """Files that the source told of before any folder of them is scanned, and their sizes in bytes."""

    files: int
    bytes: int


class Counting:
    """Counts one run. What it says is a few seconds old while the run is small, and somewhat older when it is large."""

    def __init__(self, work: Work, run: PairRun, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._work = work
        self._run = run
        self._clock = clock
        self._counted = run.counts
        self._next = 0.0

    async def now(
        self, *, received: int, throttled: int, told: Told | None = None, exact: bool = False
    ) -> Counts:
        """Count, if it is time again or has to be `exact`; what was received and throttled in this slice is added.

        `told`: the source is still being looked through, and has told of so much at once. Of that the ledger counts nothing
        before folders are scanned, and what an earlier slice was told of is not told again.
        """
        began = self._clock()
        if exact or began >= self._next:
            self._counted = await self._work.counted(self._run.id)
            ended = self._clock()
            self._next = ended + max(_LEAST_PAUSE_S, _SHARE * (ended - began))
        counted = self._counted
        if told is not None:
            counted = msgspec.structs.replace(
                counted,
                files_seen=max(counted.files_seen, self._run.counts.files_seen, told.files),
                bytes_seen=max(counted.bytes_seen, self._run.counts.bytes_seen, told.bytes),
            )
        return msgspec.structs.replace(
            counted,
            bytes_received=self._run.counts.bytes_received + received,
            throttled=self._run.counts.throttled + throttled,
        )
