"""What of a connection's paths is a drive: all of it, or what stands below sites and users.

    onedrive      /...
    sharepoint    /<Site>/<Library>/...                              sites.py
    office365     /Users/<address>/...   /Sites/<Site>/<Library>/... tenant.py

The id of an entry in a connection with many drives is `<drive>/<item>`; what stands above drives has ids that begin with a
colon. The root of a drive is always called `root`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from mover.connectors.microsoft.addressing import ROOT_ITEM, Address
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import NotFound, Unsupported

_SEPARATOR = "/"
ABOVE = ":"
"""Begins the ids of what stands above drives."""
OF_USER = ":user/"
"""Begins the ids of users in their listing, which are the tops of their drives."""


class Territory(Protocol):
    """The drives of a connection. Paths are the connection's."""

    async def drive_of(self, path: str, *, operation: str) -> tuple[str, str] | None:
        """Return the drive that holds a path, and the path in it; None for what stands above drives.

        Raises NotFound, UserNotFound.
        """

    async def folder_above(self, path: str, *, operation: str) -> Entry:
        """Describe a folder above drives. Raises NotFound."""

    def list_above(
        self, path: str, cursor: str | None
    ) -> AsyncGenerator[tuple[Sequence[Entry], str | None], None]:
        """Yield what stands in a folder above drives, in pages with cursors. Raises NotFound."""

    def id_of(self, drive_id: str, item_id: str) -> str:
        """Return the id of an entry."""

    def owner_of(self, drive_id: str) -> str | None:
        """Return the address of whose drive it is; None where nobody says, or it is a site's.

        Who made an entry does not own it: all that is in a OneDrive is its owner's, and what is in a library the site's.
        """

    def read_id(self, entry_id: str) -> Address:
        """Return what an id that begins with no colon addresses. Raises NotFound."""


class OneDrive:
    """One drive."""

    def __init__(self, drive_id: str = "", owner: str | None = None) -> None:
        self.drive_id = drive_id
        self._owner = owner

    async def drive_of(self, path: str, *, operation: str) -> tuple[str, str] | None:  # noqa: ARG002 - it is always this one
        """See `Territory`."""
        return self.drive_id, path

    async def folder_above(self, path: str, *, operation: str) -> Entry:
        """See `Territory`."""
        raise NotFound("there is nothing above a drive", operation=operation, path=path)

    async def list_above(
        self, path: str, cursor: str | None
    ) -> AsyncGenerator[tuple[Sequence[Entry], str | None], None]:
        """See `Territory`."""
        yield [await self.folder_above(path, operation="list_folder")], cursor

    def id_of(self, drive_id: str, item_id: str) -> str:  # noqa: ARG002 - it is always this one
        """See `Territory`."""
        return item_id

    def owner_of(self, drive_id: str) -> str | None:  # noqa: ARG002 - it is always this one
        """See `Territory`."""
        return self._owner

    def read_id(self, entry_id: str) -> Address:
        """See `Territory`."""
        return Address(self.drive_id, entry_id)


class ManyDrives:
    """What connections with many drives have in common."""

    def id_of(self, drive_id: str, item_id: str) -> str:
        """See `Territory`."""
        return f"{drive_id}{_SEPARATOR}{item_id}"

    def owner_of(self, drive_id: str) -> str | None:  # noqa: ARG002 - libraries are nobody's
        """See `Territory`."""
        return None

    def read_id(self, entry_id: str) -> Address:
        """See `Territory`."""
        drive, separator, item = entry_id.partition(_SEPARATOR)
        if not separator or not drive or not item:
            raise NotFound("there is no such entry")
        return Address(drive, item)


async def locate(territory: Territory, ref: EntryRef, *, operation: str) -> Address | None:
    """Return the address of an entry; None for what stands above drives. Raises NotFound.

    Ids of what stands above drives, and of users in their listing, lead no further than their paths.
    """
    if ref.id is not None and not ref.id.startswith(ABOVE):
        try:
            return territory.read_id(ref.id)
        except NotFound as error:
            raise error.at(operation=operation, path=ref.path) from None
    found = await territory.drive_of(ref.path, operation=operation)
    if found is None:
        return None
    drive, inner = found
    return Address(drive, ROOT_ITEM, inner.strip("/"))


async def is_above(territory: Territory, ref: EntryRef, *, operation: str) -> bool:
    """Tell whether a folder stands above drives; no call for one that was listed. Raises NotFound, UserNotFound."""
    if ref.id is not None:
        return ref.id.startswith(ABOVE) and not ref.id.startswith(OF_USER)
    return await territory.drive_of(ref.path, operation=operation) is None


async def in_drive(territory: Territory, ref: EntryRef, *, operation: str) -> Address:
    """As `locate`; raises Unsupported for what stands above drives."""
    address = await locate(territory, ref, operation=operation)
    if address is None:
        raise Unsupported(
            "only what stands in a user's OneDrive or in a library of a site can be changed",
            operation=operation,
            path=ref.path,
        )
    return address


def folder_entry(name: str, entry_id: str) -> Entry:
    """Describe a folder that only Mover knows, or the root of a drive."""
    return Entry(name=name, kind=EntryKind.FOLDER, id=entry_id)
