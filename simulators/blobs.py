"""Contents of files: bytes, parts put together, or made up as they are read, so that a terabyte costs nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Protocol

PIECE = 256 * 1024


class Hasher(Protocol):
    """As the standard library's hashes are."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """Return the hash so far, in lower-case hexadecimal."""


class Blob(Protocol):
    """The bytes of one version of a file. Never changes."""

    @property
    def size(self) -> int:
        """In bytes."""

    def pieces(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of a range, in pieces."""


class Bytes:
    """Contents that are held."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data)

    def pieces(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of a range, in pieces."""
        end = len(self.data) if length is None else min(len(self.data), offset + length)
        for start in range(offset, end, PIECE):
            yield self.data[start : min(start + PIECE, end)]


class MadeUp:
    """Contents that follow from a seed; any range is made when it is read."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self._size = size
        self._seed = seed

    @cached_property
    def _pattern(self) -> bytes:
        return hashlib.shake_256(f"made up {self._seed}".encode()).digest(PIECE)

    @property
    def size(self) -> int:
        """In bytes."""
        return self._size

    def pieces(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of a range, in pieces. Each block begins with its number, so no two are the same."""
        end = self._size if length is None else min(self._size, offset + length)
        while offset < end:
            block, within = divmod(offset, PIECE)
            whole = block.to_bytes(8, "big") + self._pattern[8:]
            piece = whole[within : within + end - offset]
            yield piece
            offset += len(piece)


class Joined:
    """Contents that arrived in parts."""

    def __init__(self, parts: Sequence[Blob]) -> None:
        self._parts = tuple(parts)

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(part.size for part in self._parts)

    def pieces(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of a range, in pieces."""
        left = self.size - offset if length is None else length
        for part in self._parts:
            if offset >= part.size:
                offset -= part.size
                continue
            for piece in part.pieces(offset, left):
                left -= len(piece)
                yield piece
            offset = 0
            if left <= 0:
                return


def digest(blob: Blob, make: Callable[[], Hasher] = hashlib.sha1) -> str:
    """Hash all of a blob; lower-case hexadecimal."""
    hasher = make()
    for piece in blob.pieces():
        hasher.update(piece)
    return hasher.hexdigest()


def content(blob: Blob) -> bytes:
    """Return all bytes of a blob."""
    return b"".join(blob.pieces())
