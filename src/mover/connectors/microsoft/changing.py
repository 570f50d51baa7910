"""Folders, renames, times."""

from __future__ import annotations

from typing import Any

from mover.connectors.microsoft.addressing import Address
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.listing import Lister
from mover.connectors.microsoft.sessions import Grain
from mover.connectors.microsoft.territory import Territory, in_drive
from mover.connectors.microsoft.times import spell_time
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import Conflict, NotFound, ServiceFault, Unsupported


class Changing:
    """Satisfies `contract.Times` and `contract.Renames`, and makes folders."""

    def __init__(self, api: GraphApi, territory: Territory, lister: Lister, grain: Grain) -> None:
        self._api = api
        self._territory = territory
        self._lister = lister
        self._grain = grain

    async def create_folder(self, parent: Address, path: str, name: str) -> Entry:
        """Make a folder, or find it there."""
        try:
            item = await self._api.create_folder(parent, name, operation="create_folder", path=path)
        except Conflict:
            try:
                item = await self._api.item(parent.child(name), operation="create_folder", path=path)
            except NotFound as error:
                raise ServiceFault(
                    "the service knows the name and not yet what has it", retry_after_s=1.0, said=error.said
                ) from error
            entry = self._lister.entry(parent.drive, item)
            if entry.kind is not EntryKind.FOLDER:
                raise
            return entry
        self._api.caller.fresh.add(parent.drive, item.id)
        return self._lister.entry(parent.drive, item)

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """See `contract.Times`."""
        text = spell_time(modified_ns, self._grain.resolution_ns)
        if text is None:
            return False
        address = await in_drive(self._territory, entry, operation="set_modified")
        body = {"fileSystemInfo": {"lastModifiedDateTime": text}}
        item = await self._api.update(address, body, operation="set_modified", path=entry.path)
        kept = self._lister.entry(address.drive, item).modified_ns
        return kept is not None and abs(kept - modified_ns) < self._grain.resolution_ns

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """See `contract.Renames`. Two calls: times are set to now unless they are sent along."""
        address = await in_drive(self._territory, entry, operation="rename")
        parent = await in_drive(self._territory, folder, operation="rename")
        if parent.drive != address.drive:
            raise Unsupported(
                "the service moves nothing from one drive to another", operation="rename", path=entry.path
            )
        seen = await self._api.item(address, operation="rename", path=entry.path)
        body: dict[str, Any] = {"name": name, "parentReference": await self._reference(parent, folder.path)}
        info = seen.file_system_info
        if info is not None and info.last_modified_date_time is not None:
            body["fileSystemInfo"] = {
                key: text
                for key, text in (
                    ("lastModifiedDateTime", info.last_modified_date_time),
                    ("createdDateTime", info.created_date_time),
                )
                if text is not None
            }
        item = await self._api.update(
            Address(address.drive, seen.id), body, operation="rename", path=entry.path
        )
        return self._lister.entry(address.drive, item)

    async def _reference(self, parent: Address, path: str) -> dict[str, str]:
        if parent.below:
            found = await self._api.item(parent, operation="rename", path=path)
            return {"id": found.id}
        return {"id": parent.item}
