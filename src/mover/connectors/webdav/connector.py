"""WebDAV as a connector: the contract on top of `api.py`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import urlsplit

from mover.connectors.contract import (
    Account,
    Capabilities,
    Content,
    Page,
    Setting,
    Target,
)
from mover.connectors.webdav.api import (
    LIVE_PROPERTIES,
    OWNCLOUD_PROPERTIES,
    QUOTA_PROPERTIES,
    DavApi,
)
from mover.connectors.webdav.authentication import authentication_for
from mover.connectors.webdav.chunks import RULES, ChunkedUploads
from mover.connectors.webdav.config import Dialect, WebDavConfig
from mover.connectors.webdav.costs import COSTS
from mover.connectors.webdav.extensions import LISTED, RETURNED
from mover.connectors.webdav.faults import fault
from mover.connectors.webdav.listing import child_entry, entry_of
from mover.connectors.webdav.reading import read_file
from mover.connectors.webdav.recognition import Traits, recognise
from mover.connectors.webdav.times import ModifiedTimes
from mover.connectors.webdav.uploads import Uploads
from mover.connectors.webdav.urls import FolderHrefs, Root
from mover.entries import ROOT, Entry, EntryKind, EntryRef
from mover.errors import Conflict, NameRejected, NotFound, PathTooLong, ProtocolViolation, Unsupported
from mover.naming import WEBDAV, NameRules
from mover.transport.egress import Egress

SERVICE = "webdav"
_PAGE = 1_000
_SECOND_NS = 1_000_000_000


class WebDavConnector:
    """A folder on a WebDAV server. `renames`, `quota` and `times` are this object's own or an object's of this package.

    Args:
        config: Where to sign in, and how.
        egress: The way out.
    """

    service = SERVICE
    described_reads = None
    hashes = None
    changes = None
    sharing_changes = None
    permissions = None
    versions = None
    places = None

    def __init__(self, config: WebDavConfig, egress: Egress) -> None:
        secure = urlsplit(config.url).scheme == "https"
        self._config = config
        self._secure = secure
        self._root = Root.at(config.url)
        session = egress.http(
            SERVICE,
            ca_file=config.ca_file,
            client_certificate=config.client_certificate,
            client_key=config.client_key,
            allow_plain=config.plain,
        )
        self._api = DavApi(session, authentication_for(config, secure=secure), self._root)
        self._signed_in: _SignedIn | None = None

    @property
    def calls(self) -> int:
        """HTTP requests so far."""
        return self._api.calls

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do."""
        return self._known.capabilities

    @property
    def part_uploads(self) -> ChunkedUploads | None:
        """Chunked uploads, at Nextcloud and ownCloud."""
        return self._known.chunks

    @property
    def times(self) -> ModifiedTimes | None:
        """Setting times by PROPPATCH, where the server has not said that it cannot."""
        return self._known.times

    @property
    def renames(self) -> WebDavConnector:
        """Every server can rename."""
        return self

    @property
    def quota(self) -> WebDavConnector | None:
        """Free room, where the server tells."""
        return self if self._known.traits.quota else None

    @property
    def _known(self) -> _SignedIn:
        assert self._signed_in is not None, "sign_in() comes first"
        return self._signed_in

    async def sign_in(self) -> Account:
        """Sign in and find out what the server can do: three to six calls, none of which writes."""
        traits = await recognise(self._api, self._root, self._config.dialect)
        self._root = replace(self._root, byte_names=traits.byte_names)
        self._signed_in = _SignedIn(self._api, self._root, traits)
        who = self._config.username or ("token" if self._config.token else "anonymous")
        host = urlsplit(self._root.origin).netloc
        return Account(description=f"{who} at {host}, {traits.product}", secure=self._secure)

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path; one call."""
        return await self._describe(path, "look_up")

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe an entry afresh; one call. WebDAV has no access by id, so another entry at its path is NotFound."""
        entry = await self._describe(ref.path, "refresh")
        if ref.id is not None and entry.id is not None and entry.id != ref.id:
            raise NotFound(
                "another entry stands at its place now", service=SERVICE, operation="refresh", path=ref.path
            )
        return entry

    async def _describe(self, path: str, operation: str) -> Entry:
        url = self._root.folder_url("/") if path == "/" else self._root.file_url(path)
        resource = await self._api.resource(url, self._known.properties, operation=operation, path=path)
        return entry_of(resource, path.rpartition("/")[2])

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:  # noqa: ARG002 - WebDAV has none
        """Yield a folder's entries while the server still lists them; one call. There are no cursors."""
        path = folder.path
        url = self._root.folder_url(path)
        hrefs = FolderHrefs(url)
        seen_itself = False
        entries: list[Entry] = []
        batches = self._api.children(url, self._known.properties, operation="list_folder", path=path)
        async with aclosing(batches):
            async for batch in batches:
                for resource in batch:
                    entry = child_entry(resource, hrefs, self._root)
                    if entry is not None:
                        entries.append(entry)
                    elif hrefs.name(resource.href) is None:
                        if resource.status is not None and resource.status >= 300:  # noqa: PLR2004 - HTTP statuses
                            raise fault(resource.status, {}, b"", operation="list_folder", path=path)
                        if not resource.folder:
                            raise NotFound(
                                "it is not a folder", service=SERVICE, operation="list_folder", path=path
                            )
                        seen_itself = True
                while len(entries) >= _PAGE:
                    yield Page(entries[:_PAGE])
                    del entries[:_PAGE]
        if not seen_itself:
            raise ProtocolViolation(
                "the server lists a folder without itself",
                service=SERVICE,
                operation="list_folder",
                path=path,
            )
        if entries:
            yield Page(entries)

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes; one call."""
        pieces = read_file(
            self._api,
            self._root.file_url(file.path),
            file.path,
            offset=offset,
            length=length,
            version=version,
            look_again=lambda: self._describe(file.path, "read"),
        )
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a folder; one call, two if something is there already."""
        path = self._checked(parent, name, "create_folder")
        url = self._root.folder_url(path)
        try:
            headers = await self._api.mkcol(url, operation="create_folder", path=path)
        except (Unsupported, ProtocolViolation) as refusal:  # 405; 400 is Apache's for a file of that name
            try:
                found = await self._describe(path, "create_folder")
            except NotFound:
                raise refusal from None
            if found.kind is EntryKind.FOLDER:
                return found
            raise _taken("create_folder", path) from refusal
        extended = self._known.traits.dialect is not Dialect.GENERIC
        id_ = headers.get("OC-FileId") if extended else None
        return Entry(name=name, kind=EntryKind.FOLDER, id=id_ or None)

    async def upload(self, target: Target, content: Content) -> Entry:
        """Send a whole file; `mover.connectors.webdav.uploads` shows in how many calls."""
        self._checked(target.folder, target.name, "upload")
        return await self._known.uploads.upload(target, content)

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Move an entry; three calls. Repeated after a lost answer it raises NotFound, and the entry is at its new place."""
        path = self._checked(folder, name, "rename")
        before = await self._describe(entry.path, "rename")
        await self._known.uploads.check_movable(folder, name)
        address = self._root.folder_url if before.kind is EntryKind.FOLDER else self._root.file_url
        try:
            await self._api.move(
                address(entry.path), address(path), overwrite=False, operation="rename", path=path
            )
        except Conflict as error:
            raise _taken("rename", path) from error
        return await self._describe(path, "rename")

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """Ask for `quota-available-bytes` (RFC 4331); one call. Nextcloud's negative numbers mean that it cannot say."""
        resource = await self._api.resource(
            self._root.folder_url(folder.path), QUOTA_PROPERTIES, operation="free_bytes", path=folder.path
        )
        text = (resource.free or "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None  # noqa: PLR2004 - digits of 2^64

    def _checked(self, folder: EntryRef, name: str, operation: str) -> str:
        """Return the path of a new entry. Too long a name is refused here: servers do it in all sorts of ways, 500 included."""
        path = folder.child(name).path
        names = self._known.capabilities.names
        try:
            if names.longest_name is not None and names.length(name) > names.longest_name:
                raise PathTooLong(f"the name is longer than {names.longest_name} {names.unit.value}")
            names.check_path(path)
        except NameRejected as error:
            raise error.at(service=SERVICE, operation=operation, path=path) from error.__cause__
        return path


class _SignedIn:
    """What follows from a server's traits."""

    def __init__(self, api: DavApi, root: Root, traits: Traits) -> None:
        extended = traits.dialect is not Dialect.GENERIC
        sets_times = Setting.AFTERWARDS in {traits.modified, traits.folder_modified}
        self.traits = traits
        self.properties = LIVE_PROPERTIES + (OWNCLOUD_PROPERTIES if extended else b"")
        self.uploads = Uploads(api, root, traits)
        self.chunks = ChunkedUploads(api, root, traits.uploads, traits) if traits.uploads else None
        self.times = ModifiedTimes(api, root, traits.dialect) if sets_times else None
        self.capabilities = Capabilities(
            names=_names(traits),
            stable_ids=extended,
            listed_hashes=LISTED.get(traits.dialect, frozenset()),
            returned_hashes=RETURNED.get(traits.dialect, frozenset()),
            modified=traits.modified,
            # Where times cannot be set, those in listings are times of arrival.
            modified_resolution_ns=None if traits.modified is Setting.NEVER else _SECOND_NS,
            folder_modified=traits.folder_modified,
            range_reads=True,
            versioned_reads=True,
            exclusive_create=True,
            parts=RULES if self.chunks is not None else None,
            costs=COSTS if traits.dialect is Dialect.GENERIC else None,  # the others were not compared
        )


def _taken(operation: str, path: str) -> Conflict:
    return Conflict("an entry of this name is there already", service=SERVICE, operation=operation, path=path)


def _names(traits: Traits) -> NameRules:
    if traits.dialect is Dialect.GENERIC:
        return replace(WEBDAV, byte_names=traits.byte_names)
    return replace(
        WEBDAV,
        marked=(*WEBDAV.marked, "\\\N{FULLWIDTH REVERSE SOLIDUS}"),
        reserved_names=WEBDAV.reserved_names | {".htaccess"},
        longest_name=250,
    )
