"""What is done to many pairs at once: those that are named, or all that match a filter."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from mover.accounts.actor import Permission
from mover.api.calls import Call, Calling
from mover.api.models import MOST_NS, Answer, Body, Flag, Id, Whole
from mover.api.operations import Resource
from mover.api.resources.options import Filter, Tags, Text
from mover.ledger.states import RunMode
from mover.migrations.selection import Selection

resource = Resource("Actions on pairs", "Start, steer and change many pairs at once.")

_PairIds = Annotated[
    list[Annotated[Whole, Field(ge=1, le=MOST_NS)]], Field(max_length=10_000, examples=[[1042, 1043]])
]


class Pairs(Body):
    """Which pairs: exactly one of `ids`, `filter` and `all`."""

    ids: _PairIds | None = Field(None, min_length=1, description="These.")
    filter: Filter | None = Field(None, min_length=1, description="All that match this filter.")
    all: Flag | None = Field(None, description="true: all of the migration.")
    but: _PairIds = Field(default_factory=list, description="Not these; with `filter` or `all`.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.ids is not None) + (self.filter is not None) + (self.all is True) != 1:
            raise ValueError("give exactly one of ids, filter and all (true)")
        if self.ids is not None and self.but:
            raise ValueError("`but` goes with filter or all")
        return self

    def of(self, migration_id: str) -> Selection:
        """What the domain takes."""
        if self.ids is not None:
            return Selection.these(migration_id, *self.ids)
        return Selection.matching(migration_id, self.filter or "", but=tuple(self.but))


class Chosen(Body):
    """Pairs."""

    pairs: Pairs


class Start(Chosen):
    """Pairs to be run."""

    mode: RunMode = Field(
        RunMode.COPY, description="copy; scan: look and tell; verify: compare what is there."
    )


class Tagging(Chosen):
    """Tags to be added and removed."""

    add: Tags = Field(default_factory=list)
    remove: Tags = Field(default_factory=list)


class Noting(Chosen):
    """Notes to be set."""

    notes: Text


class Prioritising(Chosen):
    """A priority to be set; higher is earlier."""

    priority: Annotated[Whole, Field(ge=-100, le=100)]


class Started(Answer):
    """What came of a start."""

    migration_run_id: str | None
    started: int = Field(description="Pairs that were queued.")
    already_running: int = Field(description="Pairs that had a run under way.")


class Changed(Answer):
    """What came of it."""

    pairs: int = Field(description="How many pairs it was done to.")


@resource.post("/migrations/{migration_id}/start", Permission.RUN, status=202)
async def start_pairs(call: Calling, migration_id: Id, start: Start) -> Started:
    """Queue a run of each pair, unless one is under way."""
    result = await call.services.runs.start(
        call.actor, await _selected(call, migration_id, start), start.mode
    )
    await call.nudge()
    return Started.of(result)


@resource.post("/migrations/{migration_id}/retry", Permission.RUN, status=202)
async def retry_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Started:
    """Queue a run of those pairs whose last run had failures, for what failed alone."""
    result = await call.services.runs.retry_failed(call.actor, await _selected(call, migration_id, chosen))
    await call.nudge()
    return Started.of(result)


@resource.post("/migrations/{migration_id}/pause", Permission.RUN, status=202)
async def pause_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """Pause runs, in order: what is being sent is finished or left to be gone on with."""
    count = await call.services.runs.pause(call.actor, await _selected(call, migration_id, chosen))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/migrations/{migration_id}/resume", Permission.RUN, status=202)
async def resume_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """Let paused runs go on."""
    count = await call.services.runs.resume(call.actor, await _selected(call, migration_id, chosen))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/migrations/{migration_id}/cancel", Permission.RUN, status=202)
async def cancel_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """End runs. What has arrived stays; a later start goes on from there."""
    count = await call.services.runs.cancel(call.actor, await _selected(call, migration_id, chosen))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/migrations/{migration_id}/pair-tags", Permission.PLAN, status=200)
async def tag_pairs(call: Calling, migration_id: Id, tagging: Tagging) -> Changed:
    """Add tags to pairs, and remove others."""
    selection = await _selected(call, migration_id, tagging)
    return Changed(
        pairs=await call.services.pairs.tag(call.actor, selection, add=tagging.add, remove=tagging.remove)
    )


@resource.post("/migrations/{migration_id}/pair-notes", Permission.PLAN, status=200)
async def note_pairs(call: Calling, migration_id: Id, noting: Noting) -> Changed:
    """Set the notes of pairs."""
    return Changed(
        pairs=await call.services.pairs.note(
            call.actor, await _selected(call, migration_id, noting), noting.notes
        )
    )


@resource.post("/migrations/{migration_id}/pair-priorities", Permission.PLAN, status=200)
async def prioritise_pairs(call: Calling, migration_id: Id, prioritising: Prioritising) -> Changed:
    """Set the priority of pairs, also of runs that wait."""
    selection = await _selected(call, migration_id, prioritising)
    return Changed(pairs=await call.services.pairs.prioritise(call.actor, selection, prioritising.priority))


@resource.post("/migrations/{migration_id}/pair-copies", Permission.PLAN)
async def duplicate_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """Add copies of pairs, none of which has run."""
    return Changed(
        pairs=await call.services.pairs.duplicate(call.actor, await _selected(call, migration_id, chosen))
    )


@resource.post("/migrations/{migration_id}/pair-deletions", Permission.PLAN, status=200)
async def delete_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """Remove pairs. Those with a run that has not ended stay."""
    return Changed(
        pairs=await call.services.pairs.delete(call.actor, await _selected(call, migration_id, chosen))
    )


async def _selected(call: Call, migration_id: str, chosen: Chosen) -> Selection:
    """What the domain takes. Of a migration that is not there nothing matches, which would look like a success."""
    await call.services.migrations.get(call.actor, migration_id)
    return chosen.pairs.of(migration_id)
