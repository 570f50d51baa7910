"""All that stands below a folder, as the recursive listing tells it that the change feed goes on from.

Dropbox promises no order, and what changes while it is read is told again, or as deleted; a later line of a path counts. Places
are what follows the folder's own lower-case path. Its documentation says that this "may lead to performance issues or errors"
where there is very much: then whoever asked lists folder by folder.

Source: "list_folder", "list_folder/continue".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import msgspec

from mover.connectors.contract import Page, TreeLine, TreePage
from mover.connectors.dropbox.answers import Listing, Metadata
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Areas, Location
from mover.connectors.dropbox.calls import Purpose
from mover.connectors.dropbox.changes import DropboxChanges, spell_cursor
from mover.connectors.dropbox.entries import address, entry_of, its_id
from mover.connectors.dropbox.faults import Fault
from mover.connectors.dropbox.together import SmallReads
from mover.connectors.many_feeds import ManyFeeds
from mover.entries import Entry, EntryRef
from mover.errors import NotFound, ProtocolViolation, Unsupported
from mover.transport.unreadable import UNREADABLE

PAGE = 2000  # the most that Dropbox takes
_OPERATION = "list_tree"


class _Reached(msgspec.Struct, frozen=True):
    """What a cursor of ours holds: the folder, its path as Dropbox compares it, and Dropbox's cursor."""

    path: str
    top: str
    cursor: str


class DropboxTrees(DropboxChanges):
    """The change feed; see `contract.Changes` and `contract.Trees`.

    Args:
        api: The calls.
        areas: Finds places.
        small_reads: Is told what stands in folders.
        page: Most lines of a page.
    """

    def __init__(self, api: FilesApi, areas: Areas, small_reads: SmallReads, *, page: int = PAGE) -> None:
        super().__init__(api, areas)
        self._small_reads = small_reads
        self._page = page

    async def below(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[TreePage, None]:
        """See the contract. A call a page. Raises Unsupported above people's and team folders."""
        where = await self._areas.locate(folder.path, _OPERATION)
        if where is None:
            raise Unsupported("each person and each team folder has a tree of its own", operation=_OPERATION)
        purpose = Purpose(who=where.who, operation=_OPERATION, path=folder.path)
        if cursor is None:
            found = await self._api.list_tree(purpose, address(folder, where.path), self._page)
            top = _top(found, folder, where)
        else:
            reached = _read(cursor, folder)
            top = reached.top
            found = await self._go_on(purpose, reached.cursor)
        while True:
            lines = [
                line
                for entry in found.entries
                if entry.tag in {"file", "folder", "deleted"} and (line := _line(entry, top)) is not None
            ]
            after = msgspec.json.encode(_Reached(folder.path, top, found.cursor)).decode()
            yield TreePage(lines, after, None if found.has_more else spell_cursor(folder.path, found.cursor))
            if not found.has_more:
                return
            found = await self._go_on(purpose, found.cursor)

    async def taken_up(self, folder: EntryRef, entries: Sequence[Entry], *, begins: bool, ends: bool) -> None:
        """See the contract."""
        where = await self._areas.locate(folder.path, _OPERATION)
        if where is not None:
            self._small_reads.listed(folder, address(folder, where.path), entries, begins=begins, ends=ends)

    async def _go_on(self, purpose: Purpose, cursor: str) -> Listing:
        found = await self._api.go_on(purpose, cursor)
        if not isinstance(found, Fault):
            return found
        if found.has("reset"):
            raise NotFound("Dropbox has lost its place in the listing", operation=_OPERATION)
        raise self._api.caller.error(purpose, found)


class TeamTrees(ManyFeeds):
    """The change feed of a team: see `contract.Changes`; of each person's and each team folder also `contract.Trees`.

    Args:
        inner: That of each person and each team folder.
        is_above: See `ManyFeeds`.
        list_folder: Likewise.
    """

    def __init__(
        self,
        inner: DropboxTrees,
        *,
        is_above: Callable[[EntryRef], Awaitable[bool]],
        list_folder: Callable[[EntryRef], AsyncGenerator[Page, None]],
    ) -> None:
        super().__init__(inner, is_above=is_above, list_folder=list_folder, top_of=_no_top)
        self._trees = inner

    def below(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[TreePage, None]:
        """See the contract. Raises Unsupported above people's and team folders."""
        return self._trees.below(folder, cursor)

    async def taken_up(self, folder: EntryRef, entries: Sequence[Entry], *, begins: bool, ends: bool) -> None:
        """See the contract."""
        await self._trees.taken_up(folder, entries, begins=begins, ends=ends)


async def _no_top(_ref: EntryRef) -> str | None:
    return None  # lines name no folder above what stands at a top


def _read(cursor: str, folder: EntryRef) -> _Reached:
    try:
        reached = msgspec.json.decode(cursor, type=_Reached)
    except UNREADABLE as error:
        raise NotFound("the cursor cannot be read", operation=_OPERATION) from error
    if reached.path != folder.path:
        raise NotFound("the cursor is of another folder", operation=_OPERATION)
    return reached


def _top(found: Listing, folder: EntryRef, where: Location) -> str:
    """The path of the folder as Dropbox compares it, with which all paths below it begin."""
    own = its_id(folder)
    for entry in found.entries:
        if own is not None and entry.id == own and entry.tag == "folder" and entry.path_lower:
            return entry.path_lower
    return where.path.lower()


def _line(entry: Metadata, top: str) -> TreeLine | None:
    """What an entry of the listing says; None of the folder itself, which some listings begin with.

    Raises NotFound if the folder itself is gone, ProtocolViolation for what stands nowhere below it.
    """
    at = entry.path_lower
    if at is not None and at == top:
        if entry.tag == "folder":
            return None
        raise NotFound("the folder is no longer there", operation=_OPERATION)
    if at is None or not at.startswith(f"{top}/"):
        raise ProtocolViolation("Dropbox lists what does not stand below the folder", operation=_OPERATION)
    shown = entry.path_display or at
    path = shown[len(top) :] if len(shown) == len(at) else at[len(top) :]
    return TreeLine(at[len(top) :], path, None if entry.tag == "deleted" else entry_of(entry))
