"""Runs as people start, steer and watch them."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.ledger.records import ReportItem
from mover.ledger.states import ItemState, RunMode
from mover.migrations.records import Page, PairRun, Problem, Sample, StartResult
from mover.migrations.selection import Selection
from mover.migrations.states import Trigger


class Runs:
    """Starts need RUN, looking needs READ. After what changes something the caller tells `Orchestration.nudge`."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def start(
        self,
        actor: Actor,
        selection: Selection,
        mode: RunMode = RunMode.COPY,
        *,
        trigger: Trigger | None = None,
    ) -> StartResult:
        """Queue a run of each pair, unless one is under way. `trigger` defaults to API for keys, BY_HAND for people."""
        raise NotImplementedError

    async def retry_failed(self, actor: Actor, selection: Selection) -> StartResult:
        """Queue a run of those pairs whose last run had failures, for the items that failed alone."""
        raise NotImplementedError

    async def pause(self, actor: Actor, selection: Selection) -> int:
        """Wish that runs pause; queued ones do at once. Returns how many."""
        raise NotImplementedError

    async def resume(self, actor: Actor, selection: Selection) -> int:
        """Let paused runs go on, and take back wishes to pause. Returns how many."""
        raise NotImplementedError

    async def cancel(self, actor: Actor, selection: Selection) -> int:
        """Wish that runs end (230; 490 when the system's actor does it); those without a runner do at once. Returns how many."""
        raise NotImplementedError

    async def get(self, actor: Actor, run_id: int) -> PairRun:
        """Find one."""
        raise NotImplementedError

    async def page(
        self,
        actor: Actor,
        *,
        pair_id: int | None = None,
        migration_id: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[PairRun]:
        """Runs of a pair, a migration or the organisation, newest first."""
        raise NotImplementedError

    async def items(
        self,
        actor: Actor,
        run_id: int,
        *,
        states: tuple[ItemState, ...] | None = None,
        reason: str | None = None,
        text: str = "",
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[ReportItem]:
        """Items of a run in the order in which they were seen. `total` is counted up to 10,000."""
        raise NotImplementedError

    async def problems(self, actor: Actor, run_id: int) -> list[Problem]:
        """What went wrong, by reason, the most frequent first."""
        raise NotImplementedError

    async def outcomes(self, actor: Actor, run_id: int) -> dict[ItemState, int]:
        """How many files are in each state."""
        raise NotImplementedError

    async def throughput(self, actor: Actor, run_id: int) -> list[Sample]:
        """Files and bytes over time, at most some 360 points."""
        raise NotImplementedError
