"""What a made-up file consists of: bytes that are held, that follow from a number, or that are made when asked for."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from mover.entries import HashName
from mover.hashing import MultiHasher

PIECE = 64 * 1024
_SMALL = 1024
_BYTES = hashlib.shake_128(b"bytes of any pattern").digest(2 * PIECE)


class Contents(Protocol):
    """The bytes of a file in the in-memory service."""

    @property
    def size(self) -> int | None:
        """In bytes; None if the service cannot say before it has made them."""

    def read(self, offset: int, length: int) -> bytes:
        """Return at most `length` bytes from `offset`; fewer only at the end."""


@dataclass(frozen=True)
class Held:
    """Bytes in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Return a part of them."""
        return self.data[offset : offset + length]


@dataclass(frozen=True)
class Pattern:
    """Any number of bytes that follow from a seed, without being held: the same piece at the same offset each time."""

    size: int
    seed: int = 0

    def read(self, offset: int, length: int) -> bytes:
        """Make a part of them."""
        end = min(offset + length, self.size)
        made = bytearray()
        while offset + len(made) < end:
            block, within = divmod(offset + len(made), PIECE)
            made += self._block(block)[within : within + end - offset - len(made)]
        return bytes(made)

    def _block(self, number: int) -> bytes:
        # The same bytes from another place on, behind a mark of its own: making 64 KiB of them anew takes far longer.
        mark = hashlib.sha256(f"{self.seed}/{number}".encode()).digest()
        first = int.from_bytes(mark[:2]) % PIECE
        return mark + _BYTES[first : first + PIECE - len(mark)]


@dataclass(frozen=True)
class Exported:
    """A native document: made anew for each reading, so that no size and no hash are known before."""

    export: Callable[[], bytes]
    size: None = None

    def read(self, offset: int, length: int) -> bytes:
        """Export the document and return a part of it."""
        return self.export()[offset : offset + length]


@dataclass(frozen=True)
class Forgotten:
    """Bytes that were received, counted and hashed, but not kept: for tests that move more than memory holds."""

    size: int
    hashes: dict[HashName, str]

    def read(self, offset: int, length: int) -> bytes:
        """Nobody may read them."""
        raise AssertionError(f"{length} bytes at {offset} were read of a file whose content was not kept")


def pieces(contents: Contents, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Yield contents piece by piece; native documents are made once for the whole reading."""
    if isinstance(contents, Exported):
        contents = Held(contents.export())
    assert contents.size is not None
    end = contents.size if length is None else min(contents.size, offset + length)
    while offset < end:
        piece = contents.read(offset, min(PIECE, end - offset))
        offset += len(piece)
        yield piece


def hashes_of(contents: Contents, names: frozenset[HashName]) -> dict[HashName, str]:
    """Compute hashes as the service itself would; none of a native document."""
    if not names or isinstance(contents, Exported):
        return {}
    if isinstance(contents, Forgotten):
        return {name: value for name, value in contents.hashes.items() if name in names}
    names -= {HashName.S3_ETAG}  # which only uploads in parts have
    if isinstance(contents, Held) and contents.size <= _SMALL:
        return dict(_hashes_of_small(contents.data, names))
    hasher = MultiHasher(names)
    for piece in pieces(contents):
        hasher.update(piece)
    return hasher.hexdigests()


@functools.lru_cache(maxsize=2048)
def _hashes_of_small(data: bytes, names: frozenset[HashName]) -> dict[HashName, str]:
    """Those of files that are listed again and again, computed once."""
    hasher = MultiHasher(names)
    hasher.update(data)
    return hasher.hexdigests()
