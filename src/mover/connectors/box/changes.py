"""What changed, by the stream of a user's events. Source: guides "Get user events", "Stream position".

Events are kept for two weeks at least, and whoever comes later is told nothing of what is missing: so a cursor knows when
it was made. They may come twice and in any order: of two about one entry that with the higher sequence number counts.
What happens to a folder is told once, and not again for what is in it: where that may have come into sight only now (by a
move, a copy, out of the trash, by an invitation) it is listed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from mover.connectors.box.addresses import FILE, FOLDER, ROOT_ID, WORDS
from mover.connectors.box.answers import Event, Item
from mover.connectors.box.api import LISTED, BoxApi, Doing
from mover.connectors.box.describing import Descriptions
from mover.connectors.box.faults import placed
from mover.connectors.box.listing import list_items
from mover.connectors.box.spots import Spot, Spots, doing_at
from mover.connectors.contract import Change
from mover.entries import ROOT, EntryRef, join_path
from mover.errors import NotFound, ProtocolViolation
from mover.transport.unreadable import UNREADABLE

_OPERATION = "changes"
_KEPT_S = 13 * 24 * 3600.0  # of the two weeks, a day for clocks and for the run itself
_MOST_KNOWN = 200_000
_BRINGS_WHAT_IS_IN_IT = frozenset(
    {"ITEM_MOVE", "ITEM_COPY", "ITEM_UNDELETE_VIA_TRASH", "COLLAB_ADD_COLLABORATOR"}
)
_MAY_HIDE = frozenset({"COLLAB_REMOVE_COLLABORATOR", "COLLAB_ROLE_CHANGE", "COLLAB_ADD_COLLABORATOR"})
_TELLS_NOTHING = frozenset({"ITEM_DOWNLOAD", "ITEM_PREVIEW", "LOCK_CREATE", "LOCK_DESTROY"})


class _Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: str | None
    position: str
    at_s: float


class BoxChanges:
    """As `contract.Changes`: the feed is that of all that the user sees.

    Args:
        api: The calls.
        spots: Finds folders.
        descriptions: Describes entries.
    """

    def __init__(self, api: BoxApi, spots: Spots, descriptions: Descriptions) -> None:
        self._api = api
        self._spots = spots
        self._descriptions = descriptions

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        """See the contract. One call. Raises Unsupported above the users of an enterprise: each has a stream."""
        with placed(self._api.service, _OPERATION, folder.path):
            spot = await self._spots.of(folder, _OPERATION)
        found = await self._api.events("now", doing_at(spot, _OPERATION, folder.path))
        return self._cursor(spot.user, _position(found.next_stream_position))

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """See the contract. A call for each 500 events, one for the end, and one for each event that tells too little."""
        try:
            begun = msgspec.json.decode(cursor, type=_Cursor)
        except UNREADABLE as error:
            raise NotFound("this is no place in a stream of events") from error
        if self._api.now() - begun.at_s > _KEPT_S:
            raise NotFound("events since then may be gone already")
        doing = Doing(user=begun.user, operation=_OPERATION, path="/")
        newest: OrderedDict[str, int] = OrderedDict()
        position = begun.position
        while True:
            page = await self._api.events(position, doing)
            following = _position(page.next_stream_position)
            if not page.entries:
                yield [], self._cursor(begun.user, following)
                return
            if following == position:
                raise ProtocolViolation("the service repeats a page of events")
            async with aclosing(self._changes(page.entries, newest, doing)) as batches:
                async for changes in batches:
                    yield changes, self._cursor(begun.user, position)
            position = following
            yield [], self._cursor(begun.user, position)

    async def _changes(
        self, events: Sequence[Event], newest: OrderedDict[str, int], doing: Doing
    ) -> AsyncGenerator[Sequence[Change], None]:
        changes: list[Change] = []
        for event in events:
            item = _source(event)
            if item is None or event.event_type in _TELLS_NOTHING or not _is_news(item, newest):
                continue
            spot = Spot(doing.user, item.type, item.id)
            change = await self._change(event, item, spot, doing)
            changes.append(change)
            if change.entry is not None and item.type == FOLDER and event.event_type in _BRINGS_WHAT_IS_IN_IT:
                yield changes
                changes = []
                async with aclosing(self._below(spot, doing)) as pages:
                    async for below in pages:
                        yield below
        yield changes

    async def _change(self, event: Event, item: Item, spot: Spot, doing: Doing) -> Change:
        if item.item_status in {"trashed", "deleted"}:
            return Change(spot.entry_id, None)
        if event.event_type in _MAY_HIDE or not _is_told_whole(item):
            try:
                item = await self._api.item(
                    item.type,
                    item.id,
                    doing,
                    fields="type,id,etag,name,sha1,file_version,size,content_created_at,content_modified_at,"
                    "owned_by,shared_link,has_collaborations,item_status,url,parent",
                )
            except NotFound:
                return Change(spot.entry_id, None)
        parent = item.parent
        if parent is None or parent.id is None:
            return Change(spot.entry_id, self._descriptions.entry(item))
        above = spot.beside(FOLDER, parent.id)
        return Change(spot.entry_id, self._descriptions.entry(item, in_folder=above.entry_id), above.entry_id)

    async def _below(self, folder: Spot, doing: Doing) -> AsyncGenerator[Sequence[Change], None]:
        """List all that is in a folder. A call for each folder, and for each thousand entries."""
        waiting = [(folder, doing.path)]
        while waiting:
            spot, path = waiting.pop()
            try:
                async with aclosing(
                    list_items(self._api, self._descriptions, spot, path, None, LISTED)
                ) as pages:
                    async for page in pages:
                        changes = []
                        for entry in page.entries:
                            assert entry.id is not None
                            changes.append(Change(entry.id, entry, spot.entry_id))
                            kind, _, number = entry.id.rpartition("-")
                            if kind == FOLDER:
                                waiting.append((spot.beside(FOLDER, number), join_path(path, entry.name)))
                        yield changes
            except NotFound:
                continue  # gone since; its own event tells

    def _cursor(self, user: str | None, position: str) -> str:
        return msgspec.json.encode(_Cursor(user, position, self._api.now())).decode()


def _source(event: Event) -> Item | None:
    """The entry that an event is about; None for anything else."""
    try:
        item = msgspec.json.decode(event.source, type=Item)
    except UNREADABLE:
        return None
    return item if item.type in WORDS and item.id.isdecimal() and item.id != ROOT_ID else None


def _is_news(item: Item, newest: OrderedDict[str, int]) -> bool:
    """Tell whether an event says more than those before, and remember it."""
    key = f"{item.type}-{item.id}"
    text = str(item.sequence_id) if item.sequence_id is not None else ""
    if not text.isdecimal():
        return True
    sequence = int(text)
    if newest.get(key, -1) > sequence:
        return False
    newest[key] = sequence
    newest.move_to_end(key)
    if len(newest) > _MOST_KNOWN:
        newest.popitem(last=False)
    return True


def _is_told_whole(item: Item) -> bool:
    """Tell whether an event's source is all that a listing would tell."""
    if item.name is None or item.parent is None:
        return False
    if item.type != FILE:
        return True
    return (
        None not in {item.sha1, item.size, item.content_modified_at, item.etag}
        and item.file_version is not None
    )


def _position(found: int | str | None) -> str:
    text = str(found) if found is not None else ""
    if not text.isdecimal():
        raise ProtocolViolation("the service gives no place in the stream of events")
    return text
