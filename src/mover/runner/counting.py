"""What a run has come to, counted from the ledger: as often as that is cheap."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from mover.entries import EntryKind
from mover.ledger.ledger import Ledger
from mover.ledger.records import Tally, Totals
from mover.ledger.states import MOVED, PROBLEMS, SKIPPED
from mover.migrations.records import Counts

_LEAST_PAUSE_S = 2.0
_SHARE = 50  # counting takes at most a fiftieth of the time


class Counting:
    """Counts one run. What it says is a few seconds old while the run is small, and somewhat older when it is large."""

    def __init__(
        self, ledger: Ledger, before: Counts, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._before = before
        self._clock = clock
        self._counted = before
        self._next = 0.0

    async def now(self, ledger_run_id: int, *, received: int, throttled: int, exact: bool = False) -> Counts:
        """Count, if it is time again or has to be `exact`; what was received and throttled in this slice is added."""
        began = self._clock()
        if exact or began >= self._next:
            tallies = await self._ledger.tally(ledger_run_id)
            failed = await self._ledger.failed_folders(ledger_run_id)
            self._counted = counts_of(tallies, failed)
            ended = self._clock()
            self._next = ended + max(_LEAST_PAUSE_S, _SHARE * (ended - began))
        return msgspec.structs.replace(
            self._counted,
            bytes_received=self._before.bytes_received + received,
            throttled=self._before.throttled + throttled,
        )


def counts_of(tallies: list[Tally], failed_folders: int) -> Counts:
    """Add up what the ledger has tallied."""
    totals = Totals.of(tallies)
    files = [tally for tally in tallies if tally.kind is not EntryKind.FOLDER]
    return Counts(
        files_seen=totals.files_seen,
        files_copied=totals.files_moved,
        files_skipped=totals.files_skipped,
        files_failed=totals.files_problem,
        folders_seen=max(0, totals.folders_seen - failed_folders),
        folders_created=totals.folders_created,
        folders_failed=failed_folders + totals.folders_problem,
        bytes_seen=totals.bytes_seen,
        bytes_copied=sum(tally.size for tally in files if tally.state in MOVED),
        bytes_skipped=sum(tally.size for tally in files if tally.state in SKIPPED),
        bytes_failed=sum(tally.size for tally in files if tally.state in PROBLEMS),
    )
