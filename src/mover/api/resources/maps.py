"""User maps and permission maps: who of a source is who at a destination."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Body as RequestBody
from fastapi import Query
from pydantic import Field
from starlette.responses import StreamingResponse

from mover.accounts.actor import Permission
from mover.api.body_limit import LARGEST_BODY
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Cursor, Id, Limit, Moment, NumberedId
from mover.api.operations import Resource
from mover.api.problems import FieldError, invalid
from mover.api.streams import csv_download
from mover.migrations.records import MapKind, Subject

resource = Resource(
    "Maps",
    "Who is whom on the other side. Runs re-create permissions through the map of their migration.",
)

_PIECE = 64 << 10
Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Staff"])]
_Who = Annotated[str, Field(max_length=320, examples=["ann@example.org"])]
CsvBody = Annotated[
    str,
    RequestBody(
        media_type="text/csv",
        description="UTF-8: `Source User,Destination User`; a blank destination drops what the source had.",
        examples=["Source User,Destination User\r\nann@old.example,ann@new.example\r\n"],
    ),
]


class Map(Answer):
    """A map."""

    id: str
    name: str
    kind: MapKind
    rows: int
    version: int
    created_at: Moment
    changed_at: Moment


class MapList(Answer):
    """All maps by name."""

    items: list[Map]


class NewMap(Body):
    """A map to be made."""

    name: Name
    kind: MapKind


class MapName(Body):
    """Another name."""

    name: Name


class MapRow(Answer):
    """A row of a map."""

    id: int
    kind: Subject
    source: str
    destination: str = Field(description="Empty: what the source had is dropped.")


class MapRowPage(Answer):
    """Some rows of a map."""

    items: list[MapRow]
    next_cursor: str | None
    total: int


class NewMapRow(Body):
    """A row; it takes the place of the one with the same source."""

    source: Annotated[_Who, Field(min_length=1)]
    destination: _Who = ""


class MapImport(Answer):
    """What a file does to a map."""

    added: int
    changed: int
    removed: int
    unchanged: int


class MapPreviewRequest(Body):
    """Whom to look up."""

    users: Annotated[list[Annotated[_Who, Field(min_length=1)]], Field(min_length=1, max_length=1000)] = (
        Field(description="People and groups, as the source knows them.")
    )


class Mapped(Answer):
    """What becomes of somebody."""

    user: str
    destination: str | None = Field(description="null: no row speaks of them; empty: they are dropped.")
    by: str = Field(description="The source of the row that decides.")


class MapPreview(Answer):
    """What becomes of whom."""

    items: list[Mapped]


class MapChange(Answer):
    """A change of a map."""

    at: Moment
    actor_kind: str
    actor_name: str
    action: str
    source: str
    before: str | None
    after: str | None


class MapHistory(Answer):
    """Some changes of a map, the newest first."""

    items: list[MapChange]
    next_cursor: str | None
    total: int


@resource.get("/maps", Permission.READ)
async def list_maps(call: Calling) -> MapList:
    """List all maps by name."""
    return MapList(items=[Map.of(found) for found in await call.services.maps.list(call.actor)])


@resource.post("/maps", Permission.PLAN, problems=(409,))
async def create_map(call: Calling, new: NewMap) -> Map:
    """Make an empty map."""
    made = await call.services.maps.create(call.actor, new.name, new.kind)
    call.made(f"/maps/{made.id}")
    call.shows(made.version)
    return Map.of(made)


@resource.get("/maps/{map_id}", Permission.READ)
async def get_map(call: Calling, map_id: Id) -> Map:
    """Tell about a map."""
    found = await call.services.maps.get(call.actor, map_id)
    call.shows(found.version)
    return Map.of(found)


@resource.patch("/maps/{map_id}", Permission.PLAN, conditional=True)
async def rename_map(call: Calling, map_id: Id, name: MapName) -> Map:
    """Give a map another name."""
    version = call.check_version((await call.services.maps.get(call.actor, map_id)).version)
    changed = await call.services.maps.rename(call.actor, map_id, name.name, version=version)
    call.shows(changed.version)
    return Map.of(changed)


@resource.delete("/maps/{map_id}", Permission.PLAN, conditional=True, problems=(409,))
async def delete_map(call: Calling, map_id: Id) -> None:
    """Remove a map; not while a migration uses it."""
    call.check_version((await call.services.maps.get(call.actor, map_id)).version)
    await call.services.maps.delete(call.actor, map_id)


@resource.get("/maps/{map_id}/rows", Permission.READ, problems=(400,))
async def list_map_rows(
    call: Calling,
    map_id: Id,
    text: Annotated[str, Query(max_length=320, description="Only rows that have this in them.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> MapRowPage:
    """List the rows of a map by source."""
    page = await call.services.maps.rows(
        call.actor, map_id, text=text, cursor=call.cursors.open(cursor), limit=limit
    )
    return MapRowPage(
        items=[MapRow.of(row) for row in page.items],
        next_cursor=call.cursors.make(page.next),
        total=page.total,
    )


@resource.put("/maps/{map_id}/rows", Permission.PLAN)
async def put_map_row(call: Calling, map_id: Id, row: NewMapRow) -> MapRow:
    """Add a row, or change the one with this source."""
    return MapRow.of(await call.services.maps.put_row(call.actor, map_id, row.source, row.destination))


@resource.delete("/maps/{map_id}/rows/{row_id}", Permission.PLAN)
async def delete_map_row(call: Calling, map_id: Id, row_id: NumberedId) -> None:
    """Remove a row."""
    await call.services.maps.remove_row(call.actor, map_id, row_id)


@resource.post(
    "/maps/{map_id}/imports", Permission.PLAN, status=200, largest_body=LARGEST_BODY, limit_s=120.0
)
async def import_map(
    call: Calling,
    map_id: Id,
    content: CsvBody,
    *,
    replace: Annotated[bool, Query(description="Rows that are not in the file go.")] = False,
    dry_run: Annotated[bool, Query(description="Only tell what it would do.")] = False,
) -> MapImport:
    """Read a CSV file into a map, all or nothing: lines that cannot be are told as errors."""
    done = await call.services.maps.import_csv(
        call.actor, map_id, _pieces(content), replace=replace, dry_run=dry_run
    )
    if done.problems:
        raise invalid(
            "the file cannot be read into the map", [FieldError(problem) for problem in done.problems]
        )
    return MapImport.of(done)


@resource.get("/maps/{map_id}/rows.csv", Permission.READ, media_types=("text/csv",))
async def export_map(call: Calling, map_id: Id) -> StreamingResponse:
    """Download a map as CSV."""
    await call.services.maps.get(call.actor, map_id)
    return await csv_download(call.services.maps.export_csv(call.actor, map_id), f"map-{map_id}")


@resource.post("/maps/{map_id}/previews", Permission.READ, status=200)
async def preview_map(call: Calling, map_id: Id, who: MapPreviewRequest) -> MapPreview:
    """Tell what a map does to people."""
    found = await call.services.maps.preview(call.actor, map_id, who.users)
    return MapPreview(items=[Mapped.of(mapped) for mapped in found])


@resource.get("/maps/{map_id}/changes", Permission.READ, problems=(400,))
async def list_map_changes(call: Calling, map_id: Id, cursor: Cursor = None, limit: Limit = 50) -> MapHistory:
    """List who changed what in a map and when, the newest first."""
    page = await call.services.maps.history(call.actor, map_id, cursor=call.cursors.open(cursor), limit=limit)
    return MapHistory(
        items=[MapChange.of(change, at=change.at_ns) for change in page.items],
        next_cursor=call.cursors.make(page.next),
        total=page.total,
    )


async def _pieces(content: str) -> AsyncIterator[bytes]:
    raw = content.encode()
    for start in range(0, len(raw), _PIECE):
        yield raw[start : start + _PIECE]
