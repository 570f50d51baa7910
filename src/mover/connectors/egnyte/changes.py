"""The feed of events, as changes of entries. Events name what changed; how it is now is asked, once for each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import msgspec

from mover.connectors.contract import Change
from mover.connectors.egnyte.addresses import FILE, FOLDER, id_of
from mover.connectors.egnyte.api import EgnyteApi, Event
from mover.connectors.egnyte.listing import entry_of
from mover.entries import ROOT, EntryRef
from mover.errors import InvalidConfiguration, NotFound


class _Position(msgspec.Struct, frozen=True):
    event: int
    folder: str


class EventChanges:
    """Satisfies `contract.Changes`: a call for 100 events, and one for each entry that they are about."""

    def __init__(self, api: EgnyteApi) -> None:
        self._api = api

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        """See the contract."""
        return _text(_Position(await self._api.event_cursor(), folder.path))

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """See the contract. Events are kept for 30 days."""
        try:
            position = msgspec.json.decode(cursor, type=_Position)
        except msgspec.MsgspecError:
            raise InvalidConfiguration("this is no cursor of Egnyte's events") from None
        while (page := await self._api.events(position.event, position.folder)) is not None:
            changed = list(dict.fromkeys(found for event in page.events if (found := _about(event))))
            changes = [await self._change(each) for each in changed]
            if page.latest_id <= position.event:
                return  # a feed that goes in circles
            position = _Position(page.latest_id, position.folder)
            yield changes, _text(position)

    async def _change(self, entry_id: str) -> Change:
        try:
            item = await self._api.describe(EntryRef("/", entry_id), operation="changes")
        except NotFound:
            return Change(entry_id, None)
        parent = id_of(FOLDER, item.parent_id) if item.parent_id else None
        return Change(entry_id, entry_of(item), parent)


def _about(event: Event) -> str | None:
    data = event.data
    if data.is_folder:
        given = data.folder_id or data.target_id
        return id_of(FOLDER, given) if given else None
    return id_of(FILE, data.target_group_id) if data.target_group_id else None


def _text(position: _Position) -> str:
    return msgspec.json.encode(position).decode()
