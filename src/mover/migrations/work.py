"""What runners call: take runs, report progress, end them. Every step is atomic between processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from mover.database.database import Database
from mover.migrations.records import Answer, Assignment, Counts, PairRun
from mover.migrations.states import RunState


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a runner can take: `free` slots now."""

    free: int


class Work:
    """The runners' side of `pair_runs`. Knows no actor: runners work for all organisations.

    take ─► begin ─► progress, progress ... ─► end
                         └─► pause or give_way (an answer asked for it), or nothing more (it was killed: `overdue`)
    """

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def take(self, queue: str, runner: str, limits: Limits) -> list[PairRun]:
        """Give waiting runs of a queue to a runner: state CHECKING, code 620. No two runners get the same one.

        The organisation with the fewest runs under way comes first; in it, the highest priority, then the oldest. Of a
        migration no more are under way at once than its limit.
        """
        raise NotImplementedError

    async def assignment(self, run_id: int) -> Assignment:
        """All that is needed to run it. Raises NoSuchThing if the run is gone."""
        raise NotImplementedError

    async def begin(self, run_id: int, runner: str, ledger_run_id: int) -> Answer:
        """Note which run of the ledger it is; state SCANNING. Idempotent. Raises Overtaken if the runner has lost it."""
        raise NotImplementedError

    async def progress(
        self, run_id: int, runner: str, counts: Counts, *, state: RunState = RunState.RUNNING
    ) -> Answer:
        """Heartbeat with counts (of the run as a whole); SCANNING or RUNNING. Raises Overtaken if the runner has lost it."""
        raise NotImplementedError

    async def pause(self, run_id: int, runner: str) -> None:
        """The runner has stopped as it was told to; state PAUSED. With the wish to run it waits for its window."""
        raise NotImplementedError

    async def give_way(self, run_id: int, runner: str) -> None:
        """The runner has stopped in order; the run is queued again (a slice ended, the runner drains, another waits)."""
        raise NotImplementedError

    async def end(
        self,
        run_id: int,
        runner: str,
        code: int,
        message: str = "",
        *,
        counts: Counts | None = None,
        failed_connection_id: str | None = None,
    ) -> PairRun | None:
        """Write how it ended, count it in the pair, queue an automatic run if the code asks for one, put notices into the outbox.

        All in one transaction. `counts` of None are added up from the ledger. Returns the automatic run, if any.
        Idempotent: ending a run that has ended changes nothing.
        """
        raise NotImplementedError

    async def overdue(self, silent_for_ns: int, *, limit: int = 100) -> list[PairRun]:
        """Take runs away from runners that fell silent, and queue them again; returns them.

        One that was lost `LOSSES` times without any progress between ends with 404.
        """
        raise NotImplementedError

    async def waiting(self, queue: str | None = None) -> int:
        """How many runs could be taken now."""
        raise NotImplementedError
