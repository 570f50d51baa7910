"""Egnyte as a connector: the contract on top of `api.py`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from mover.connectors.contract import Account, Capabilities, Content, FileVersion, Page, Target
from mover.connectors.egnyte.addresses import FOLDER, id_of
from mover.connectors.egnyte.api import EgnyteApi
from mover.connectors.egnyte.capabilities import CAPABILITIES
from mover.connectors.egnyte.changes import EventChanges
from mover.connectors.egnyte.config import EgnyteConfig
from mover.connectors.egnyte.faults import SERVICE
from mover.connectors.egnyte.listing import Place, Version, entry_of, read_place, version_of
from mover.connectors.egnyte.parts import ChunkedUploads
from mover.connectors.egnyte.people import People
from mover.connectors.egnyte.permissions import FolderPermissionsOfEgnyte
from mover.connectors.egnyte.places import EgnytePlaces
from mover.connectors.egnyte.reading import read_file
from mover.connectors.egnyte.uploads import OwnFolders, Uploads
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import Conflict, NotFound
from mover.transport.http import HttpSession
from mover.transport.oauth.bearer import BearerSession
from mover.transport.oauth.tokens import Tokens

_ANEW = 3  # times that a folder is listed from its beginning because it changed meanwhile


class EgnyteConnector:
    """One account at one domain.

    Args:
        config: As filled in.
        http: The way there; closed by `close`.
        tokens: Of the account.
    """

    service = SERVICE
    described_reads = None
    sharing_changes = None
    hashes = None
    times = None
    quota = None

    def __init__(self, config: EgnyteConfig, http: HttpSession, tokens: Tokens) -> None:
        self._config = config
        self._http = http
        self._api = EgnyteApi(BearerSession(http, tokens), config.origin)
        self._own = OwnFolders()
        self._uploads = Uploads(self._api, self._own)
        people = People(self._api)
        self.part_uploads = ChunkedUploads(self._api, self._uploads)
        self.changes = EventChanges(self._api)
        self.permissions = FolderPermissionsOfEgnyte(self._api, people)
        self.places = EgnytePlaces(self._api)

    @property
    def capabilities(self) -> Capabilities:
        """See the contract, as for all that follows."""
        return CAPABILITIES

    @property
    def calls(self) -> int:
        """Requests so far."""
        return self._http.calls

    @property
    def renames(self) -> EgnyteConnector:
        """Renaming and moving: by itself."""
        return self

    @property
    def versions(self) -> EgnyteVersions:
        """Earlier versions."""
        return EgnyteVersions(self._api)

    async def sign_in(self) -> Account:
        """One call: who the token belongs to."""
        found = await self._api.user_info()
        who = found.email or found.username or "somebody"
        return Account(
            description=f"{who} at {self._config.domain}.egnyte.com",
            secure=True,
            email=(found.email or "").lower(),
            tenant=self._config.domain,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path; one call."""
        return entry_of(await self._api.describe(EntryRef(path), operation="look_up"))

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe a known entry; one call."""
        return entry_of(await self._api.describe(ref, operation="refresh"))

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield pages; a call each. The cursor is how many entries came before, and the last one.

        The service counts entries, so what is removed from the part that was listed moves others there unseen. Each page
        begins with the last entry of the one before; where that stands elsewhere by now, all is listed once more, and
        entries repeat.
        """
        before = read_place(cursor)
        anew = _ANEW
        while True:
            overlaps = bool(before.last) and anew > 0
            listing = await self._api.list(folder, before.count - overlaps)
            if not listing.is_folder:
                raise NotFound(
                    "this is a file, not a folder", service=SERVICE, operation="list_folder", path=folder.path
                )
            found = [*listing.folders, *listing.files]
            if overlaps:
                if not found or found[0].key != before.last:
                    before, anew = Place(), anew - 1
                    continue
                found = found[1:]
            count = before.count + len(found)
            is_last = not found or count >= (listing.total_count or 0)
            before = Place(count, found[-1].key if found else "")
            yield Page([entry_of(item) for item in found], None if is_last else before.text)
            if is_last:
                return

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a file; one call."""
        async for piece in read_file(self._api, file, offset=offset, length=length, version=version):
            yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Make a folder; one call, two if something stands there."""
        ref = parent.child(name)
        self._own.put(parent.path, name)
        try:
            made = await self._api.add_folder(ref.path)
        except Conflict as error:
            standing = entry_of(await self._api.describe(ref, operation="create_folder"))
            if standing.kind is not EntryKind.FOLDER:
                raise error.at(service=SERVICE) from None
            return standing
        self._own.made(ref.path)
        given = id_of(FOLDER, made.folder_id) if made.folder_id else None
        return Entry(name=name, kind=EntryKind.FOLDER, id=given)

    async def upload(self, target: Target, content: Content) -> Entry:
        """Send a whole file."""
        return await self._uploads.upload(target, content)

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Move an entry; two calls. A move never replaces anything."""
        destination = folder.child(name)
        self._own.put(folder.path, name)
        await self._api.move(entry, destination.path, operation="rename")
        moved = EntryRef(destination.path, entry.id)
        return entry_of(await self._api.describe(moved, operation="rename"))


class EgnyteVersions:
    """Satisfies `contract.Versions`."""

    def __init__(self, api: EgnyteApi) -> None:
        self._api = api

    async def of(self, file: EntryRef) -> Sequence[FileVersion]:
        """One call; the service tells the newest first."""
        item = await self._api.describe(file, operation="versions", versions=True)
        if item.entry_id is None:
            raise NotFound("this is no file", service=SERVICE, operation="versions", path=file.path)
        current = Version(
            entry_id=item.entry_id,
            checksum=item.checksum,
            size=item.size,
            last_modified=item.last_modified,
            uploaded_by=item.uploaded_by,
        )
        earlier = [version for version in item.versions if version.entry_id != item.entry_id]
        return [version_of(version) for version in (*reversed(earlier), current)]

    async def read(
        self, file: EntryRef, version: FileVersion, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See the contract."""
        async for piece in read_file(self._api, file, offset=offset, length=length, earlier=version.id):
            yield piece
