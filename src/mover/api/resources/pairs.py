"""Pairs: one source path to one destination path."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field
from starlette.responses import StreamingResponse

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Cursor, Id, Limit, Moment, NumberedId, ReferredId, Whole
from mover.api.operations import Resource
from mover.api.resources.options import Counts, Options, Path, Queue, Tags, Text
from mover.api.streams import csv_download
from mover.migrations import records
from mover.migrations.discovery import Why
from mover.migrations.refusals import NotPossible
from mover.migrations.selection import Selection
from mover.migrations.states import Status

resource = Resource("Pairs", "What is moved where.")

FilterQuery = Annotated[
    str,
    Query(
        alias="filter",
        max_length=1000,
        description="As in the filter box: `column:value`, text, `/expression/`, in quotes, negated with `-`.",
        examples=["status:failed tag:finance"],
    ),
]
Sort = Annotated[
    str, Query(max_length=40, pattern=r"^[a-z_]+$", description="A column.", examples=["source"])
]


class Pair(Answer):
    """A pair, with what its last run came to."""

    id: int
    migration_id: str
    source_connection_id: str
    source_path: str
    destination_connection_id: str
    destination_path: str
    tags: list[str]
    notes: str
    options: Options
    queue: str
    priority: int
    status: Status
    code: int = Field(description="Why it stands where it does.", examples=[100])
    meaning: str = Field(description="The code, in words.")
    message: str
    last_run_id: int | None
    started_at: Moment | None
    ended_at: Moment | None
    counts: Counts
    runs: int
    first_started_at: Moment | None
    active_ns: int = Field(description="Time under way over all runs, in nanoseconds.")
    last_active_ns: int
    total_files_copied: int
    total_bytes_copied: int
    version: int
    created_at: Moment
    changed_at: Moment


class PairPage(Answer):
    """Some pairs."""

    items: list[Pair]
    next_cursor: str | None
    total: int


class NewPair(Body):
    """What is decided about a pair. Connections that are null are those of the migration."""

    source_path: Path
    destination_path: Path
    source_connection_id: ReferredId | None = None
    destination_connection_id: ReferredId | None = None
    tags: Tags = Field(default_factory=list)
    notes: Text = ""
    options: Options = Options()
    queue: Queue = ""
    priority: Annotated[Whole, Field(ge=-100, le=100)] = 0

    def record(self) -> records.NewPair:
        """What the domain takes."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return records.NewPair(**given | {"options": self.options.record(), "tags": tuple(self.tags)})


class NewPairs(Body):
    """Pairs to be added, all or none."""

    pairs: Annotated[list[NewPair], Field(min_length=1, max_length=1000)]


class AddedPairs(Answer):
    """The pairs that were added."""

    items: list[Pair]


class StatusCounts(Answer):
    """How many pairs are in each status."""

    counts: dict[Status, int]


class ProposedPair(Answer):
    """A pair that would fit."""

    source_path: str
    destination_path: str
    matched: bool = Field(description="A folder of that name stands at the destination.")
    ambiguous: bool = Field(description="Several folders there have this name, but for case or accents.")
    known: bool = Field(description="The migration has this pair already.")
    why: Why = Field(
        description="What speaks for it: the map of users, the same address, the same name before the @, the same name; "
        "`new_folder`: a folder of that name will be made; `nobody`: there is no such person or site, and no destination."
    )
    name: str = Field(description="Of the person or site; empty for folders.")
    ready: bool = Field(description="Neither side is suspended or waits to be made.")


class Proposal(Answer):
    """What was found on both sides."""

    items: list[ProposedPair]


@resource.get("/migrations/{migration_id}/pairs", Permission.READ, problems=(400,))
async def list_pairs(
    call: Calling,
    migration_id: Id,
    text: FilterQuery = "",
    sort: Sort = "id",
    direction: Annotated[
        Literal["ascending", "descending"], Query(description="Of the order.")
    ] = "ascending",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PairPage:
    """List the pairs of a migration that match a filter, in an order."""
    page = await call.services.pairs.page(
        call.actor,
        migration_id,
        filter=text,
        sort=sort,
        descending=direction == "descending",
        cursor=call.cursors.open(cursor),
        limit=limit,
    )
    return PairPage(
        items=[shown(pair) for pair in page.items],
        next_cursor=call.cursors.make(page.next),
        total=page.total,
    )


@resource.post("/migrations/{migration_id}/pairs", Permission.PLAN)
async def add_pairs(call: Calling, migration_id: Id, new: NewPairs) -> AddedPairs:
    """Add pairs, all or none."""
    added = await call.services.pairs.add(call.actor, migration_id, [pair.record() for pair in new.pairs])
    return AddedPairs(items=[shown(pair) for pair in added])


@resource.get("/migrations/{migration_id}/pair-statuses", Permission.READ)
async def count_pairs(call: Calling, migration_id: Id, text: FilterQuery = "") -> StatusCounts:
    """Count the pairs that match a filter by their status."""
    return StatusCounts(counts=dict(await call.services.pairs.summary(call.actor, migration_id, filter=text)))


@resource.get("/migrations/{migration_id}/pairs.csv", Permission.READ, media_types=("text/csv",))
async def export_pairs(call: Calling, migration_id: Id, text: FilterQuery = "") -> StreamingResponse:
    """Download the pairs as CSV; changed, the file can be imported as an update."""
    await call.services.migrations.get(call.actor, migration_id)
    lines = call.services.pairs.export_csv(call.actor, migration_id, filter=text)
    return await csv_download(lines, f"pairs-{migration_id}")


@resource.post(
    "/migrations/{migration_id}/pair-proposals", Permission.PLAN, status=200, limit_s=180.0, problems=(424,)
)
async def discover_pairs(call: Calling, migration_id: Id) -> Proposal:
    """Look for people, sites or folders that stand on both sides. Nothing is added."""
    found = await call.services.discovery.propose(call.actor, migration_id)
    return Proposal(items=[ProposedPair.of(match) for match in found])


@resource.get("/pairs/{pair_id}", Permission.READ)
async def get_pair(call: Calling, pair_id: NumberedId) -> Pair:
    """Tell about a pair."""
    pair = await call.services.pairs.get(call.actor, pair_id)
    call.shows(pair.version)
    return shown(pair)


@resource.put("/pairs/{pair_id}", Permission.PLAN, conditional=True)
async def update_pair(call: Calling, pair_id: NumberedId, new: NewPair) -> Pair:
    """Change all that is decided about a pair. It counts from the next run on."""
    before = await call.services.pairs.get(call.actor, pair_id)
    version = call.check_version(before.version)
    changed = await call.services.pairs.update(call.actor, pair_id, new.record(), version=version)
    call.shows(changed.version)
    return shown(changed)


@resource.delete("/pairs/{pair_id}", Permission.PLAN, conditional=True, problems=(409,))
async def delete_pair(call: Calling, pair_id: NumberedId) -> None:
    """Remove a pair; not while its run has not ended."""
    pair = await call.services.pairs.get(call.actor, pair_id)
    call.check_version(pair.version)
    removed = await call.services.pairs.delete(call.actor, Selection.these(pair.migration_id, pair.id))
    if not removed:
        raise NotPossible("the pair has a run that has not ended")


def shown(pair: records.Pair) -> Pair:
    """Show a pair."""
    return Pair.of(pair, options=Options.of(pair.options))
