"""What Temporal runs: when something is started, and what comes after what. No input or output, nothing to compute.

    MigrationRun   one a migration, while it has runs that have not ended: starts those that may be, a `PairRun` each
    PairRun        one a run under way: slice after slice of it, on the runners of its queue
    Housekeeping   by a schedule: what has to be tidied up
    FireSchedules  by schedules: starts what is due

All of it is disposable: the database says what is to be done, and the reconciler starts what is missing.

All of it is pinned to the build of Mover that began it (see `versions`), so a history is never replayed by other code.
Those that may live long continue as new as soon as another build is the current one; the others end in minutes anyway.
Where builds are not told apart, a workflow that can no longer be replayed just fails.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import NoReturn

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError
from temporalio.exceptions import TimeoutError as Overdue

with workflow.unsafe.imports_passed_through():
    from mover.runner import names
    from mover.runner.records import Plan, SliceEnd, Swept, Ticket

TASK = timedelta(seconds=5)
"""A desk that takes so long to think about a workflow is dead, and another one thinks."""

_LONGEST_SLICE = timedelta(days=8)  # a slice ends itself before, and is missed long before if it falls silent
_LONGEST_WAIT = timedelta(
    minutes=15
)  # for a runner of the queue; then it is looked whether the run still waits
_LOOK_AGAIN_S = 15.0
_TOGETHER_S = 0.25  # changes that come so close share a plan
_ROUNDS = 1000
_SLICES = 200
_ANEW_S = 60.0
_REST_S = 1.0
_AT_DESK = timedelta(seconds=60)
_PATIENT = RetryPolicy(maximum_interval=timedelta(seconds=30))
_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=1.5, maximum_interval=timedelta(seconds=20)
)


@workflow.defn(name="MigrationRun")
class MigrationRun:
    """Starts the runs of a migration as they may be, until none is open."""

    def __init__(self) -> None:
        self._changed = False
        self._started: dict[int, float] = {}

    @workflow.run
    async def run(self, migration_id: str) -> None:
        """Go round: plan, start, wait until something changes."""
        for _ in range(_ROUNDS):
            self._changed = False
            plan: Plan = await workflow.execute_activity(
                "plan_migration",
                migration_id,
                result_type=Plan,
                start_to_close_timeout=_AT_DESK,
                retry_policy=_PATIENT,
            )
            await self._start(plan.tickets)
            if plan.open_runs == 0 and not self._changed:
                return
            if workflow.info().is_continue_as_new_suggested() or _outdated():
                break
            wait_s = _LOOK_AGAIN_S if plan.next_s is None else min(_LOOK_AGAIN_S, plan.next_s)
            try:
                await workflow.wait_condition(lambda: self._changed, timeout=wait_s)
            except TimeoutError:
                continue
            await workflow.sleep(_TOGETHER_S)
        _continue(migration_id)

    @workflow.signal
    def changed(self) -> None:
        """Something was queued or wished."""
        self._changed = True

    async def _start(self, tickets: list[Ticket]) -> None:
        """Start those that were not, or so long ago that one may have got lost."""
        now = workflow.time()
        waiting = {ticket.run_id for ticket in tickets}
        self._started = {
            run_id: at for run_id, at in self._started.items() if run_id in waiting and now - at < _ANEW_S
        }
        new = [ticket for ticket in tickets if ticket.run_id not in self._started]
        await asyncio.gather(*map(self._start_one, new))
        self._started |= {ticket.run_id: now for ticket in new}

    async def _start_one(self, ticket: Ticket) -> None:
        try:
            run = await workflow.start_child_workflow(
                PairRun.run,
                ticket,
                id=names.pair_run(ticket.run_id),
                task_timeout=TASK,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                priority=Priority(priority_key=ticket.urgency, fairness_key=ticket.organisation_id),
            )
        except WorkflowAlreadyStartedError:
            return
        run.add_done_callback(lambda ended: self._pair_ended(ticket.run_id, ended))

    def _pair_ended(self, run_id: int, ended: asyncio.Task[None]) -> None:
        if not ended.cancelled():
            ended.exception()  # whatever it was, the database tells whether there is more to do
        self._started.pop(run_id, None)
        self._changed = True


@workflow.defn(name="PairRun")
class PairRun:
    """One run of a pair: slices of time, one after the other, each on whatever runner of the queue is free."""

    @workflow.run
    async def run(self, ticket: Ticket) -> None:
        """Go on until the run has ended, or rests."""
        for _ in range(_SLICES):
            try:
                end: SliceEnd = await workflow.execute_activity(
                    "run_slice",
                    ticket.run_id,
                    task_queue=names.slices(ticket.queue),
                    result_type=SliceEnd,
                    schedule_to_start_timeout=_LONGEST_WAIT,
                    start_to_close_timeout=_LONGEST_SLICE,
                    heartbeat_timeout=timedelta(seconds=ticket.silence_s),
                    retry_policy=_RETRIES,
                    priority=Priority(priority_key=ticket.urgency, fairness_key=ticket.organisation_id),
                )
            except ActivityError as error:
                if isinstance(error.cause, Overdue):
                    return  # no runner of that queue; the migration starts it anew if it still waits
                raise
            if end is SliceEnd.RESTING:
                await workflow.sleep(
                    _REST_S
                )  # what is started anew at once, and cannot be taken, makes no storm
            if end is not SliceEnd.MORE:
                return
            if _outdated():
                break
        _continue(ticket)


@workflow.defn(name="Housekeeping")
class Housekeeping:
    """Tidies up, one thing after the other, so that a large organisation's leftovers make nobody wait."""

    @workflow.run
    async def run(self) -> Swept:
        """Do each once; what is left over is for the next time."""
        swept: Swept = await workflow.execute_activity(
            "tidy_up",
            result_type=Swept,
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(minutes=2),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
        return swept


@workflow.defn(name="FireSchedules")
class FireSchedules:
    """Starts the pairs of schedules whose time has come."""

    @workflow.run
    async def run(self) -> None:
        """Look into the database for what is due, and start it."""
        await workflow.execute_activity(
            "fire_schedules", start_to_close_timeout=_AT_DESK, retry_policy=_PATIENT
        )


def _outdated() -> bool:
    """Tell whether another build than that of this workflow is the current one."""
    return workflow.info().is_target_worker_deployment_version_changed()


def _continue(argument: str | Ticket) -> NoReturn:
    """Continue as new, on the current build."""
    if _outdated():
        workflow.continue_as_new(
            argument, initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE
        )
    workflow.continue_as_new(argument)


ALL = (MigrationRun, PairRun, Housekeeping, FireSchedules)
"""What workers are made with."""
