"""Renaming and moving.

Dropbox takes a new name that differs in case only, answers as if all were well, and keeps the old one. Such a rename goes by
way of a temporary name; a repetition after a crash in between finishes it.
"""

from __future__ import annotations

import hashlib

from mover.connectors.contract import temporary_name
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Areas
from mover.connectors.dropbox.calls import Purpose
from mover.connectors.dropbox.entries import address, entry_of, its_id
from mover.connectors.dropbox.storing import Stores
from mover.entries import Entry, EntryRef
from mover.errors import Conflict, MoverError, NotFound, Unsupported

_KEY_DIGITS = 32


class DropboxRenames:
    """See `contract.Renames`."""

    def __init__(self, api: FilesApi, areas: Areas, stores: Stores) -> None:
        self._api = api
        self._areas = areas
        self._stores = stores

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """See the contract. One call; three where only the case of letters changes."""
        source = await self._areas.locate(entry.path, "rename")
        target = await self._areas.locate(folder.path, "rename")
        if source is None or target is None or not (source.path or its_id(entry)):
            raise self._placed(Unsupported("folders of people and of the team are not renamed"), entry)
        if source.who != target.who:
            raise self._placed(
                Unsupported("Dropbox does not move entries from one account to another"), entry
            )
        purpose = Purpose(who=source.who, operation="rename", path=entry.path)
        at = self._address(entry, source.path)
        into = target.path if its_id(folder) is None else self._address(folder, target.path)
        async with self._stores.of(source.who).turn:
            moved = (await self._api.move(purpose, at, f"{into}/{name}")).metadata
            if moved.name != name and moved.name.lower() == name.lower():
                # No conflict was told, so what stands there is the entry itself, under its old spelling.
                aside = temporary_name(hashlib.sha256(at.encode()).hexdigest()[:_KEY_DIGITS])
                moved = (await self._api.move(purpose, at, f"{into}/{aside}")).metadata
                by_id = moved.id or f"{into}/{aside}"
                moved = (await self._api.move(purpose, by_id, f"{into}/{name}")).metadata
        if moved.name != name:
            raise self._placed(Conflict("Dropbox keeps another name", said=moved.name), entry)
        return entry_of(moved)

    def _address(self, entry: EntryRef, path: str) -> str:
        try:
            return address(entry, path)
        except NotFound as error:
            raise self._placed(error, entry) from None

    def _placed(self, error: MoverError, entry: EntryRef) -> MoverError:
        return error.at(service=self._api.caller.service, operation="rename", path=entry.path)
