"""Before something is created or replaced: is the name free, is the file still what it was; what is said of it."""

from __future__ import annotations

from typing import Any

from mover.connectors.contract import Target
from mover.connectors.google import documents, times
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import Address, address_of
from mover.connectors.google.answers import File
from mover.connectors.google.api import DriveApi
from mover.connectors.google.describing import FIELDS_WITH_PARENTS, kind_of, version_of
from mover.connectors.google.taken import Standing, TakenNames
from mover.connectors.google.tree import Tree
from mover.connectors.metadata import media_type_header
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import Changed, Conflict, NotFound, Unsupported

BINARY = "application/octet-stream"


class Placing:
    """Looks before something is written.

    Args:
        api: For the calls.
        acting: In whose name.
        tree: For folders whose id is not known.
        taken: Which names there are.
        convert: Office files become documents.
    """

    def __init__(
        self, api: DriveApi, acting: Acting, tree: Tree, taken: TakenNames, *, convert: bool
    ) -> None:
        self._api = api
        self._acting = acting
        self._tree = tree
        self._taken = taken
        self._convert = convert

    async def folder(self, ref: EntryRef, operation: str) -> Address:
        """Find a folder that is written to. Raises NotFound, Unsupported for Mover's own folders."""
        address = address_of(ref)
        if address is None:
            entry = await self._tree.look_up(ref.path, operation)
            if entry.kind is not EntryKind.FOLDER or entry.id is None:
                raise NotFound("it is not a folder")
            address = Address.parse(entry.id)
        if address.is_own:
            raise Unsupported("nothing can be put here; choose a folder in a drive")
        return address

    async def check_free(self, folder: Address, name: str, operation: str, path: str) -> Standing | None:
        """Return the folder that has a name already, None if it is free. Raises Conflict for anything else.

        What is known to have the name is asked for once more: it may be gone.
        """
        for standing in await self._taken.find(folder, name):
            subject = await self._acting.subject(folder, operation, path)
            try:
                found = await self._api.get(
                    standing.id, subject=subject, fields=FIELDS_WITH_PARENTS, operation=operation, path=path
                )
            except NotFound:
                found = None
            if found is None or found.trashed or not await self._stands(found, folder, name, operation):
                self._taken.removed(folder, name, standing.id)
            elif standing.is_folder:
                return standing
            else:
                raise Conflict("an entry of this name is there already")
        return None

    async def _stands(self, file: File, folder: Address, name: str, operation: str) -> bool:
        if documents.shown_name(file.name, file.mime_type) != name:
            return False
        item = folder.item
        if item == "root":
            item = await self._tree.root_id(folder.user, operation)
        return item in file.parents

    async def check_unchanged(self, replaced: Entry, address: Address, path: str) -> File:
        """Return the file that is to be replaced as it is now. Raises Changed, NotFound.

        Drive has no condition that could be sent with the content, so that a change in the moment after this is not noticed.
        """
        subject = await self._acting.subject(address, "upload", path)
        found = await self._api.get(address.item, subject=subject, operation="upload", path=path)
        if found.trashed:
            raise NotFound("the file to be replaced is in the trash")
        if kind_of(found) not in {EntryKind.FILE, EntryKind.NATIVE}:
            raise Conflict("what is to be replaced is not a file any more")
        if replaced.version is not None and version_of(found) != replaced.version:
            raise Changed("the file is no longer what it was when it was looked at")
        if replaced.version is None and replaced.size is not None and found.size != str(replaced.size):
            raise Changed("the file is no longer what it was when it was looked at")
        return found

    def becomes(self, target: Target, size: int | None) -> str | None:
        """Return the kind of document that a file is turned into; None: it stays a file."""
        if not self._convert or size is None or size > documents.MOST_CONVERTED:
            return None
        return documents.imported_as(target.name)

    def metadata(self, target: Target, folder: Address | None, becomes: str | None) -> dict[str, Any]:
        """Return what is said of a file that is sent. `folder`: where a new one goes."""
        said: dict[str, Any] = {"mimeType": becomes or BINARY}
        fit = media_type_header(target.media_type).get("content-type")  # it becomes a header as well
        if becomes is None and fit and not fit.startswith("application/vnd.google-apps."):
            said["mimeType"] = fit
        if target.modified_ns is not None and (moment := times.spelled(target.modified_ns)):
            said["modifiedTime"] = moment
        if folder is not None:
            said["name"] = documents.without_ending(target.name) if becomes else target.name
            said["parents"] = [folder.item]
            if target.created_ns is not None and (moment := times.spelled(target.created_ns)):
                said["createdTime"] = moment
        return said
