"""The contract, for SFTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from mover.connectors.contract import (
    Account,
    Capabilities,
    Content,
    Page,
    Quota,
    Renames,
    ServiceHashes,
    Setting,
    Target,
    Times,
)
from mover.connectors.registry import Remember
from mover.connectors.sftp.api import STATVFS, Sftp, abandon, unless_absent
from mover.connectors.sftp.checksums import CheckFile, Commands, offers_check_file
from mover.connectors.sftp.config import SftpConfig
from mover.connectors.sftp.failures import SERVICE, Refusal, reported
from mover.connectors.sftp.keys import host_key_text
from mover.connectors.sftp.listing import list_folder
from mover.connectors.sftp.optional import SftpQuota, SftpRenames, SftpTimes
from mover.connectors.sftp.parts import RULES, SftpPartUploads
from mover.connectors.sftp.placing import Creating, way_of_creating
from mover.connectors.sftp.pool import Pool
from mover.connectors.sftp.reading import read_file
from mover.connectors.sftp.ssh import Dialler, Link
from mover.connectors.sftp.tree import Tree, entry, kind_of
from mover.connectors.sftp.uploads import upload_file
from mover.connectors.temporary import Places
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import Conflict, InvalidConfiguration, NotFound, one_line
from mover.naming import POSIX_BYTES_255, bytes_from_text, text_from_bytes
from mover.transport.egress import Egress

_CONCURRENCY = (16, 32)


class SftpConnector:
    """See `Connector`. Paths are the server's, below `SftpConfig.path`."""

    service = SERVICE
    changes = None
    sharing_changes = None
    permissions = None
    versions = None
    places = None
    described_reads = None

    def __init__(self, config: SftpConfig, egress: Egress, remember: Remember) -> None:
        self._config = config
        self._remember = remember
        self._dialler = Dialler(config, egress)
        self._pool = Pool(self._dialler.dial)
        self._commands: Commands | None = None
        self.hashes: ServiceHashes | None = None
        self.quota: Quota | None = None
        self._arrange(Tree(b"/"), Creating.BY_LOOKING)

    def _arrange(self, tree: Tree, way: Creating) -> None:
        self._tree = tree
        self._way = way
        self.part_uploads = SftpPartUploads(self._pool, tree, way)
        self.times: Times = SftpTimes(self._pool, tree)
        self.renames: Renames = SftpRenames(self._pool, tree, way)
        self.capabilities = Capabilities(
            names=POSIX_BYTES_255,
            modified=Setting.AT_UPLOAD,
            modified_resolution_ns=1_000_000_000,
            folder_modified=Setting.AFTERWARDS,
            versioned_reads=True,
            exclusive_create=way is not Creating.BY_LOOKING,
            parts=RULES,
            concurrency=_CONCURRENCY,
        )

    @property
    def calls(self) -> int:
        """Requests and commands sent so far."""
        return self._pool.calls + (self._commands.calls if self._commands else 0)

    async def sign_in(self) -> Account:
        """Connect, pin the host key if it is the first time, and find out what the server offers.

        Also raises NotFound or InvalidConfiguration if the start folder is not there or not a folder.
        """
        with reported("sign_in", f"{self._config.host}:{self._config.port}"):
            async with self._pool.link() as link:
                if self._config.host_key is None and self._dialler.host_key is not None:
                    await self._remember("host_key", host_key_text(self._dialler.host_key))
                tree = Tree(await self._start(link))
                self._arrange(tree, way_of_creating(link.sftp, link.server))
                if link.sftp.offers(STATVFS):
                    self.quota = SftpQuota(self._pool, tree)
                self.hashes = await self._hashes(link.sftp)
            description = f"{self._config.username} at {self._config.host}, {link.server}"
            return Account(description=one_line(description), secure=True)

    async def close(self) -> None:
        """Drop the connections."""
        self._pool.close()

    async def look_up(self, path: str) -> Entry:
        """Describe what stands at a path: a symbolic link itself, save the root."""
        with reported("look_up", path):
            raw = self._tree.locate(path)
            name = EntryRef(path).name
            async with self._pool.link() as link:
                if path == "/":
                    return entry(name, await link.sftp.look_through(raw))
                attributes = await link.sftp.look_at(raw)
                if kind_of(attributes) is not EntryKind.SHORTCUT:
                    return entry(name, attributes)
                target = text_from_bytes(await link.sftp.read_link(raw))
                return entry(name, attributes, target=target)

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe an entry by its path: SFTP has no ids."""
        return await self.look_up(ref.path)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield the entries of a folder. There are no cursors. Raises NotFound, PermissionDenied."""
        with reported("list_folder", folder.path):
            if cursor is not None:
                raise NotFound("the server cannot go on with an earlier listing")
            raw = self._tree.locate(folder.path)
            async with self._pool.link() as link:
                try:
                    async with aclosing(list_folder(link.sftp, raw)) as pages:
                        async for page in pages:
                            yield page
                except Refusal as refusal:
                    if await self._is_file(link.sftp, raw):
                        raise NotFound("it is not a folder", said=refusal.said) from refusal
                    raise

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes; `version` is compared before and after, in whole seconds and bytes."""
        with reported("read", file.path):
            raw = self._tree.locate(file.path)
            async with self._pool.link() as link:
                reading = read_file(link.sftp, raw, offset=offset, length=length, expected=version)
                async with aclosing(reading) as blocks:
                    async for block in blocks:
                        yield block

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a folder, and look at it in the same round trip."""
        with reported("create_folder", parent.child(name).path):
            raw = self._tree.locate_child(parent.path, name)
            async with self._pool.link() as link:
                created, looked = link.sftp.create_folder(raw), link.sftp.look_at(raw)
                abandon(looked)
                try:
                    await created
                except Refusal:
                    standing = await unless_absent(looked)
                    if standing is None:
                        raise
                    if kind_of(standing) is not EntryKind.FOLDER:
                        raise Conflict("something that is not a folder has that name already") from None
                return entry(name, await looked)

    async def upload(self, target: Target, content: Content) -> Entry:
        """Send a whole file. Repeated after it has succeeded without a word, it finds its own file: Conflict."""
        with reported("upload", target.ref.path):
            places = Places.of(self._tree, target)
            async with self._pool.link() as link:
                return await upload_file(link.sftp, self._way, places, target, content)

    async def _start(self, link: Link) -> bytes:
        """Find the start folder."""
        path = self._config.path
        raw = bytes_from_text(path)
        if not path.startswith("/"):
            below = raw.removeprefix(b"~").strip(b"/")
            raw = link.home.rstrip(b"/") + b"/" + below
        start = await link.sftp.resolve(raw)
        if kind_of(await link.sftp.look_through(start)) is not EntryKind.FOLDER:
            raise InvalidConfiguration(f"path {path!r} is not a folder of the server")
        return start

    async def _hashes(self, sftp: Sftp) -> ServiceHashes | None:
        if self._config.remote_checksums == "off":
            return None
        if await offers_check_file(sftp, self._tree.locate("/")):
            return CheckFile(self._pool, self._tree)
        if self._config.remote_checksums != "commands":
            return None
        self._commands = Commands(self._pool, self._tree)
        await self._commands.find()
        return self._commands if self._commands.names else None

    @staticmethod
    async def _is_file(sftp: Sftp, path: bytes) -> bool:
        standing = await unless_absent(sftp.look_through(path))
        return standing is not None and kind_of(standing) is not EntryKind.FOLDER
