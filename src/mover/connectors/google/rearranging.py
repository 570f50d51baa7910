"""Making folders, renaming and moving entries, setting their times."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mover.connectors.google import documents, times
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import MY_DRIVE, Address, address_of
from mover.connectors.google.answers import File
from mover.connectors.google.api import DriveApi
from mover.connectors.google.describing import FIELDS_WITH_PARENTS, entry_of
from mover.connectors.google.faults import IdRefused
from mover.connectors.google.folders import Folders
from mover.connectors.google.ids import IdPool
from mover.connectors.google.listing import Listings
from mover.connectors.google.placing import Placing
from mover.connectors.google.taken import TakenNames
from mover.connectors.google.tree import Tree
from mover.entries import Entry, EntryRef
from mover.errors import Conflict, NotFound, ProtocolViolation, ServiceFault, Unsupported
from mover.naming import GOOGLE_DRIVE

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Rearranging:
    """Changes what is not content.

    Args:
        api: For the calls.
        acting: In whose name.
        tree: For entries whose id is not known.
        placing: Looks before.
        taken: Learns of what was made.
        ids: For new folders.
        folders: Learns of them.
        listings: Is told what changed.
    """

    def __init__(
        self,
        api: DriveApi,
        acting: Acting,
        tree: Tree,
        placing: Placing,
        taken: TakenNames,
        ids: IdPool,
        folders: Folders,
        listings: Listings,
    ) -> None:
        self._api = api
        self._acting = acting
        self._tree = tree
        self._placing = placing
        self._taken = taken
        self._ids = ids
        self._folders = folders
        self._listings = listings

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a folder; one call where the names in its parent are known."""
        path = parent.child(name).path
        GOOGLE_DRIVE.check_path(path)
        folder = await self._placing.folder(parent, "create_folder")
        async with self._taken.claimed(folder, name):
            standing = await self._placing.check_free(folder, name, "create_folder", path)
            if standing is not None:
                address = folder.beside(standing.id)
                return entry_of(await self.described(address, "create_folder", path), address)
            made = await self._made(folder, name, path)
            self._taken.added(folder, name, made.id, is_folder=True)
        address = folder.beside(made.id)
        self._taken.is_empty(address)
        self._folders.saw(made)
        await self._listings.changed(folder)
        return entry_of(made, address)

    async def make_shortcut(self, folder: EntryRef, name: str, target: EntryRef) -> bool:
        """See `MakesShortcuts`. Google lets two of one name stand in a folder, so it is looked before."""
        path = folder.child(name).path
        GOOGLE_DRIVE.check_path(path)
        into = await self._placing.folder(folder, "make_shortcut")
        to = address_of(target)
        if to is None:
            to = Address.parse((await self._tree.look_up(target.path, "make_shortcut")).id or "")
        if to.is_own or to.item in {MY_DRIVE, to.drive}:
            raise Unsupported("a shortcut leads to a file or folder, not to a drive")
        async with self._taken.claimed(into, name):
            there = [
                await self.described(into.beside(standing.id), "make_shortcut", path)
                for standing in (await self._listings.look(into, name)).files
                if standing.mime_type == documents.SHORTCUT and standing.name == name
            ]
            if any(_leads_to(found) == to.item for found in there):
                return False
            if there:
                raise Conflict("a shortcut of this name is there, which points elsewhere")
            details = {"shortcutDetails": {"targetId": to.item}}
            made = await self._made(into, name, path, documents.SHORTCUT, f"to {to.text}", details)
            if _leads_to(made) != to.item:
                raise ProtocolViolation("Google made a shortcut that points elsewhere")
            self._taken.added(into, name, made.id, is_folder=False)
        await self._listings.changed(into)
        return True

    async def _made(
        self,
        folder: Address,
        name: str,
        path: str,
        kind: str = documents.FOLDER,
        what: str = "folder",
        details: Mapping[str, Any] = NOTHING,
    ) -> File:
        operation = "create_folder" if kind == documents.FOLDER else "make_shortcut"
        subject = await self._acting.subject(folder, operation, path)
        key = f"{what} {folder.text}/{name}"
        metadata: dict[str, Any] = {
            "id": await self._ids.for_key(key, subject),
            "name": name,
            "mimeType": kind,
            "parents": [folder.item],
            **details,
        }
        try:
            made = await self._api.create(metadata, subject=subject, operation=operation, path=path)
        except Conflict:  # it was made by an attempt whose answer was lost
            made = await self._api.get(metadata["id"], subject=subject, operation=operation, path=path)
        except IdRefused as error:
            self._ids.refused(key, subject)
            raise ServiceFault("Google did not take an id that it gave out", said=error.said) from error
        self._ids.forget(key)
        return made

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """Set the time of a folder or file; one call."""
        address = await self._placing.folder(entry, "set_modified")
        moment = times.spelled(modified_ns)
        if moment is None or address.item in {MY_DRIVE, address.drive}:
            return False
        subject = await self._acting.subject(address, "set_modified", entry.path)
        found = await self._api.update(
            address.item,
            {"modifiedTime": moment},
            subject=subject,
            operation="set_modified",
            path=entry.path,
        )
        return times.read(found.modified_time) == times.read(moment)

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Move an entry; two calls where the names in its new folder are known."""
        path = folder.child(name).path
        GOOGLE_DRIVE.check_path(path)
        address = address_of(entry)
        if address is None:
            address = Address.parse((await self._tree.look_up(entry.path, "rename")).id or "")
        to = await self._placing.folder(folder, "rename")
        if address.is_own or address.item in {MY_DRIVE, address.drive}:
            raise Unsupported("a drive cannot be renamed or moved")
        before = await self.described(address, "rename", path)
        async with self._taken.claimed(to, name):
            after = await self._moved(before, address, to, name, path)
            self._taken.added(to, name, after.id, is_folder=after.mime_type == documents.FOLDER)
        old_parent = address.beside(before.parents[0]) if before.parents else None
        shown = documents.shown_name(before.name, before.mime_type)
        if old_parent is not None and (old_parent, shown) != (to, name):
            self._taken.removed(old_parent, shown, before.id)
            await self._listings.changed(old_parent)
        await self._listings.changed(to)
        return entry_of(after, to.beside(after.id))

    async def _moved(self, before: File, address: Address, to: Address, name: str, path: str) -> File:
        standing = await self._placing.check_free(to, name, "rename", path)
        if standing is not None and standing.id != before.id:
            raise Conflict("a folder of this name is there already")
        target_id = await self._tree.root_id(to.user, "rename") if to.item == MY_DRIVE else to.item
        moves = target_id not in before.parents
        exported = documents.EXPORTS.get(before.mime_type)
        said = name
        if exported is not None and name.lower().endswith(exported.ending):
            said = documents.without_ending(name)
        subject = await self._acting.subject(address, "rename", path)
        return await self._api.update(
            address.item,
            {"name": said},
            subject=subject,
            add_parent=target_id if moves else None,
            remove_parent=",".join(before.parents) if moves and before.parents else None,
            operation="rename",
            path=path,
        )

    async def described(self, address: Address, operation: str, path: str) -> File:
        """Describe an entry; one call. Raises NotFound, also for one in the trash."""
        subject = await self._acting.subject(address, operation, path)
        found = await self._api.get(
            address.item, subject=subject, fields=FIELDS_WITH_PARENTS, operation=operation, path=path
        )
        if found.trashed:
            raise NotFound("it is in the trash")
        return found


def _leads_to(file: File) -> str | None:
    return file.shortcut_details.target_id if file.shortcut_details else None
