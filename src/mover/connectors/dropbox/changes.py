"""The change feed: a recursive cursor of a folder.

Lines of what is there have an id, those of what is gone a path. Dropbox does not tell the id of the folder that holds an
entry, so that is asked for, once a folder and round; what did not change costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import msgspec

from mover.connectors.contract import Change
from mover.connectors.dropbox.answers import Metadata
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Area, Areas, Location
from mover.connectors.dropbox.calls import Purpose
from mover.connectors.dropbox.entries import address, entry_of
from mover.connectors.dropbox.faults import Fault
from mover.entries import ROOT, EntryRef
from mover.errors import NotFound, Unsupported
from mover.transport.unreadable import UNREADABLE

_PAGE = 1000


class _Place(msgspec.Struct, frozen=True):
    """What a cursor of ours holds: the path in the connection, and Dropbox's cursor."""

    path: str
    cursor: str


class DropboxChanges:
    """See `contract.Changes`."""

    def __init__(self, api: FilesApi, areas: Areas) -> None:
        self._api = api
        self._areas = areas

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        """See the contract. One call. Raises Unsupported above people's and team folders: each has its own feed."""
        where = await self._areas.locate(folder.path, "changes")
        if where is None:
            raise Unsupported("each person and each team folder has changes of its own", operation="changes")
        purpose = Purpose(who=where.who, operation="changes", path=folder.path)
        found = await self._api.latest_cursor(purpose, address(folder, where.path), _PAGE)
        return spell_cursor(folder.path, found.cursor)

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """See the contract. A call a page, and one for each folder whose content changed."""
        try:
            place = msgspec.json.decode(cursor, type=_Place)
        except UNREADABLE as error:
            raise NotFound("the cursor cannot be read", operation="changes") from error
        where = await self._areas.locate(place.path, "changes")
        if where is None:
            raise NotFound("the cursor is of no folder", operation="changes")
        purpose = Purpose(who=where.who, operation="changes", path=place.path)
        parents: dict[str, str | None] = {"": None}
        at, has_more = place.cursor, True
        while has_more:
            found = await self._api.go_on(purpose, at)
            if isinstance(found, Fault):
                if found.has("reset"):
                    raise NotFound("Dropbox has forgotten what changed since then", operation="changes")
                raise self._api.caller.error(purpose, found)
            for entry in found.entries:
                if entry.tag == "folder" and entry.path_lower and entry.id:
                    parents[entry.path_lower] = entry.id
            changes = [
                change
                for entry in found.entries
                if (change := await self._change(entry, where, purpose, parents)) is not None
            ]
            at, has_more = found.cursor, found.has_more
            yield changes, spell_cursor(place.path, at)

    async def _change(
        self, entry: Metadata, where: Location, purpose: Purpose, parents: dict[str, str | None]
    ) -> Change | None:
        if entry.tag == "deleted":
            path = entry.path_display or entry.path_lower
            return None if path is None else Change("", None, path=_in_connection(where.area, path))
        described = entry_of(entry)
        if described.id is None:
            return None
        parent_id = await self._parent(entry, purpose, parents)
        return Change(described.id, described, parent_id)

    async def _parent(self, entry: Metadata, purpose: Purpose, parents: dict[str, str | None]) -> str | None:
        above = (entry.path_lower or "").rpartition("/")[0]
        if above not in parents:
            try:
                parents[above] = (await self._api.get_metadata(purpose, above)).id
            except NotFound:  # it went away meanwhile; another line says so
                parents[above] = None
        return parents[above]


def spell_cursor(path: str, cursor: str) -> str:
    """Return a cursor of ours: the folder's path in the connection, and Dropbox's cursor."""
    return msgspec.json.encode(_Place(path, cursor)).decode()


def _in_connection(area: Area, path: str) -> str:
    return area.top + path
