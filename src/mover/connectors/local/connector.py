"""The contract of a connector on top of the file system."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from mover.connectors.contract import (
    Account,
    Capabilities,
    Changes,
    Content,
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
from mover.connectors.local.api import Root, Scan, look_in, raw_name
from mover.connectors.local.config import LocalConfig
from mover.connectors.local.failures import SERVICE, reported
from mover.connectors.local.filesystems import traits_of
from mover.connectors.local.optional import LocalHashes, LocalQuota, LocalRenames, LocalTimes
from mover.connectors.local.parts import RULES, LocalParts
from mover.connectors.local.reading import read_pieces
from mover.connectors.local.threads import Threads
from mover.connectors.local.writing import store
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import Conflict, InvalidConfiguration, NotFound
from mover.naming import POSIX_BYTES_255

_PAGE: Final = 1000
_CONCURRENCY: Final = (8, 16)


class LocalConnector:
    """A folder of this machine; see the package's other modules for the details of each operation."""

    def __init__(self, config: LocalConfig) -> None:
        self._config = config
        self._threads = Threads(_CONCURRENCY[1])
        self._opened: Root | None = None
        self._capabilities = Capabilities(
            names=POSIX_BYTES_255,
            modified=Setting.AT_UPLOAD,
            modified_resolution_ns=1,
            folder_modified=Setting.AFTERWARDS,
            versioned_reads=True,
            exclusive_create=True,
            parts=RULES,
            concurrency=_CONCURRENCY,
        )

    @property
    def service(self) -> str:
        """See the contract."""
        return SERVICE

    @property
    def capabilities(self) -> Capabilities:
        """See the contract."""
        return self._capabilities

    @property
    def calls(self) -> int:
        """Pieces of work that were given to threads."""
        return self._threads.jobs

    @property
    def part_uploads(self) -> PartUploads | None:
        """See the contract."""
        return LocalParts(self._threads, self._root, sync=self._config.sync)

    @property
    def described_reads(self) -> None:
        """Absent: listings tell all that reading would."""

    @property
    def hashes(self) -> ServiceHashes | None:
        """See the contract."""
        return LocalHashes(self._threads, self._root)

    @property
    def times(self) -> Times | None:
        """See the contract."""
        return LocalTimes(self._threads, self._root)

    @property
    def renames(self) -> Renames | None:
        """See the contract."""
        return LocalRenames(self._threads, self._root)

    @property
    def quota(self) -> Quota | None:
        """See the contract."""
        return LocalQuota(self._threads, self._root)

    @property
    def changes(self) -> Changes | None:
        """File systems keep no record of changes."""
        return None

    @property
    def sharing_changes(self) -> Changes | None:
        """Nor of those of permissions."""
        return None

    @property
    def permissions(self) -> Permissions | None:
        """Those of a file system name accounts of this machine; nobody else knows them."""
        return None

    @property
    def versions(self) -> Versions | None:
        """File systems keep none."""
        return None

    @property
    def places(self) -> Places | None:
        """There are no people and sites in a folder."""
        return None

    @property
    def _root(self) -> Root:
        assert self._opened is not None, "sign_in comes first"
        return self._opened

    async def sign_in(self) -> Account:
        """Open the root folder. Raises InvalidConfiguration if there is none, PermissionDenied."""
        path = self._config.path
        with reported("sign_in", str(path)):
            try:
                self._opened = await self._threads.acquire(Root.close, Root, path)
            except NotFound as error:
                raise InvalidConfiguration("there is no such folder on this machine") from error
            traits = await self._threads.run(traits_of, self._opened.descriptor)
        names = replace(POSIX_BYTES_255, case_sensitive=traits.case_sensitive)
        self._capabilities = replace(self._capabilities, names=names, modified_resolution_ns=traits.grain_ns)
        return Account(f"{path} on this machine", secure=True)

    async def close(self) -> None:
        """See the contract."""
        await self._threads.close()
        if self._opened is not None:
            self._opened.close()

    async def look_up(self, path: str) -> Entry:
        """See the contract."""
        with reported("look_up", path):
            return await self._threads.run(self._root.look, path)

    async def refresh(self, ref: EntryRef) -> Entry:
        """See the contract."""
        with reported("refresh", ref.path):
            return await self._threads.run(self._root.look, ref.path)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:  # noqa: ARG002 - pages give none
        """See the contract; there are no cursors."""
        with reported("list_folder", folder.path):
            scan = await self._threads.acquire(Scan.close, self._root.scan, folder.path)
            try:
                while True:
                    entries = await self._threads.run(scan.next, _PAGE)
                    yield Page(entries)
                    if len(entries) < _PAGE:
                        return
            finally:
                scan.close()

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See the contract. With `version`, a file that changes while it is read raises Changed at the end."""
        with reported("read", file.path):
            async with aclosing(
                read_pieces(
                    self._threads, self._root, file.path, offset=offset, length=length, version=version
                )
            ) as pieces:
                async for piece in pieces:
                    yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """See the contract."""
        with reported("create_folder", parent.child(name).path):
            return await self._threads.run(self._create_folder, parent.path, name)

    def _create_folder(self, parent: str, name: str) -> Entry:
        raw = raw_name(name)
        with self._root.folder(parent) as folder:
            try:
                os.mkdir(raw, dir_fd=folder)
            except FileExistsError:
                entry = look_in(folder, raw)
                if entry.kind is not EntryKind.FOLDER:
                    raise Conflict("something of that name is there that is no folder") from None
                return entry
            if self._config.sync:
                os.fsync(folder)
            return look_in(folder, raw)

    async def upload(self, target: Target, content: Content) -> Entry:
        """See the contract."""
        with reported("upload", target.ref.path):
            return await store(self._threads, self._root, target, content, sync=self._config.sync)
