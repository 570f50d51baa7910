"""Google Drive as a connector: the contract on top of `api.py`. One class for the single and the admin form."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

from mover.connectors.contract import (
    Account,
    Capabilities,
    Changes,
    Content,
    Page,
    SentPart,
    Setting,
    Target,
)
from mover.connectors.google import documents, times
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import DRIVES, MY_DRIVE, OWN_NAMES, USERS, Address, address_of
from mover.connectors.google.addresses import ROOT as ROOT_ADDRESS
from mover.connectors.google.answers import About, File, FileList
from mover.connectors.google.api import DriveApi
from mover.connectors.google.batches import Batches
from mover.connectors.google.calls import Calls
from mover.connectors.google.changes import ChangeFeeds
from mover.connectors.google.costs import COSTS
from mover.connectors.google.describing import bytes_from, entry_of
from mover.connectors.google.folders import Folders
from mover.connectors.google.ids import IdPool
from mover.connectors.google.listing import Listings
from mover.connectors.google.parts import RULES, Parts
from mover.connectors.google.permissions import DrivePermissions
from mover.connectors.google.places import DomainPlaces
from mover.connectors.google.placing import Placing
from mover.connectors.google.reading import Reading
from mover.connectors.google.rearranging import Rearranging
from mover.connectors.google.sessions import Sessions
from mover.connectors.google.shared_listings import Corpus, SharedListings
from mover.connectors.google.taken import TakenNames
from mover.connectors.google.tree import Tree, own_folder
from mover.connectors.google.uploads import Uploads
from mover.connectors.google.versions import Revisions
from mover.connectors.many_feeds import ManyFeeds
from mover.connectors.told_room import ToldRoom
from mover.entries import ROOT, Entry, EntryKind, EntryRef, HashName
from mover.errors import MoverError, NotFound
from mover.naming import GOOGLE_DRIVE
from mover.transport.http import HttpSession
from mover.transport.oauth.bearer import BearerSession

_LARGEST_FILE = 5120 * 10**9


class GoogleConnector:
    """What an account, or an administrator, can reach of Drive.

    Args:
        service: The connector's name.
        http: Closed with the connector.
        session: The same, signed in.
        acting: Makes out in whose name calls are made.
        own: Which folders of Mover's own stand at the root.
        convert: Office files become documents.
        shortcuts: Those to files are followed.
        make_shortcuts: They are made anew, where this is a destination.
        clock: Monotonic seconds.
    """

    described_reads = None
    hashes = None

    def __init__(
        self,
        service: str,
        http: HttpSession,
        session: BearerSession,
        acting: Callable[[DriveApi], Acting],
        *,
        own: Sequence[Address],
        convert: bool,
        shortcuts: bool,
        make_shortcuts: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self.makes_shortcuts = make_shortcuts
        self._http = http
        self._session = session
        calls = Calls(session, service)
        self._api = api = DriveApi(calls)
        self._acting = who = acting(api)
        self._email = ""
        self._told_room = ToldRoom(clock)
        self._tree = Tree(api, who, own)
        self._folders = Folders()
        self._together = SharedListings(self._search_together, clock)
        self._taken = TakenNames(self._look)
        batches = Batches(calls)
        self._listings = Listings(
            api,
            who,
            self._tree,
            self._folders,
            self._taken,
            self._together,
            batches if shortcuts else None,
        )
        self._placing = Placing(api, who, self._tree, self._taken, convert=convert)
        self._ids = IdPool(api)
        self._rearranging = Rearranging(
            api, who, self._tree, self._placing, self._taken, self._ids, self._folders, self._listings
        )
        sessions = Sessions(calls)
        self._uploads = Uploads(api, who, self._placing, self._taken, self._ids, sessions)
        self._parts = Parts(api, who, self._placing, self._taken, self._ids, sessions)
        self._reading = Reading(api, who, service)
        self.permissions = DrivePermissions(
            api,
            batches,
            who,
            self._tree,
            self._folders,
            lambda: self._email.rpartition("@")[2] or None,
        )
        self.versions = Revisions(api, who, self._reading)
        # A feed tells nothing of what shortcuts point to elsewhere.
        feeds = ChangeFeeds(api, who, self._tree, self._folders)
        self.changes = None if shortcuts else self._feeds(feeds)
        # Of one drive alone: whoever becomes a member of a shared drive changes the drive, which is no entry of a feed. The
        # permissions of a pair's root are looked at in each run, and these are in them.
        self.sharing_changes: Changes | None = None if shortcuts else feeds
        self.places = DomainPlaces(self._listings, self._tree) if who.admin is not None else None
        self.capabilities = Capabilities(
            names=GOOGLE_DRIVE,
            duplicate_names=True,
            stable_ids=True,
            listed_hashes=frozenset({HashName.MD5}),
            returned_hashes=frozenset({HashName.MD5}),
            modified=Setting.AT_UPLOAD,
            modified_resolution_ns=times.GRAIN_NS,
            folder_modified=Setting.AFTERWARDS,
            created=Setting.AT_UPLOAD,
            alters=frozenset(documents.IMPORTS) if convert else frozenset(),
            versioned_reads=True,
            exclusive_create=False,
            max_file_size=_LARGEST_FILE,
            parts=RULES,
            concurrency=(16, 48),
            costs=COSTS,
        )

    async def _search_together(self, corpus: Corpus, folders: Sequence[str], token: str | None) -> FileList:
        return await self._listings.search_together(corpus, folders, token)

    async def _look(self, folder: Address, name: str | None) -> FileList:
        return await self._listings.look(folder, name)

    @property
    def service(self) -> str:
        """The connector's name."""
        return self._service

    @property
    def calls(self) -> int:
        """HTTP requests so far, those for tokens included."""
        return self._http.calls

    @property
    def part_uploads(self) -> GoogleConnector:
        """Uploads in parts."""
        return self

    @property
    def times(self) -> GoogleConnector:
        """Setting the times of folders."""
        return self

    @property
    def renames(self) -> GoogleConnector:
        """Renaming and moving."""
        return self

    @property
    def quota(self) -> GoogleConnector:
        """Free room."""
        return self

    async def sign_in(self) -> Account:
        """Ask who is signed in; one call, in the admin form two with that for the administrator's token."""
        async with self._at("sign_in"):
            about = await self._api.about(self._acting.admin, "sign_in")
        self._email = (about.user.email_address or "").lower()
        if self._acting.admin is None:
            self._told_room.tell(_free_of(about))
        who = self._email or about.user.display_name or "somebody"
        where = "Google Drive" if self._acting.admin is None else "Google Workspace, for all users"
        return Account(description=f"{who} at {where}", secure=True, email=self._email)

    async def close(self) -> None:
        """Close all connections."""
        await self._together.close()
        await self._http.close()

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path; a call for each name below a drive."""
        async with self._at("look_up", path):
            return await self._tree.look_up(path, "look_up")

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe an entry afresh; one call."""
        async with self._at("refresh", ref.path):
            address = address_of(ref)
            if address is None:
                return await self._tree.look_up(ref.path, "refresh")
            if address.item in OWN_NAMES:
                return own_folder(address)
            if address.item == MY_DRIVE:
                return await self._tree.my_drive_entry(address.user, "refresh", ref.path)
            if address.item == address.drive:
                return await self._tree.drive_entry(address.item, "refresh", ref.path)
            file = await self._rearranging.described(address, "refresh", ref.path)
            inherited = self._folders.permission_ids(file.parents[0]) if file.parents else None
            name = ref.name if address.shortcut is not None else None
            return entry_of(file, address, inherited_ids=inherited, name=name)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield a folder's entries; one call a thousand, or a share of a call for several folders."""
        async with self._at("list_folder", folder.path):
            address = address_of(folder)
            if address is None:
                found = await self._tree.look_up(folder.path, "list_folder")
                if found.kind is not EntryKind.FOLDER:
                    raise NotFound("it is not a folder")
                address = Address.parse(found.id or "")
            async with aclosing(self._listings.pages(address, cursor, folder.path)) as pages:
                async for page in pages:
                    yield page

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes, or an export of a document; see `mover.connectors.google.reading`."""
        async with self._at("read", file.path):
            address = address_of(file)
            if address is None:
                entry = await self._tree.look_up(file.path, "read")
                address, version = Address.parse(entry.id or ""), version or entry.version
            if address.is_own:
                raise NotFound("it is not a file")
            pieces = self._reading.read(address, file.path, offset=offset, length=length, version=version)
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a folder; one call where the names in its parent are known."""
        async with self._at("create_folder", parent.child(name).path):
            return await self._rearranging.create_folder(parent, name)

    async def make_shortcut(self, folder: EntryRef, name: str, target: EntryRef) -> bool:
        """See `MakesShortcuts`; two calls, and one for each shortcut of that name that is there."""
        async with self._at("make_shortcut", folder.child(name).path):
            return await self._rearranging.make_shortcut(folder, name, target)

    async def upload(self, target: Target, content: Content) -> Entry:
        """Send a whole file; `mover.connectors.google.uploads` shows in how many calls."""
        async with self._at("upload", target.ref.path):
            GOOGLE_DRIVE.check_path(target.ref.path)
            return await self._arrived(*await self._uploads.upload(target, content))

    async def _arrived(self, file: File, folder: Address) -> Entry:
        await self._listings.changed(folder)
        return entry_of(file, folder.beside(file.id))

    # PartUploads

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """Begin an upload in parts."""
        async with self._at("begin", target.ref.path):
            GOOGLE_DRIVE.check_path(target.ref.path)
            return await self._parts.begin(target, size, part_size)

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """Send a part."""
        async with self._at("send"):
            return await self._parts.send(token, number, offset, content)

    async def received(self, token: str, kept: Sequence[SentPart] = (), /) -> Sequence[SentPart] | None:  # noqa: ARG002 - Drive itself knows
        """Ask which parts have arrived."""
        async with self._at("received"):
            return await self._parts.received(token)

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        """Make the file of its parts."""
        async with self._at("finish", target.ref.path):
            return await self._arrived(*await self._parts.finish(token, target, parts, hashes))

    async def abort(self, token: str) -> None:
        """Drop an upload in parts."""
        async with self._at("abort"):
            await self._parts.abort(token)

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """Set the time of a folder or file; one call."""
        async with self._at("set_modified", entry.path):
            return await self._rearranging.set_modified(entry, modified_ns)

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Move an entry; two calls where the names in its new folder are known."""
        async with self._at("rename", folder.child(name).path):
            return await self._rearranging.rename(entry, folder, name)

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """Ask for the room of who owns a folder; one call, or none right after the account signed in. None where there is no limit, and for shared drives."""
        async with self._at("free_bytes", folder.path):
            address = address_of(folder)
            if address is None:
                address = Address.parse((await self._tree.look_up(folder.path, "free_bytes")).id or "")
            if address.drive is not None or (address.is_own and self._acting.admin is not None):
                return None
            subject = (
                None if address.is_own else await self._acting.subject(address, "free_bytes", folder.path)
            )
            if self._acting.admin is None and (told := self._told_room.take()) is not None:
                return told.free_bytes
            return _free_of(await self._api.about(subject, "free_bytes"))

    def _feeds(self, inner: Changes) -> Changes:
        async def is_above(ref: EntryRef) -> bool:
            address = address_of(ref)
            if address is None:
                address = Address.parse((await self._tree.look_up(ref.path, "changes")).id or "")
            return address in {ROOT_ADDRESS, USERS, DRIVES}

        async def top_of(ref: EntryRef) -> str | None:
            return ref.id

        return ManyFeeds(inner, is_above=is_above, list_folder=self.list_folder, top_of=top_of)

    @asynccontextmanager
    async def _at(self, operation: str, path: str = "") -> AsyncIterator[None]:
        """Fill in where an error happened."""
        try:
            yield
        except MoverError as error:
            error.service = self._service
            raise error.at(operation=operation, path=path) from error.__cause__


def _free_of(about: About) -> int | None:
    limit, used = bytes_from(about.storage_quota.limit), bytes_from(about.storage_quota.usage)
    return None if limit is None else max(0, limit - (used or 0))
