"""A runner: takes part in two task queues of Temporal, and looks into the database now and then by itself.

    desk     workflows, and short activities that need only the database; every runner serves it
    slices   of the runs of its own queue, so many at once

It opens no listening socket: both are long polls, dialled out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from mover.database.clock import MOST_S, ClockWrong, check_clock
from mover.errors import MoverError
from mover.lawful.answering import Answering
from mover.mail.choice import mail_from_settings
from mover.migrations.given.holding import Holding
from mover.migrations.retention import Retention
from mover.migrations.scheduler import Scheduler
from mover.migrations.work import Work
from mover.notices.delivering import Deliverer
from mover.runner import names, workflows
from mover.runner.activities import DeskActivities, SliceActivities
from mover.runner.bench import Bench, Draining, Pace
from mover.runner.client import TemporalAccess
from mover.runner.housekeeping import Housekeeper
from mover.runner.measures import Measures
from mover.runner.reconciler import Reconciler
from mover.runner.versions import GONE_S, Versions, versions_from_settings
from mover.staging import Staging
from mover.transfer.run import Engine
from mover.workplace.workplace import Workplace

_log = logging.getLogger(__name__)

_SCHEDULES_EVERY = 12  # looks
_RECONNECT_S = 2.0
_LAST_WORDS_S = 20.0
_AFTERMATH_S = 1.0
_STICKY = timedelta(seconds=2)  # a workflow waits so long for the runner that knows it, if that has gone


def runner_name(queue: str) -> str:
    """What a runner is called: where it runs, and which process it is; never the same twice."""
    return f"{queue}@{socket.gethostname()[:100]}-{os.getpid()}-{token_hex(3)}"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a runner works with; made by `open_runner`."""

    place: Workplace
    access: TemporalAccess
    bench: Bench
    measures: Measures
    reconciler: Reconciler
    scheduler: Scheduler
    deliverer: Deliverer
    housekeeper: Housekeeper
    answering: Answering
    versions: Versions | None  # None: builds are not told apart


class Runner:
    """One runner. `run` returns when it has been told to end and has.

    Args:
        parts: What it works with.
        now_ns: This machine's clock, which has to be the database's.
    """

    def __init__(self, parts: Parts, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._parts = parts
        self._now_ns = now_ns
        self._ending = asyncio.Event()
        self._looks = 0
        self._clock_wrong: ClockWrong | None = None
        silence_s = parts.place.settings.runner_silence_s
        self._silent_ns = int(
            silence_s * 0.8e9
        )  # a little sooner than Temporal, which then finds the run free
        self._most_clock_error_s = min(MOST_S, silence_s / 4)

    @property
    def name(self) -> str:
        """What it is called, in the database and in Temporal."""
        return self._parts.bench.runner

    @property
    def measures(self) -> Measures:
        """For Prometheus."""
        return self._parts.measures

    def end(self) -> None:
        """Let it end: no new slice begins, and those under way stop when no file is. A second time: at once."""
        draining = self._parts.bench.draining
        draining.at_once = draining.begun
        draining.begun = True
        self._ending.set()

    async def run(self) -> None:
        """Work until `end`. Waits for Temporal as long as it takes, also in the middle, and at first for the right time.

        Raises ClockWrong: this machine's clock went wrong later, so it has ended.
        """
        await self._until_clock_is_right()
        looking = [
            asyncio.create_task(self._look_now_and_then()),
            asyncio.create_task(self._deliver_now_and_then()),
            asyncio.create_task(self._answer_now_and_then()),
            asyncio.create_task(self._hold_now_and_then()),
        ]
        if self._parts.versions is not None:
            looking.append(asyncio.create_task(self._parts.versions.keep(asyncio.sleep)))
        try:
            while not self._ending.is_set():
                await self._serve()
        finally:
            for task in looking:
                task.cancel()
            await asyncio.wait(looking)
            await self._look_after("keys that were given", self._parts.bench.keys.leave)
        if self._clock_wrong is not None:
            raise self._clock_wrong

    async def _until_clock_is_right(self) -> None:
        while not self._ending.is_set():
            try:
                await self._check_clock()
            except MoverError as error:  # or nobody tells the time
                _log.error("no work is taken: %s", error)
                await self._pause(self._parts.bench.pace.reconcile_s)
            else:
                return

    async def _serve(self) -> None:
        """Be connected to Temporal, until the end or until that breaks for good."""
        client = await self._connected()
        if client is None:
            return
        desk, slices = self._workers(client)
        running = [asyncio.create_task(worker.run()) for worker in (desk, slices)]
        renewing = asyncio.create_task(self._renew_client(client, (desk, slices)))
        ending = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait({*running, ending}, return_when=asyncio.FIRST_COMPLETED)
            if self._ending.is_set():
                await slices.shutdown()
                # What those slices came to gives workflows something to do. A desk that is shut down at such a moment
                # keeps a task that it was given, and Temporal waits for that before it asks another desk.
                await asyncio.sleep(_AFTERMATH_S)
                await desk.shutdown()
        finally:
            ending.cancel()
            renewing.cancel()
            for task in running:
                if not task.done():
                    task.cancel()
            await asyncio.wait({ending, renewing, *running})
        for task in running:
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("a worker ended and is started again", exc_info=error)
                await self._pause(_RECONNECT_S)
                return

    async def _renew_client(self, client: Client, workers: Sequence[Worker]) -> None:
        """Give workers a new client when the certificates for Temporal were renewed; what is under way goes on."""
        while not self._ending.is_set():
            await self._pause(self._parts.bench.pace.reconcile_s)
            try:
                newest = await self._parts.access.client()
            except MoverError:
                continue  # as long as there is no other, the old one is used
            if newest is not client:
                for worker in workers:
                    worker.client = newest
                client = newest

    async def _connected(self) -> Client | None:
        """The client, as soon as Temporal answers; None if the runner is to end before that."""
        told = False
        while not self._ending.is_set():
            try:
                return await self._parts.access.client()
            except MoverError as error:
                if not told:
                    _log.warning("waiting for Temporal: %s", error)
                    told = True
            await self._pause(_RECONNECT_S)
        return None

    def _workers(self, client: Client) -> tuple[Worker, Worker]:
        parts = self._parts
        bench = parts.bench
        desk = Worker(
            client,
            task_queue=names.DESK,
            workflows=workflows.ALL,
            activities=DeskActivities(
                parts.place.database,
                parts.reconciler,
                parts.scheduler,
                parts.housekeeper,
                silence_s=parts.place.settings.runner_silence_s,
            ).all,
            max_cached_workflows=500,
            sticky_queue_schedule_to_start_timeout=_STICKY,
            max_concurrent_activities=20,
            workflow_failure_exception_types=[workflow.NondeterminismError],
            graceful_shutdown_timeout=timedelta(seconds=5),
            deployment_config=parts.versions.config if parts.versions is not None else None,
        )
        slices = Worker(
            client,
            task_queue=names.slices(bench.queue),
            activities=SliceActivities(bench, parts.measures).all,
            max_concurrent_activities=parts.place.settings.runner_pairs,
            max_heartbeat_throttle_interval=timedelta(seconds=1),
            graceful_shutdown_timeout=timedelta(seconds=bench.pace.drain_s + _LAST_WORDS_S),
        )
        return desk, slices

    async def _look_now_and_then(self) -> None:
        """See to it that nothing is forgotten, whatever happened to Temporal, to other runners, or to a message."""
        while not self._ending.is_set():
            # First: whoever has the wrong time would take living runners for silent ones.
            await self._look_after("the clock", self._look_at_clock)
            if self._clock_wrong is not None:
                return
            steps: list[tuple[str, Callable[[], Awaitable[object]]]] = [
                ("runs of runners that fell silent", self._overdue),
                ("schedules", self._due),
                ("runs without a workflow", self._parts.reconciler.reconcile),
            ]
            if self._looks % _SCHEDULES_EVERY == 0:
                steps.append(("schedules in Temporal", self._parts.reconciler.put_schedules))
            for what, step in steps:
                await self._look_after(what, step)
            self._looks += 1
            await self._pause(self._parts.bench.pace.reconcile_s)

    async def _deliver_now_and_then(self) -> None:
        """Send notices: apart from all else, since receivers and mail servers may take minutes to answer."""
        while not self._ending.is_set():
            await self._look_after("notices", self._parts.deliverer.deliver_due)
            await self._pause(self._parts.bench.pace.reconcile_s)

    async def _answer_now_and_then(self) -> None:
        """Answer orders about what is held: apart from all else, soon, and until the last slice has ended."""
        bench = self._parts.bench
        while True:
            await self._look_after("lawful requests", self._parts.answering.look)
            busy = bench.engine.staging.memory_used or bench.engine.staging.disk_used
            await asyncio.sleep(bench.pace.look_s if busy else bench.pace.reconcile_s)

    async def _hold_now_and_then(self) -> None:
        """Have keys that are given for runs sealed for this runner, and for later ones: until the last slice has ended."""
        keys, pace = self._parts.bench.keys, self._parts.bench.pace
        while True:
            await self._look_after("keys that were given", keys.look)
            await asyncio.sleep(min(pace.reconcile_s, keys.every_s))

    async def _look_after(self, what: str, step: Callable[[], Awaitable[object]]) -> None:
        try:
            await step()
        except MoverError as error:
            _log.warning("cannot look after %s now: %s", what, error)
        except Exception:  # what it is must not keep the other steps from being done
            _log.exception("unexpected error while looking after %s", what)

    async def _look_at_clock(self) -> None:
        try:
            await self._check_clock()
        except ClockWrong as error:
            _log.error("this runner ends: %s", error)
            self._clock_wrong = error
            self.end()

    async def _check_clock(self) -> None:
        await check_clock(self._parts.place.database, most_s=self._most_clock_error_s, now_ns=self._now_ns)

    async def _overdue(self) -> None:
        for run in await self._parts.bench.work.overdue(self._silent_ns):
            _log.warning("run %s was taken from runner %s, which fell silent", run.id, run.runner)

    async def _due(self) -> None:
        for organisation_id in dict.fromkeys(await self._parts.scheduler.fire_due()):
            await self._parts.reconciler.reconcile(organisation_id)

    async def _pause(self, seconds: float) -> None:
        # Not `wait_for`: that forgets that it was cancelled if the end comes at the same moment (before Python 3.12).
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()


@asynccontextmanager
async def open_runner(
    place: Workplace,
    access: TemporalAccess,
    *,
    queue: str = names.DEFAULT_QUEUE,
    name: str | None = None,
    pace: Pace | None = None,
    gone_s: float = GONE_S,
    now_ns: Callable[[], int] = time.time_ns,
) -> AsyncIterator[Runner]:
    """Prepare a runner on an open workplace.

    Args:
        place: Open.
        access: To Temporal.
        queue: Whose pairs it works on.
        name: What it is called; else `runner_name` says.
        pace: How long things take.
        gone_s: As for `Versions`.
        now_ns: As for `Runner`.

    Raises InvalidConfiguration: the queue's name, the way of mail, or staging cannot be used.
    """
    names.check_queue(queue)
    settings = place.settings
    staging = Staging(
        settings.staging_path,
        memory_bytes=settings.staging_memory_bytes,
        disk_bytes=settings.staging_disk_bytes,
    )
    mail = mail_from_settings(settings, place.egress)
    async with staging:
        scheduler = Scheduler(place.database)
        reconciler = Reconciler(place.database, access, scheduler)
        own_name = name or runner_name(queue)
        pace = pace or Pace(drain_s=settings.runner_drain_s)
        bench = Bench(
            place=place,
            work=Work(place.database),
            engine=Engine(
                ledger=place.ledger,
                staging=staging,
                staging_memory_bytes=settings.staging_memory_bytes,
            ),
            queue=queue,
            runner=own_name,
            draining=Draining(),
            keys=Holding(
                place.database,
                place.vault,
                runner=own_name,
                queue=queue,
                lives_s=settings.runner_silence_s,
                now_ns=now_ns,
            ),
            pace=pace,
        )
        yield Runner(
            Parts(
                place=place,
                access=access,
                bench=bench,
                measures=Measures(staging=staging, pacers=place.pacers),
                reconciler=reconciler,
                scheduler=scheduler,
                deliverer=Deliverer(
                    place.database, place.vault, place.egress, mail, public_url=settings.public_url
                ),
                housekeeper=Housekeeper(place, Retention(place.database)),
                answering=Answering(place.database, place.vault, staging, own_name),
                versions=versions_from_settings(settings, access, reconciler, gone_s=gone_s),
            ),
            now_ns=now_ns,
        )
