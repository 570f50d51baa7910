"""Brings Temporal to where the database is: starts what has no workflow, makes schedules known. Idempotent, all of it.

Every runner does so now and then, and at its start; the API does so for one organisation whenever something changed
there. So Temporal may lose all that it has.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
)
from temporalio.client import (
    Schedule as TemporalSchedule,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from mover.database.database import Database
from mover.migrations.records import Schedule
from mover.migrations.scheduler import Scheduler
from mover.runner import names, queries
from mover.runner.client import CALL_TIMEOUT, TemporalAccess, explained
from mover.runner.workflows import TASK

_log = logging.getLogger(__name__)

_HOUSEKEEPING = timedelta(hours=1)
_CATCH_UP = timedelta(days=1)
_NS = 1_000_000_000


class Reconciler:
    """One a process."""

    def __init__(self, database: Database, access: TemporalAccess, scheduler: Scheduler) -> None:
        self._database = database
        self._access = access
        self._scheduler = scheduler

    async def reconcile(self, organisation_id: str | None = None, *, tell: bool = False) -> int:
        """Let every migration with open runs have its workflow; returns how many there are.

        Those of one organisation are also told to look at once, and all are if `tell` says so. Raises TemporalUnreachable, SignInFailed,
        InvalidConfiguration.
        """
        found = await self._database.read(
            lambda connection: queries.migrations_with_open_runs(connection, organisation_id)
        )
        if not found:
            return 0
        client = await self._access.client()
        try:
            for migration_id in found:
                await _start(client, migration_id, tell=tell or organisation_id is not None)
        except RPCError as error:
            raise explained(error) from None
        return len(found)

    async def put_schedules(self) -> None:
        """Make all schedules of the database known, and forget all others. Raises as `reconcile` does."""
        wanted = {schedule.id: schedule for schedule in await self._scheduler.all()}
        client = await self._access.client()
        try:
            await _put(
                client,
                names.HOUSEKEEPING,
                "Housekeeping",
                ScheduleSpec(intervals=[ScheduleIntervalSpec(every=_HOUSEKEEPING)]),
                anew=False,
            )
            known = {}
            async for entry in await client.list_schedules():
                if (schedule_id := names.schedule_of(entry.id)) is not None:
                    known[schedule_id] = (
                        entry.info.next_action_times[0]
                        if entry.info and entry.info.next_action_times
                        else None
                    )
            for schedule_id in known.keys() - wanted.keys():
                await _remove(client, schedule_id)
            for schedule in wanted.values():
                if schedule.next_ns is None or known.get(schedule.id) != _moment(schedule.next_ns):
                    await put_schedule(client, schedule)
        except RPCError as error:
            raise explained(error) from None

    async def put_schedule(self, schedule: Schedule) -> None:
        """Make one known. Raises as `reconcile` does."""
        client = await self._access.client()
        try:
            await put_schedule(client, schedule)
        except RPCError as error:
            raise explained(error) from None

    async def remove_schedule(self, schedule_id: str) -> None:
        """Forget one. Raises as `reconcile` does."""
        client = await self._access.client()
        try:
            await _remove(client, schedule_id)
        except RPCError as error:
            raise explained(error) from None


async def put_schedule(client: Client, schedule: Schedule) -> None:
    """Let Temporal look for what is due at the schedule's next time; it is put anew for the one after that.

    Times are Mover's own calculation: Temporal's calendars know nothing of local times that come twice or never.
    """
    if schedule.next_ns is None or not schedule.active:
        await _remove(client, schedule.id)
        return
    at = _moment(schedule.next_ns)
    spec = ScheduleSpec(
        calendars=[
            ScheduleCalendarSpec(
                second=[ScheduleRange(at.second)],
                minute=[ScheduleRange(at.minute)],
                hour=[ScheduleRange(at.hour)],
                day_of_month=[ScheduleRange(at.day)],
                month=[ScheduleRange(at.month)],
                year=[ScheduleRange(at.year)],
            )
        ]
    )
    await _put(client, names.schedule(schedule.id), "FireSchedules", spec, anew=True)


async def _start(client: Client, migration_id: str, *, tell: bool) -> None:
    if tell:
        await client.start_workflow(
            "MigrationRun",
            migration_id,
            id=names.migration(migration_id),
            task_queue=names.DESK,
            task_timeout=TASK,
            start_signal="changed",
            rpc_timeout=CALL_TIMEOUT,
        )
    else:
        await client.start_workflow(
            "MigrationRun",
            migration_id,
            id=names.migration(migration_id),
            task_queue=names.DESK,
            task_timeout=TASK,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            rpc_timeout=CALL_TIMEOUT,
        )


async def _put(client: Client, name: str, workflow: str, spec: ScheduleSpec, *, anew: bool) -> None:
    schedule = TemporalSchedule(
        action=ScheduleActionStartWorkflow(workflow, id=name, task_queue=names.DESK),
        spec=spec,
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=_CATCH_UP),
    )
    try:
        await client.create_schedule(name, schedule, rpc_timeout=CALL_TIMEOUT)
    except ScheduleAlreadyRunningError:
        if anew:
            await client.get_schedule_handle(name).update(
                lambda _: ScheduleUpdate(schedule), rpc_timeout=CALL_TIMEOUT
            )


async def _remove(client: Client, schedule_id: str) -> None:
    try:
        await client.get_schedule_handle(names.schedule(schedule_id)).delete(rpc_timeout=CALL_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _moment(ns: int) -> datetime:
    """The first whole second that is not before: whoever looks earlier finds nothing due, and nobody looks again."""
    return datetime.fromtimestamp(-(-ns // _NS), UTC)
