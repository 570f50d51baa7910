"""Reading files, with an eye on whether they change meanwhile."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from mover.connectors.local.api import Root, open_file, version_of
from mover.connectors.local.threads import Threads
from mover.entries import HashName
from mover.errors import Changed, IntegrityError
from mover.hashing import MultiHasher

PIECE: Final = 1024 * 1024


class Reading(msgspec.Struct):
    """An open file of which the bytes from `offset` to `end` are still to be read; its methods block.

    `version` None: whatever is there is read, but what was promised when it was opened must come.
    """

    descriptor: int
    opened_as: os.stat_result
    version: str | None
    offset: int
    end: int

    @classmethod
    def open(cls, root: Root, path: str, offset: int, length: int | None, version: str | None) -> Reading:
        """Open a file. Raises Changed if it is no longer that version, IntegrityError if it is shorter than wanted."""
        with root.place(path) as (folder, raw):
            descriptor = open_file(folder, raw, os.O_RDONLY)
        status = os.fstat(descriptor)
        reading = cls(
            descriptor, status, version, offset, status.st_size if length is None else offset + length
        )
        if version is not None and version_of(status) != version:
            reading.close()
            raise Changed("the file has changed since it was listed")
        if max(offset, reading.end) > status.st_size:
            reading.close()
            raise IntegrityError("the file is shorter than what was asked for")
        return reading

    def next(self) -> bytes:
        """Return the next piece; empty at the end. Raises Changed if the file is no longer what it was."""
        wanted = min(PIECE, self.end - self.offset)
        piece = os.pread(self.descriptor, wanted, self.offset) if wanted > 0 else b""
        self.offset += len(piece)
        if not piece or self.offset >= self.end:
            self._check(is_short=self.offset < self.end)
        return piece

    def _check(self, *, is_short: bool) -> None:
        """Compare the file with what it was when it was opened.

        The change time is compared too: it also moves when somebody writes and then sets the modified time back.
        """
        was, now = self.opened_as, os.fstat(self.descriptor)
        changed = (was.st_mtime_ns, was.st_ctime_ns, was.st_size) != (
            now.st_mtime_ns,
            now.st_ctime_ns,
            now.st_size,
        )
        if is_short or (changed and self.version is not None):
            raise Changed("the file changed while it was read")

    def close(self) -> None:
        """Close the file. Idempotent."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class _Beginning(msgspec.Struct):
    """The first piece of a file, and the rest of it unless that was all."""

    piece: bytes
    rest: Reading | None

    @classmethod
    def read(cls, root: Root, path: str, offset: int, length: int | None, version: str | None) -> _Beginning:
        """Open a file and read its first piece; a small file is closed again, so that one turn of a thread does it."""
        reading = Reading.open(root, path, offset, length, version)
        try:
            piece = reading.next()
        except BaseException:
            reading.close()
            raise
        if reading.offset >= reading.end:
            reading.close()
            return cls(piece, None)
        return cls(piece, reading)

    def close(self) -> None:
        """Let go of the file."""
        if self.rest is not None:
            self.rest.close()


async def read_pieces(
    threads: Threads, root: Root, path: str, *, offset: int, length: int | None, version: str | None
) -> AsyncGenerator[bytes, None]:
    """Yield a file's bytes."""
    beginning = await threads.acquire(_Beginning.close, _Beginning.read, root, path, offset, length, version)
    try:
        if beginning.piece:
            yield beginning.piece
        if beginning.rest is not None:
            while piece := await threads.run(beginning.rest.next):
                yield piece
    finally:
        beginning.close()


def hash_file(root: Root, path: str, names: frozenset[HashName]) -> dict[HashName, str]:
    """Compute hashes of a file; blocks. Raises Changed if it changes meanwhile."""
    with root.place(path) as (folder, raw):
        version = version_of(os.stat(raw, dir_fd=folder, follow_symlinks=False))
    reading = Reading.open(root, path, 0, None, version)
    hasher = MultiHasher(names)
    try:
        while piece := reading.next():
            hasher.update(piece)
    finally:
        reading.close()
    return hasher.hexdigests()
