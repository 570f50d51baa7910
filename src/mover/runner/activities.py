"""What workflows have done: each a short call into another room, or a slice of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from mover.database.database import Database
from mover.migrations.records import Counts
from mover.migrations.scheduler import Scheduler
from mover.runner import queries
from mover.runner.bench import Bench
from mover.runner.housekeeping import Housekeeper
from mover.runner.measures import Measures
from mover.runner.reconciler import Reconciler
from mover.runner.records import Plan, SliceEnd, Swept
from mover.runner.slices import Held, run_slice
from mover.runner.tracing import about


class DeskActivities:
    """Short ones, for which any runner will do: they need only the database and Temporal."""

    def __init__(
        self,
        database: Database,
        reconciler: Reconciler,
        scheduler: Scheduler,
        housekeeper: Housekeeper,
        *,
        silence_s: float,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._reconciler = reconciler
        self._scheduler = scheduler
        self._housekeeper = housekeeper
        self._silence_s = silence_s
        self._now_ns = now_ns

    @property
    def all(self) -> list[Callable[..., Any]]:
        """For a worker."""
        return [self.plan_migration, self.fire_schedules, self.tidy_up]

    @activity.defn(name="plan_migration")
    async def plan_migration(self, migration_id: str) -> Plan:
        """See which runs of a migration may be started now."""
        return await self._database.read(
            lambda connection: queries.plan(
                connection, migration_id, self._now_ns(), silence_s=self._silence_s
            )
        )

    @activity.defn(name="fire_schedules")
    async def fire_schedules(self) -> None:
        """Start the pairs of schedules that are due, and make known when those are due next."""
        for organisation_id in dict.fromkeys(await self._scheduler.fire_due()):
            await self._reconciler.reconcile(organisation_id)
        await self._reconciler.put_schedules()

    @activity.defn(name="tidy_up")
    async def tidy_up(self) -> Swept:
        """Remove what is old."""
        return await self._housekeeper.tidy_up(activity.heartbeat)


class SliceActivities:
    """Slices of runs, for the runners of a queue."""

    def __init__(self, bench: Bench, measures: Measures) -> None:
        self._bench = bench
        self._measures = measures

    @property
    def all(self) -> list[Callable[..., Any]]:
        """For a worker."""
        return [self.run_slice]

    @activity.defn(name="run_slice")
    async def run_slice(self, run_id: int) -> SliceEnd:
        """Take a run and work on it for a while."""
        with about(run=run_id), self._measures.slice() as measured:

            def beat(counts: Counts) -> None:
                measured.look()
                activity.heartbeat(counts.files_copied, counts.bytes_copied)

            try:
                end = await run_slice(
                    self._bench, run_id, attempt=activity.info().attempt, beat=beat, made=measured.of
                )
            except Held as held:
                measured.ended("held")
                raise ApplicationError(
                    "not now",
                    type="Held",
                    next_retry_delay=timedelta(seconds=held.after_s),
                    category=ApplicationErrorCategory.BENIGN,
                ) from None
            measured.ended(end.value)
            return end
