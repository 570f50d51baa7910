"""The names of a folder whose names are sealed, as a file beside the others: one line an entry, in JSON.

The file is made of the folder's listing each time it is read, so nothing needs to be kept anywhere. It is sealed as
every other file is, and tells whoever can open it what each name stands for.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

import msgspec

from mover.connectors.contract import Connector, Page
from mover.connectors.sealed.evidence import size_in
from mover.entries import Entry, EntryKind, EntryRef, parent_path
from mover.errors import Changed
from mover.sealing.blocks import Layout
from mover.sealing.names import INDEX_NAME

_ID = "mover-names:"
_MOVED = {EntryKind.FILE, EntryKind.NATIVE, EntryKind.FOLDER}


class Line(msgspec.Struct, frozen=True):
    """What a name at the destination stands for."""

    sealed: str
    name: str


class Hide(Protocol):
    """Gives the name under which an entry stands at the destination."""

    def __call__(self, name: str, *, folder: bool) -> str:
        """Seal a name."""


class FolderNames:
    """Makes the files of names. `hide` seals a name."""

    def __init__(self, hide: Hide) -> None:
        self._hide = hide

    def is_index(self, ref: EntryRef) -> bool:
        """Whether that is the file of names of a folder."""
        return ref.name == INDEX_NAME and (ref.id is None or ref.id.startswith(_ID))

    async def list_with_index(
        self, inner: Connector, folder: EntryRef, layout: Layout
    ) -> AsyncGenerator[Page, None]:
        """Yield a folder's pages, and the file of names of it; without cursors, since that needs all of them."""
        count = _Count()
        async with aclosing(inner.list_folder(folder)) as pages:
            async for page in pages:
                for entry in page.entries:
                    count.add(self._line(entry))
                yield Page([_not_the_index(entry) for entry in page.entries])
        if count.size:
            yield Page([_index(folder, count, layout, has_ids=inner.capabilities.stable_ids)])

    async def refresh(self, inner: Connector, ref: EntryRef, layout: Layout) -> Entry:
        """Describe the file of names as it is now."""
        folder = _folder(ref)
        count = _Count()
        async with aclosing(self._lines(inner, folder)) as lines:
            async for line in lines:
                count.add(line)
        return _index(folder, count, layout, has_ids=inner.capabilities.stable_ids)

    async def read(
        self, inner: Connector, ref: EntryRef, version: str, offset: int, length: int | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the content, not sealed. Raises Changed at its end if it is not that of this version."""
        count = _Count()
        end = size_in(version) if length is None else offset + length
        async with aclosing(self._lines(inner, _folder(ref))) as lines:
            async for line in lines:
                kept = line[max(offset - count.size, 0) : max(end - count.size, 0)]
                count.add(line)
                if kept:
                    yield kept
        if count.version != version:
            raise Changed("what stands in the folder changed while its names were read", path=ref.path)

    async def _lines(self, inner: Connector, folder: EntryRef) -> AsyncGenerator[bytes, None]:
        async with aclosing(inner.list_folder(folder)) as pages:
            async for page in pages:
                yield b"".join(map(self._line, page.entries))

    def _line(self, entry: Entry) -> bytes:
        if entry.kind not in _MOVED:
            return b""
        sealed = self._hide(entry.name, folder=entry.kind is EntryKind.FOLDER)
        return msgspec.json.encode(Line(sealed, entry.name)) + b"\n"


class _Count:
    """Size and hash of lines that pass by."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()

    def add(self, line: bytes) -> None:
        self.size += len(line)
        self._hash.update(line)

    @property
    def version(self) -> str:
        return f"n:{self.size}:{self._hash.hexdigest()}"


def _index(folder: EntryRef, count: _Count, layout: Layout, *, has_ids: bool) -> Entry:
    return Entry(
        name=INDEX_NAME,
        kind=EntryKind.FILE,
        id=_ID + (folder.id or folder.path) if has_ids else None,
        size=layout.sealed_size(count.size),
        version=count.version,
    )


def _folder(ref: EntryRef) -> EntryRef:
    folder = ref.id.removeprefix(_ID) if ref.id else None
    path = parent_path(ref.path)
    return EntryRef(path, folder if folder != path else None)


def _not_the_index(entry: Entry) -> Entry:
    if entry.name != INDEX_NAME:
        return entry
    return msgspec.structs.replace(
        entry,
        internal="Mover keeps the names of sealed files under this name, so another file cannot have it",
    )
