"""Paths: which of Mover's own folders there are, and how a path of names leads to an entry."""

from __future__ import annotations

from collections.abc import Sequence

from mover.connectors.google import documents
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import (
    DRIVES,
    MY_DRIVE,
    MY_DRIVE_NAME,
    ORPHANS,
    OWN_NAMES,
    ROOT,
    SHARED,
    USERS,
    Address,
)
from mover.connectors.google.answers import Drive, File
from mover.connectors.google.api import DriveApi, quoted
from mover.connectors.google.describing import FIELDS_WITH_PARENTS, entry_of
from mover.connectors.google.times import read as read_time
from mover.entries import SLASH_IN_NAME, Entry, EntryKind
from mover.errors import NotFound

_MOST_CANDIDATES = 50
_NOT_TRASHED = "trashed = false"


class Tree:
    """The tree that a connection shows.

    /My Drive/...   /Shared drives/NAME/...   /Shared with me/...   /Orphans/...      the single form
    /Users/USER@DOMAIN/...   /Shared drives/NAME/...                                  the admin form

    Args:
        api: For what must be asked.
        acting: In whose name.
        own: Which folders of Mover's own stand at the root.
    """

    def __init__(self, api: DriveApi, acting: Acting, own: Sequence[Address]) -> None:
        self._api = api
        self._acting = acting
        self._own = own
        self._roots: dict[str | None, str] = {}

    @property
    def is_domain(self) -> bool:
        """It is the admin form's."""
        return self._acting.admin is not None

    def root_entries(self) -> list[Entry]:
        """Return Mover's own folders at the root."""
        return [own_folder(address) for address in self._own]

    async def my_drive_entry(self, user: str | None, operation: str, path: str) -> Entry:
        """Describe a user's My Drive; no call. Raises UserNotFound, AccountSuspended."""
        address = Address(MY_DRIVE, user=user)
        await self._acting.subject(address, operation, path)
        return my_drive(user)

    async def root_id(self, user: str | None, operation: str) -> str:
        """Return the id by which Google itself calls a user's My Drive; one call, the first time."""
        if user not in self._roots:
            subject = await self._acting.subject(Address(MY_DRIVE, user=user), operation, "")
            found = await self._api.get(MY_DRIVE, subject=subject, fields="id", operation=operation)
            self._roots[user] = found.id
        return self._roots[user]

    async def drives(self, operation: str) -> list[Drive]:
        """Return all shared drives, the oldest first."""
        found: list[Drive] = []
        token = None
        while True:
            page = await self._api.drives(
                subject=self._acting.admin, token=token, admin=self.is_domain, operation=operation
            )
            found += page.drives
            token = page.next_page_token
            if token is None:
                return sorted(found, key=lambda drive: (drive.created_time or "", drive.id))

    async def drive_entry(self, drive: str, operation: str, path: str) -> Entry:
        """Describe a shared drive."""
        found = await self._api.drive(
            drive, subject=self._acting.admin, admin=self.is_domain, operation=operation, path=path
        )
        return shared_drive(found)

    async def look_up(self, path: str, operation: str) -> Entry:
        """Describe the entry at a path; a call for each name. Raises NotFound."""
        names = [name for name in path.split("/") if name]
        if not names:
            return own_folder(ROOT)
        first, rest = names[0], names[1:]
        if not self.is_domain and first == MY_DRIVE_NAME:
            return await self._below_my_drive(None, rest, operation, path)
        own = next((address for address in self._own if OWN_NAMES[address.item] == first), None)
        if own is None:
            raise _missing()
        if not rest:
            return own_folder(own)
        if own == USERS:
            return await self._below_my_drive(rest[0].lower(), rest[1:], operation, path)
        if own == DRIVES:
            return await self._below_drive(rest, operation, path)
        return await self._below_own(own, rest, operation, path)

    async def _below_my_drive(
        self, user: str | None, names: Sequence[str], operation: str, path: str
    ) -> Entry:
        address = Address(MY_DRIVE, user=user)
        Address.parse(address.text)
        if not names:
            return await self.my_drive_entry(user, operation, path)
        return await self._walk([address], names, operation, path)

    async def _below_drive(self, names: Sequence[str], operation: str, path: str) -> Entry:
        drives = [drive for drive in await self.drives(operation) if _shown(drive.name) == names[0]]
        if not drives:
            raise _missing()
        if len(names) == 1:
            return shared_drive(drives[0])
        missing = _missing()
        for drive in drives[:_MOST_CANDIDATES]:
            try:
                return await self._walk([Address(drive.id, drive=drive.id)], names[1:], operation, path)
            except NotFound as error:
                missing = error
        raise missing

    async def _below_own(self, own: Address, names: Sequence[str], operation: str, path: str) -> Entry:
        query = f"{own_query(own)} and {_named(names[0])}"
        found = await self._search(Address(MY_DRIVE), query, operation, path)
        if own == ORPHANS:
            found = [file for file in found if not file.parents]
        return await self._among(Address(MY_DRIVE), found, names, operation, path)

    async def _walk(
        self, folders: Sequence[Address], names: Sequence[str], operation: str, path: str
    ) -> Entry:
        inside = " or ".join(f"{quoted(folder.item)} in parents" for folder in folders)
        query = f"({inside}) and {_named(names[0])} and {_NOT_TRASHED}"
        found = await self._search(folders[0], query, operation, path)
        return await self._among(folders[0], found, names, operation, path)

    async def _among(
        self, beside: Address, found: Sequence[File], names: Sequence[str], operation: str, path: str
    ) -> Entry:
        matching = [
            file for file in found if _shown(documents.shown_name(file.name, file.mime_type)) == names[0]
        ]
        if len(names) == 1 and matching:
            oldest = min(matching, key=lambda file: (read_time(file.created_time) or 0, file.id))
            return entry_of(oldest, beside.beside(oldest.id))
        folders = [beside.beside(file.id) for file in matching if file.mime_type == documents.FOLDER]
        if len(names) == 1 or not folders:
            raise _missing()
        return await self._walk(folders[:_MOST_CANDIDATES], names[1:], operation, path)

    async def _search(self, beside: Address, query: str, operation: str, path: str) -> Sequence[File]:
        subject = await self._acting.subject(beside, operation, path)
        page = await self._api.search(
            query,
            subject=subject,
            drive=beside.drive,
            fields=FIELDS_WITH_PARENTS,
            operation=operation,
            path=path,
        )
        return page.files


def own_folder(address: Address) -> Entry:
    """Describe a folder of Mover's own."""
    return Entry(name=OWN_NAMES[address.item], kind=EntryKind.FOLDER, id=address.text)


def my_drive(user: str | None) -> Entry:
    """Describe a user's My Drive."""
    return Entry(
        name=user or MY_DRIVE_NAME, kind=EntryKind.FOLDER, id=Address(MY_DRIVE, user=user).text, owner=user
    )


def own_query(address: Address) -> str:
    """Return what finds the entries of a folder of Mover's own."""
    if address == SHARED:
        return f"sharedWithMe = true and {_NOT_TRASHED}"
    return f"'me' in owners and {_NOT_TRASHED}"


def shared_drive(drive: Drive) -> Entry:
    """Describe a shared drive."""
    return Entry(
        name=drive.name,
        kind=EntryKind.FOLDER,
        id=Address(drive.id, drive=drive.id).text,
        created_ns=read_time(drive.created_time),
    )


def _shown(name: str) -> str:
    return name.replace("/", SLASH_IN_NAME)


def _named(shown: str) -> str:
    """Return what finds entries that are shown with a name: with a slash in it, or without the ending of an export."""
    names = {shown, shown.replace(SLASH_IN_NAME, "/")}
    names |= {
        documents.without_ending(name)
        for name in names
        if any(name.lower().endswith(export.ending) for export in documents.EXPORTS.values())
    }
    return "(" + " or ".join(f"name = {quoted(name)}" for name in sorted(names)) + ")"


def _missing() -> NotFound:
    return NotFound("there is no such entry")
