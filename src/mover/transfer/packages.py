"""Office files as what they are, archives of parts: whether one that a service changed still holds what was sent.

SharePoint writes a library's columns into the properties of Office files that it takes (MS-WSSTS, "property promotion"),
so their size and hash change though nothing went wrong. Their other parts stay as they are, and the directory at the end
of the archive (ECMA-376 part 2, over ZIP) has a checksum of each: reading the last bytes of both files is enough.
"""

from __future__ import annotations

import io
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

from mover.connectors.contract import Connector
from mover.entries import EntryRef

TAIL = 1 << 20  # bytes: where the directory of any but an absurd document ends
_PROPERTIES = ("docProps/", "customXml/", "docMetadata/", "[Content_Types].xml")
_RELATIONS = ".rels"
_BROKEN = (struct.error, ValueError, OverflowError, NotImplementedError, EOFError, OSError)

Parts = Mapping[str, tuple[int, int]]


def same_document(sent: Parts, there: Parts) -> bool:
    """Whether all that was sent is there, but for properties and what refers to them."""
    content = {name: part for name, part in sent.items() if not _is_property(name)}
    return bool(content) and all(there.get(name) == part for name, part in content.items())


def parts_of(tail: bytes, size: int) -> Parts | None:
    """Checksum (CRC-32) and size of each part of a package, by name; None if it is none, or its directory is not in its end.

    Args:
        tail: The last bytes of the file.
        size: Of the whole file, in bytes.
    """
    import zipfile  # noqa: PLC0415 - few moves need it, and every command would load it

    try:
        with zipfile.ZipFile(_Ending(tail, size)) as package:
            return {part.filename: (part.CRC, part.file_size) for part in package.infolist()}
    except (zipfile.BadZipFile, *_BROKEN):
        return None


async def ending(chunks: AsyncGenerator[bytes, None] | AsyncIterator[bytes]) -> tuple[bytes, int]:
    """The last bytes of what an iterator yields, and how many there were in all."""
    kept, size = bytearray(), 0
    async for chunk in chunks:
        size += len(chunk)
        kept += chunk
        if len(kept) > 2 * TAIL:
            del kept[:-TAIL]
    return bytes(kept[-TAIL:]), size


async def parts_at(connector: Connector, file: EntryRef, size: int | None) -> Parts | None:
    """The parts of a package at a service, with one read of its end. Raises what reading raises."""
    can = connector.capabilities
    if size is None or not can.range_reads:
        async with aclosing(connector.read(file)) as chunks:
            return parts_of(*await ending(chunks))
    offset = max(size - TAIL, 0)
    async with aclosing(connector.read(file, offset=offset)) as chunks:
        tail, _ = await ending(chunks)
    return parts_of(tail, size)


def _is_property(name: str) -> bool:
    return name.startswith(_PROPERTIES) or name.endswith(_RELATIONS)


class _Ending(io.RawIOBase):
    """A file of which only the end is there."""

    def __init__(self, tail: bytes, size: int) -> None:
        self._tail = tail
        self._size = size
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("before the beginning")
        self._at = start + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        start = self._at - (self._size - len(self._tail))
        if start < 0:
            raise OSError("that part of the file is not here")
        found = self._tail[start:] if size < 0 else self._tail[start : start + size]
        self._at += len(found)
        return found
