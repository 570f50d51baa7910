"""The contract of a connector on top of the in-memory service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

import msgspec
from tests.memory.contents import Contents, Exported, Held, hashes_of, pieces
from tests.memory.faults import Fault
from tests.memory.nodes import Earlier, Node
from tests.memory.parts import MemoryPartUploads
from tests.memory.service import MemoryService
from tests.memory.sharing import MemoryPermissions, MemoryPlaces
from tests.memory.writing import check_name, check_target, commit, find, find_folder, receive

from mover.connectors.contract import (
    Account,
    Capabilities,
    Change,
    Changes,
    Content,
    DescribedReads,
    FileVersion,
    Page,
    PartUploads,
    Permissions,
    Places,
    Quota,
    Renames,
    ServiceHashes,
    Setting,
    Target,
    Times,
    Versions,
)
from mover.entries import ROOT, Entry, EntryKind, EntryRef, HashName
from mover.errors import Changed, Conflict, IntegrityError, MoverError, NotFound

SERVICE = "memory"


class MemoryConnector:
    """A connector to a `MemoryService`; several may be in use at once."""

    part_uploads: PartUploads | None
    described_reads: DescribedReads | None
    hashes: ServiceHashes | None
    times: Times | None
    renames: Renames | None
    quota: Quota | None
    changes: Changes | None
    sharing_changes: Changes | None
    permissions: Permissions | None
    versions: Versions | None
    places: Places | None

    def __init__(self, service: MemoryService) -> None:
        self._service = service
        self._calls = 0
        self._open = False
        can = service.capabilities
        times_are_set = Setting.AFTERWARDS in {can.modified, can.folder_modified}
        self.part_uploads = MemoryPartUploads(self) if can.parts else None
        self.described_reads = None if service.times_listed else self
        self.hashes = MemoryHashes(self) if service.hashes_on_demand else None
        self.times = MemoryTimes(self) if times_are_set else None
        self.renames = MemoryRenames(self) if service.renames else None
        self.quota = MemoryQuota(self) if service.free_bytes is not None or service.room else None
        self.versions = MemoryVersions(self) if service.versions else None
        self.changes = self._feed() if service.change_feed else None
        self.sharing_changes = MemoryChanges(self) if service.sharing_feed else None
        known = service.directory
        self.permissions = MemoryPermissions(self, known) if known else None
        self.places = MemoryPlaces(self, known) if known and known.lists_people else None

    def _feed(self) -> Changes:
        if self._service.tree_page is None:
            return MemoryChanges(self)
        from tests.memory.trees import MemoryTrees  # noqa: PLC0415 - it begins with the feed that stands here

        return MemoryTrees(self)

    @property
    def service(self) -> str:
        """The connector's name."""
        return SERVICE

    @property
    def account(self) -> MemoryService:
        """The account behind it."""
        return self._service

    @property
    def capabilities(self) -> Capabilities:
        """What the account can do."""
        return self._service.capabilities

    @property
    def calls(self) -> int:
        """Operations of this connector so far."""
        return self._calls

    @contextlib.asynccontextmanager
    async def operation(self, name: str, path: str) -> AsyncIterator[Fault]:
        """Do one operation: signed in, counted, open to faults, with errors that say where they happened."""
        if not self._open and name != "sign_in":
            raise AssertionError(f"{name} was called on a connector that is not signed in")
        self._calls += 1
        try:
            async with self._service.operation(name, path) as fault:
                await asyncio.sleep(0)  # others get their turn, as during a real call
                yield fault
        except MoverError as error:
            error.at(service=SERVICE, operation=name, path=path)
            raise

    async def sign_in(self) -> Account:
        """Sign in."""
        async with self.operation("sign_in", "/"):
            self._open = True
        return Account("somebody at an in-memory service", secure=True)

    async def close(self) -> None:
        """Sign out."""
        self._open = False

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path."""
        async with self.operation("look_up", path):
            node = self._service.nodes.at(path)
            if node is None:
                raise NotFound("there is no such entry")
            return self._service.describe(node)

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe a known entry afresh."""
        async with self.operation("refresh", self.label(ref)):
            return self._service.describe(find(self._service, ref))

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield a folder's entries in the order in which they came there; each page is a call."""
        after = int(cursor) if cursor is not None else 0
        size = self._service.page_size
        while True:
            async with self.operation("list_folder", self.label(folder)):
                nodes = self._service.nodes.children(find_folder(self._service, folder))
                rest = [node for node in nodes if node.order > after]
                page = [self._listed(node) for node in rest[:size]]
            if not rest:
                yield Page(())
                return
            after = rest[: len(page)][-1].order
            is_last = len(rest) <= size
            yield Page(page, str(after) if self._service.resumable_listings and not is_last else None)
            if is_last:
                return

    def _listed(self, node: Node) -> Entry:
        """Describe an entry as listings do."""
        entry = self._service.describe(node)
        return entry if self._service.times_listed else msgspec.structs.replace(entry, modified_ns=None)

    async def read(
        self,
        file: EntryRef,
        *,
        offset: int = 0,
        length: int | None = None,
        version: str | None = None,
        found: Callable[[Entry], None] | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes; a native document is exported for each reading."""
        async with self.operation("read", self.label(file)) as fault:
            node = find(self._service, file)
            if found is not None:
                found(self._service.describe(node))
            if node.kind not in {EntryKind.FILE, EntryKind.NATIVE}:
                raise NotFound("that is not a file")
            if not self.capabilities.range_reads:
                offset, length = 0, None
            contents = node.contents
            if isinstance(contents, Exported):
                contents = Held(contents.export())
            async for piece in fault.spoil(self._stream(node, contents, offset, length, version)):
                yield piece

    async def _stream(
        self, node: Node, contents: Contents, offset: int, length: int | None, version: str | None
    ) -> AsyncGenerator[bytes, None]:
        read = 0
        for piece in pieces(contents, offset, length):
            self._check_version(node, version)
            read += len(piece)
            yield piece
            await asyncio.sleep(0)
        self._check_version(node, version)
        if length is not None and read != length:
            raise IntegrityError("the file ended early")

    def _check_version(self, node: Node, version: str | None) -> None:
        """Raise Changed if the file is no longer the version that is wanted, also in the middle of reading it."""
        if version is None or not self.capabilities.versioned_reads:
            return
        if self._service.nodes.node(node.id) is None or f"v{node.version}" != version:
            raise Changed("the file changed while it was read")

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a folder, or return the one that is there."""
        async with self.operation("create_folder", self.label(parent.child(name))):
            above = find_folder(self._service, parent)
            check_name(self.capabilities.names, self._service.nodes.path(above), name)
            there = self._service.nodes.named(above, name)
            folders = [node for node in there if node.kind is EntryKind.FOLDER]
            if there and not folders:
                raise Conflict("a file of that name is there")
            return self._service.describe(
                folders[0] if folders else self._service.create(above, name, EntryKind.FOLDER)
            )

    async def upload(self, target: Target, content: Content) -> Entry:
        """Take a whole file. With a fault that spoils the stream the service keeps what arrived, and says so."""
        async with self.operation("upload", target.ref.path) as fault:
            check_target(self._service, target, content.size)
            contents = await receive(self._service, target.ref.path, fault.spoil(content.chunks()))
            if (
                contents.size != content.size
                and None not in {contents.size, content.size}
                and fault.truncate_to is None
            ):
                raise IntegrityError("the content has not the size that was announced")
            return self.finished(commit(self._service, target, contents, self.kept_time(target)))

    def kept_time(self, target: Target) -> int | None:
        """Return the modified time that comes with an upload, as far as the service takes it."""
        return target.modified_ns if self.capabilities.modified is Setting.AT_UPLOAD else None

    def finished(self, node: Node) -> Entry:
        """Describe a file that was just uploaded."""
        return self._service.describe(node, self.capabilities.returned_hashes)

    def label(self, ref: EntryRef) -> str:
        """Return the path that an entry has now, for faults and messages."""
        node = self._service.nodes.node(ref.id) if ref.id is not None else None
        return self._service.nodes.path(node) if node is not None else ref.path


class MemoryTimes:
    """Setting times of what is there."""

    def __init__(self, connector: MemoryConnector) -> None:
        self._connector = connector

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """Set the modified time, where the capabilities say that it is kept."""
        connector, account = self._connector, self._connector.account
        async with connector.operation("set_modified", connector.label(entry)):
            node = find(account, entry)
            can = connector.capabilities
            kept = can.folder_modified if node.kind is EntryKind.FOLDER else can.modified
            if kept is not Setting.AFTERWARDS:
                return False
            node.modified_ns = account.grain(modified_ns)
            account.nodes.touch(node)
            return True


class MemoryRenames:
    """Renaming and moving."""

    def __init__(self, connector: MemoryConnector) -> None:
        self._connector = connector

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Move an entry, never over another one and never into itself."""
        connector, account = self._connector, self._connector.account
        async with connector.operation("rename", connector.label(entry)):
            node = find(account, entry)
            parent = find_folder(account, folder)
            check_name(connector.capabilities.names, account.nodes.path(parent), name)
            if any(other is not node for other in account.nodes.named(parent, name)):
                raise Conflict("an entry of that name is there", path=folder.child(name).path)
            if f"{account.nodes.path(parent)}/".startswith(f"{account.nodes.path(node)}/"):
                raise Conflict("a folder cannot be moved into itself")
            account.nodes.move(node, parent, name)
            return account.describe(node)


class MemoryHashes:
    """Hashes on demand."""

    def __init__(self, connector: MemoryConnector) -> None:
        self._connector = connector
        self.names = connector.account.hashes_on_demand

    async def compute(self, file: EntryRef, wanted: frozenset[HashName]) -> Mapping[HashName, str]:
        """Compute those that the service has."""
        connector = self._connector
        async with connector.operation("compute", connector.label(file)):
            return hashes_of(find(connector.account, file).contents, wanted & self.names)


class MemoryQuota:
    """Room in the account."""

    def __init__(self, connector: MemoryConnector) -> None:
        self._connector = connector

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """Return what is left."""
        path = self._connector.label(folder)
        async with self._connector.operation("free_bytes", path):
            return self._connector.account.room_for(path)[1]


class MemoryVersions:
    """Earlier versions of files."""

    def __init__(self, connector: MemoryConnector) -> None:
        self._connector = connector

    async def of(self, file: EntryRef) -> Sequence[FileVersion]:
        """Return all versions, the oldest first."""
        connector = self._connector
        async with connector.operation("versions", connector.label(file)):
            node = find(connector.account, file)
            current = Earlier(node.version, node.contents, node.modified_ns)
            return [self._described(one) for one in (*node.earlier, current)]

    def _described(self, one: Earlier) -> FileVersion:
        return FileVersion(
            id=f"v{one.version}",
            size=one.contents.size,
            modified_ns=one.modified_ns,
            hashes=hashes_of(one.contents, self._connector.capabilities.listed_hashes),
        )

    async def read(
        self, file: EntryRef, version: FileVersion, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an earlier version."""
        connector = self._connector
        async with connector.operation("read_version", connector.label(file)) as fault:
            node = find(connector.account, file)
            current = Earlier(node.version, node.contents, node.modified_ns)
            for one in (*node.earlier, current):
                if f"v{one.version}" == version.id:
                    break
            else:
                raise NotFound("there is no such version")
            async for piece in fault.spoil(_yielded(one.contents, offset, length)):
                yield piece


class MemoryChanges:
    """The change feed."""

    def __init__(self, connector: MemoryConnector) -> None:
        self._connector = connector

    async def cursor(self, _folder: EntryRef = ROOT) -> str:
        """Return a cursor for now."""
        async with self._connector.operation("changes_cursor", "/"):
            return str(len(self._connector.account.nodes.changed))

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """Yield what changed, in pages as large as those of listings."""
        account = self._connector.account
        position = int(cursor)
        while True:
            async with self._connector.operation("changes_since", "/"):
                if position < account.nodes.oldest_cursor:
                    raise NotFound("the cursor is too old")
                ids = account.nodes.changed[position : position + account.page_size]
            if not ids:
                return
            position += len(ids)
            yield [self._change(id_) for id_ in ids], str(position)

    def _change(self, id_: str) -> Change:
        node = self._connector.account.nodes.node(id_)
        return (
            Change(id_, None)
            if node is None
            else Change(id_, self._connector.account.describe(node), node.parent_id)
        )


async def _yielded(contents: Contents, offset: int, length: int | None) -> AsyncGenerator[bytes, None]:
    for piece in pieces(contents, offset, length):
        yield piece
