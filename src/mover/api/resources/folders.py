"""Looking into a connection, and making folders there."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Cursor, Id, Moment, moment
from mover.api.operations import Resource
from mover.entries import Entry, EntryKind, join_path

resource = Resource("Folders", "What stands where at a service.")

LONGEST_PATH = 4096
PathText = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH, examples=["/Documents"])]


class FolderEntry(Answer):
    """A file or folder at the service."""

    name: str
    path: str
    kind: EntryKind
    size: int | None = Field(description="In bytes; null where the service does not say.")
    modified_at: Moment | None


class FolderPage(Answer):
    """A piece of a folder's listing, in the service's order."""

    items: list[FolderEntry]
    next_cursor: str | None


class NewFolder(Body):
    """A folder to be made; the one that is to hold it has to be there."""

    path: PathText


@resource.get("/connections/{connection_id}/folders", Permission.PLAN, limit_s=75.0, problems=(400, 409, 424))
async def browse_folder(
    call: Calling,
    connection_id: Id,
    path: Annotated[
        str, Query(min_length=1, max_length=LONGEST_PATH, description="The folder.", examples=["/"])
    ] = "/",
    *,
    folders_only: Annotated[bool, Query(description="Leave files out.")] = False,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many on a page.")] = 200,
) -> FolderPage:
    """List what stands in a folder of a connection."""
    page = await call.services.connections.browse(
        call.actor,
        connection_id,
        path,
        position=call.cursors.open(cursor),
        limit=limit,
        folders_only=folders_only,
    )
    return FolderPage(
        items=[_shown(path, entry) for entry in page.entries], next_cursor=call.cursors.make(page.next)
    )


@resource.post("/connections/{connection_id}/folders", Permission.PLAN, limit_s=75.0, problems=(409, 424))
async def create_folder(call: Calling, connection_id: Id, new: NewFolder) -> FolderEntry:
    """Make a folder at a service; one that is there already is fine."""
    entry = await call.services.connections.create_folder(call.actor, connection_id, new.path)
    return _shown(new.path.rstrip("/").rpartition("/")[0], entry)


def _shown(folder: str, entry: Entry) -> FolderEntry:
    parts = [part for part in folder.split("/") if part]
    return FolderEntry(
        name=entry.name,
        path=join_path("/" + "/".join(parts), entry.name),
        kind=entry.kind,
        size=entry.size,
        modified_at=_modified(entry.modified_ns),
    )


def _modified(ns: int | None) -> Moment | None:
    return None if ns is None else moment(ns)
