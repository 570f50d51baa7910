"""A runner without Temporal, for the browser tests: takes what is queued, and lets the real engine work on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mover.audit.sealing import Sealer
from mover.migrations.given.handing import Handing
from mover.migrations.given.holding import Holding
from mover.migrations.records import PairRun, Schedule
from mover.migrations.work import Limits, Work
from mover.runner.bench import Bench, Draining, Pace
from mover.runner.slices import Held, Slice
from mover.staging import Staging
from mover.transfer.run import Engine
from mover.workplace.workplace import Workplace

NAME = "the tests' runner"
AT_ONCE = 4


class InProcess:
    """An `Orchestration` that works in the same event loop. While it `holds`, what is queued stays so."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._work = Work(place.database)
        self._told = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self.holds = False

    async def nudge(self, organisation_id: str) -> None:  # noqa: ARG002 - all organisations are looked after
        self._told.set()

    async def put_schedule(self, schedule: Schedule) -> None:
        """Schedules fire in the runner's own tests."""

    async def remove_schedule(self, schedule_id: str) -> None:
        """See `put_schedule`."""

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Work until the end of the block."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            for task in (looking, *self._running):
                task.cancel()
            for ended in await asyncio.gather(looking, *self._running, return_exceptions=True):
                if not isinstance(ended, asyncio.CancelledError | None):
                    raise ended

    async def _look(self) -> None:
        settings = self._place.settings
        staging = Staging(
            settings.staging_path,
            memory_bytes=settings.staging_memory_bytes,
            disk_bytes=settings.staging_disk_bytes,
        )
        async with staging:
            keys = Holding(
                self._place.database, self._place.vault, runner=NAME, queue="default", lives_s=3600
            )
            await Handing(self._place.vault).begin()
            await keys.look()
            bench = Bench(
                place=self._place,
                work=self._work,
                engine=Engine(
                    ledger=self._place.ledger,
                    staging=staging,
                    staging_memory_bytes=settings.staging_memory_bytes,
                ),
                queue="default",
                runner=NAME,
                draining=Draining(),
                keys=keys,
                pace=Pace(look_s=0.1),
            )
            while True:
                self._told.clear()
                if not self.holds:
                    await self._take(bench)
                await self._told.wait()

    async def _take(self, bench: Bench) -> None:
        for run in await self._work.take("default", NAME, Limits(free=AT_ONCE - len(self._running))):
            task = asyncio.create_task(self._run(bench, run))
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._told.set()

    async def _run(self, bench: Bench, run: PairRun) -> None:
        try:
            await Slice(bench, run, attempt=1, beat=lambda _counts: None).work()
            await Sealer(self._place.database, self._place.vault).seal_due()
        except Held:
            self._told.set()
