"""Uploads of whole files.

Egnyte has no upload that fails where something stands already: it becomes the next version of that. So the place is looked
at first, unless it is in a folder that this connector made itself and nothing of that name was ever sent there. At two
calls a second that look is half of the speed.
"""

from __future__ import annotations

from mover.connectors.bodies import body_of
from mover.connectors.bounded import Bounded
from mover.connectors.contract import Content, Target
from mover.connectors.egnyte.addresses import FILE, id_of
from mover.connectors.egnyte.api import EgnyteApi, Stored
from mover.connectors.egnyte.faults import SERVICE
from mover.connectors.egnyte.listing import entry_of, hashes_of
from mover.connectors.times import http_date
from mover.entries import Entry, EntryKind, HashName
from mover.errors import Changed, Conflict, NotFound, Throttled

_MOST_FOLDERS = 1_000
_MOST_NAMES = 20_000
_SECOND_NS = 1_000_000_000


class OwnFolders:
    """Folders that were made here, and the names that were sent there: what else there is nobody could have put."""

    def __init__(self) -> None:
        self._names: Bounded[str, set[str]] = Bounded(_MOST_FOLDERS)

    def made(self, path: str) -> None:
        """Remember a folder that is empty."""
        self._names.put(path.lower(), set())

    def put(self, folder: str, name: str) -> None:
        """Remember that something was put into a folder."""
        if (names := self._names.get(folder.lower())) is not None:
            names.add(name.lower())

    def surely_free(self, folder: str, name: str) -> bool:
        """Tell whether nothing can stand there, and remember that something may from now on."""
        names = self._names.get(folder.lower())
        if names is None or name.lower() in names:
            return False
        names.add(name.lower())
        if len(names) > _MOST_NAMES:
            self._names.pop(folder.lower())
        return True

    def refused(self, folder: str, name: str) -> None:
        """Forget that something may stand there: the service did not take the call."""
        if (names := self._names.get(folder.lower())) is not None:
            names.discard(name.lower())


class Uploads:
    """Sends whole files to one domain."""

    def __init__(self, api: EgnyteApi, own: OwnFolders) -> None:
        self._api = api
        self._own = own

    async def upload(self, target: Target, content: Content) -> Entry:
        """Do what `Connector.upload` promises; one call, two where the place has to be looked at."""
        is_free = await self.check_place(target)
        headers = time_header(target)
        if (known := content.hashes.get(HashName.SHA512)) is not None:
            headers["X-Sha512-Checksum"] = known
        size = content.size
        body = content.chunks if size is None else await body_of(content, size)
        try:
            stored = await self._api.upload(
                path_of(target), body if isinstance(body, bytes) else body(), size, headers
            )
        except Throttled:
            if is_free:
                self._own.refused(target.folder.path, target.name)
            raise
        return stored_entry(target, stored, size)

    async def check_place(self, target: Target, *, operation: str = "upload") -> bool:
        """Raise Conflict if something stands there, or Changed if it is no longer what is to be replaced.

        Tells whether the place is free for sure.
        """
        if target.replaces is None and self._own.surely_free(target.folder.path, target.name):
            return True
        try:
            # By path: it has to be what stands in that very place.
            found = await self._api.describe(target.folder.child(target.name), operation=operation)
        except NotFound:
            if target.replaces is None:
                return False
            raise _changed("the file that was to be replaced is gone", target, operation) from None
        standing = entry_of(found)
        if target.replaces is None:
            raise Conflict(
                "something of this name stands there already",
                service=SERVICE,
                operation=operation,
                path=path_of(target),
            )
        if standing.kind is not EntryKind.FILE or standing.id != target.replaces.id:
            raise _changed(
                "another entry stands where the file was that was to be replaced", target, operation
            )
        if target.replaces.version not in {None, standing.version}:
            raise _changed("the file that was to be replaced has been changed", target, operation)
        return False


def _changed(message: str, target: Target, operation: str) -> Changed:
    return Changed(message, service=SERVICE, operation=operation, path=path_of(target))


def path_of(target: Target) -> str:
    """Where a target's file stands."""
    return target.folder.child(target.name).path


def time_header(target: Target) -> dict[str, str]:
    """The header that keeps the modified time."""
    return {} if target.modified_ns is None else {"Last-Modified": http_date(target.modified_ns)}


def stored_entry(target: Target, stored: Stored, size: int | None) -> Entry:
    """The entry as the answer to its upload tells it."""
    kept = None if target.modified_ns is None else target.modified_ns // _SECOND_NS * _SECOND_NS
    return Entry(
        name=target.name,
        kind=EntryKind.FILE,
        id=id_of(FILE, stored.group_id),
        size=size,
        modified_ns=kept,
        version=stored.entry_id,
        hashes=hashes_of(stored.checksum),
        shared=False,
    )
