"""Runs: one execution of a pair each, with its items."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.calls import Call, Calling
from mover.api.models import Answer, Cursor, Id, Limit, Moment, NumberedId
from mover.api.operations import Resource
from mover.api.resources.options import Counts
from mover.api.resources.pair_actions import Changed, Started
from mover.entries import EntryKind
from mover.ledger.estimates import Sort
from mover.ledger.states import Action, ItemState, RunMode, Verification
from mover.migrations.refusals import NotPossible
from mover.migrations.selection import Selection
from mover.migrations.states import RunState, Status, Trigger, Wish
from mover.reports.estimate import calls_told, time_told

resource = Resource("Runs", "What was moved when, and what came of it.")

_Reason = Annotated[str | None, Query(max_length=40, pattern=r"^[a-z_]+$", description="A reason code.")]
_ItemState = Annotated[ItemState | None, Query(description="Only items in this state.")]
_Search = Annotated[str, Query(max_length=500, description="Only items whose path has this in it.")]


class Run(Answer):
    """One execution of a pair."""

    id: int
    migration_id: str
    migration_run_id: str
    pair_id: int
    mode: RunMode
    trigger: Trigger
    attempt: int
    retry_of: int | None
    state: RunState
    status: Status
    wish: Wish = Field(description="What was asked of it last.")
    code: int
    meaning: str
    message: str
    queue: str
    priority: int
    counts: Counts
    queued_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    active_ns: int = Field(description="Time under way, in nanoseconds.")


class RunPage(Answer):
    """Some runs."""

    items: list[Run]
    next_cursor: str | None
    total: int


class Item(Answer):
    """An entry in a run, with its outcome. Paths are relative to the pair's."""

    id: int
    kind: EntryKind
    path: str
    destination_path: str
    size: int | None
    modified_at: Moment | None
    state: ItemState
    action: Action
    verification: Verification | None = Field(description="How its arrival was proven.")
    content_hash: str | None
    attempts: int
    reason: str | None
    side: str | None
    message: str
    started_at: Moment | None
    ended_at: Moment | None


class ItemPage(Answer):
    """Some items. `total` is counted up to 10,000."""

    items: list[Item]
    next_cursor: str | None
    total: int


class ProblemGroup(Answer):
    """Items of a run that share a reason."""

    reason: str
    state: str
    count: int
    advice: str
    example: str = Field(description="The path of one of them.")
    message: str


class RunProblems(Answer):
    """What went wrong, by reason, the most frequent first."""

    items: list[ProblemGroup]


class Sample(Answer):
    """How far a run was at a time: files and bytes copied since it began."""

    at: Moment
    files: int
    bytes: int


class Throughput(Answer):
    """Files and bytes over time."""

    samples: list[Sample]


class SideCalls(Answer):
    """Calls on one side."""

    service: str
    calls: int | None = Field(description="All together; null where nobody counts the calls to a service.")
    by_sort: dict[Sort, int] | None = Field(
        description="listing: signing in, listings and permissions, as the scan asked for them itself; reading: content, "
        "and entries described; writing: content, folders, times, names; permitting: permissions given and taken back."
    )


class Estimate(Answer):
    """What a move will cost, as the scan worked it out at its end."""

    source: SideCalls
    destination: SideCalls
    files: int = Field(description="To be moved, compared or renamed.")
    bytes: int = Field(description="Their sizes, as far as they are known.")
    unknown_sizes: int = Field(description="So many of the files tell no size.")
    least_s: float | None = Field(
        description="Seconds of work that it takes at least; null where nothing is known."
    )
    decided_by: str = Field(description="What decides that, for people.")
    most_s: float | None = Field(
        description="Seconds of work that it takes at most by what earlier runs achieved; null where nothing is known."
    )
    hours_a_day: float = Field(description="How long work goes on a day: less than 24 where a window is set.")
    calls_text: str = Field(description="The calls, for people.")
    time_text: str = Field(description="The time, for people.")


class RunEstimate(Answer):
    """What the move will cost; null for runs that did more than look, or did not come to their end."""

    estimate: Estimate | None


@resource.get("/runs", Permission.READ, problems=(400,))
async def list_runs(call: Calling, cursor: Cursor = None, limit: Limit = 50) -> RunPage:
    """List the runs of the organisation, the newest first."""
    return await _page(call, cursor, limit)


@resource.get("/migrations/{migration_id}/runs", Permission.READ, problems=(400,))
async def list_runs_of_migration(
    call: Calling, migration_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> RunPage:
    """List the runs of a migration's pairs, the newest first."""
    await call.services.migrations.get(call.actor, migration_id)
    return await _page(call, cursor, limit, migration_id=migration_id)


@resource.get("/pairs/{pair_id}/runs", Permission.READ, problems=(400,))
async def list_runs_of_pair(
    call: Calling, pair_id: NumberedId, cursor: Cursor = None, limit: Limit = 50
) -> RunPage:
    """List the runs of a pair, the newest first."""
    await call.services.pairs.get(call.actor, pair_id)
    return await _page(call, cursor, limit, pair_id=pair_id)


@resource.get("/runs/{run_id}", Permission.READ)
async def get_run(call: Calling, run_id: NumberedId) -> Run:
    """Tell about a run."""
    return Run.of(await call.services.runs.get(call.actor, run_id))


@resource.post("/runs/{run_id}/pause", Permission.RUN, status=202, problems=(409,))
async def pause_run(call: Calling, run_id: NumberedId) -> Changed:
    """Pause the run of its pair, in order."""
    count = await call.services.runs.pause(call.actor, await _pair_of(call, run_id))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/runs/{run_id}/resume", Permission.RUN, status=202, problems=(409,))
async def resume_run(call: Calling, run_id: NumberedId) -> Changed:
    """Let the run go on."""
    count = await call.services.runs.resume(call.actor, await _pair_of(call, run_id))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/runs/{run_id}/cancel", Permission.RUN, status=202, problems=(409,))
async def cancel_run(call: Calling, run_id: NumberedId) -> Changed:
    """End the run. What has arrived stays."""
    count = await call.services.runs.cancel(call.actor, await _pair_of(call, run_id))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/runs/{run_id}/retry", Permission.RUN, status=202, problems=(409,))
async def retry_run(call: Calling, run_id: NumberedId) -> Started:
    """Run the pair again for what failed alone; only for the pair's last run."""
    result = await call.services.runs.retry_failed(call.actor, await _pair_of(call, run_id))
    await call.nudge()
    return Started.of(result)


@resource.get("/runs/{run_id}/items", Permission.READ, problems=(400,))
async def list_items(
    call: Calling,
    run_id: NumberedId,
    state: _ItemState = None,
    reason: _Reason = None,
    text: _Search = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ItemPage:
    """List the items of a run in the order in which they were seen."""
    page = await call.services.runs.items(
        call.actor,
        run_id,
        states=None if state is None else (state,),
        reason=reason,
        text=text,
        cursor=call.cursors.open(cursor),
        limit=limit,
    )
    return ItemPage(
        items=[Item.of(item) for item in page.items],
        next_cursor=call.cursors.make(page.next),
        total=page.total,
    )


@resource.get("/runs/{run_id}/problems", Permission.READ)
async def list_problems(call: Calling, run_id: NumberedId) -> RunProblems:
    """Tell what went wrong in a run, by reason, and what to do about it."""
    found = await call.services.runs.problems(call.actor, run_id)
    return RunProblems(items=[ProblemGroup.of(problem) for problem in found])


@resource.get("/runs/{run_id}/estimate", Permission.READ)
async def get_estimate(call: Calling, run_id: NumberedId) -> RunEstimate:
    """Tell what the move that was looked at will cost: calls on both sides, and how long it may take."""
    found = await call.services.runs.estimate(call.actor, run_id)
    if found is None:
        return RunEstimate(estimate=None)
    least = found.least
    told = Estimate.of(
        found,
        bytes=found.size,
        least_s=None if least is None else least.seconds,
        decided_by="" if least is None else least.why,
        calls_text=calls_told(found),
        time_text=time_told(found),
    )
    return RunEstimate(estimate=told)


@resource.get("/runs/{run_id}/throughput", Permission.READ)
async def get_throughput(call: Calling, run_id: NumberedId) -> Throughput:
    """Tell how fast a run went, at most some 360 points."""
    samples = await call.services.runs.throughput(call.actor, run_id)
    return Throughput(samples=[Sample.of(sample, at=sample.at_ns) for sample in samples])


async def _page(
    call: Call, cursor: str | None, limit: int, *, migration_id: str | None = None, pair_id: int | None = None
) -> RunPage:
    page = await call.services.runs.page(
        call.actor,
        migration_id=migration_id,
        pair_id=pair_id,
        cursor=call.cursors.open(cursor),
        limit=limit,
    )
    return RunPage(
        items=[Run.of(run) for run in page.items],
        next_cursor=call.cursors.make(page.next),
        total=page.total,
    )


async def _pair_of(call: Call, run_id: int) -> Selection:
    """A run is steered by its pair: it has at most one that has not ended."""
    run = await call.services.runs.get(call.actor, run_id)
    if (
        run.state is RunState.ENDED
        and run.id != (await call.services.pairs.get(call.actor, run.pair_id)).last_run_id
    ):
        raise NotPossible("the run has ended, and its pair has a later one")
    return Selection.these(run.migration_id, run.pair_id)
