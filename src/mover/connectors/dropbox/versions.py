"""Revisions of files."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from mover.connectors.contract import FileVersion
from mover.connectors.dropbox.answers import Metadata
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Areas
from mover.connectors.dropbox.calls import Purpose
from mover.connectors.dropbox.entries import address, hashes_of, is_revision, its_id, read_time, split_id
from mover.connectors.dropbox.reading import read_file
from mover.entries import EntryRef
from mover.errors import NotFound

_PAGE = 100


class DropboxVersions:
    """See `contract.Versions`."""

    def __init__(self, api: FilesApi, areas: Areas) -> None:
        self._api = api
        self._areas = areas

    async def of(self, file: EntryRef) -> Sequence[FileVersion]:
        """See the contract. A call for each 100 revisions; those of a document that can only be exported are not told."""
        if (known := its_id(file)) is not None and split_id(known)[0] is not None:
            return []
        purpose, path = await self._locate(file, "list_versions")
        found = await self._api.revisions(purpose, path, None, _PAGE)
        entries = list(found.entries)
        while found.has_more and found.entries:
            last = entries[-1]
            # Only revisions of one path can be asked for page by page; beyond a hundred, those before a rename are lost.
            older = entries[0].path_lower or path
            found = await self._api.revisions(purpose, older, last.rev, _PAGE)
            entries += found.entries
        return [_version(entry) for entry in reversed(entries) if entry.rev is not None]

    async def read(
        self, file: EntryRef, version: FileVersion, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See the contract."""
        purpose, _ = await self._locate(file, "read")
        if not is_revision(version.id):
            raise NotFound("there is no such version", operation="read", path=file.path)
        pieces = read_file(
            self._api, purpose, f"rev:{version.id}", offset=offset, length=length, version=version.id
        )
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def _locate(self, file: EntryRef, operation: str) -> tuple[Purpose, str]:
        where = await self._areas.locate(file.path, operation)
        if where is None:
            raise NotFound("this is a folder", operation=operation, path=file.path)
        return Purpose(who=where.who, operation=operation, path=file.path), address(file, where.path)


def _version(entry: Metadata) -> FileVersion:
    return FileVersion(
        id=entry.rev or "",
        size=entry.size,
        modified_ns=read_time(entry.client_modified),
        hashes=hashes_of(entry.content_hash),
    )
