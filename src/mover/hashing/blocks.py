"""Hashes of hashes: the content is cut into blocks of equal size, and the blocks' hashes are hashed.

Dropbox: SHA-256 over the SHA-256 of each block of 4 MiB (https://www.dropbox.com/developers/reference/content-hash).
S3: the ETag of a multipart upload is the MD5 over the MD5 of each part, a hyphen, and the number of parts. That is
how every implementation makes it for uploads that are not encrypted with a key of one's own, not a promise of S3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

DROPBOX_BLOCK = 4 * 1024 * 1024


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)


class _Blocks:
    """The walk over the blocks: hashes each one, and the hashes of all that are complete."""

    __slots__ = ("_block", "_make", "_outer", "_room", "complete", "size")

    def __init__(self, make: Callable[[], hashlib._Hash], size: int) -> None:
        if size < 1:
            raise ValueError("a block has at least one byte")
        self._make = make
        self.size = size
        self._outer = make()
        self._block = make()
        self._room = size  # bytes that still go into the block at hand
        self.complete = 0

    @property
    def is_block_begun(self) -> bool:
        return self._room < self.size

    def update(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while len(view) >= self._room:
            self._block.update(view[: self._room])
            view = view[self._room :]
            self._outer.update(self._block.digest())
            self._block = self._make()
            self._room = self.size
            self.complete += 1
        if view:
            self._block.update(view)
            self._room -= len(view)

    def hexdigest(self, *, with_last: bool) -> str:
        outer = self._outer.copy()
        if with_last:
            outer.update(self._block.digest())
        return outer.hexdigest()

    def copy(self) -> _Blocks:
        twin = _Blocks(self._make, self.size)
        twin._outer = self._outer.copy()
        twin._block = self._block.copy()
        twin._room = self._room
        twin.complete = self.complete
        return twin


class DropboxHash:
    """A running Dropbox content hash. That of an empty file is the SHA-256 of nothing."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks = _Blocks(hashlib.sha256, DROPBOX_BLOCK)

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""
        self._blocks.update(data)

    def hexdigest(self) -> str:
        """Return the hash of all bytes so far as lower-case hexadecimal text."""
        return self._blocks.hexdigest(with_last=self._blocks.is_block_begun)

    def copy(self) -> DropboxHash:
        """Return an independent hasher that has taken the same bytes."""
        twin = DropboxHash()
        twin._blocks = self._blocks.copy()
        return twin


class S3Etag:
    """A running ETag of an S3 multipart upload with parts of `part_size` bytes; an empty upload has one empty part.

    Raises:
        ValueError: `part_size` is less than 1.
    """

    __slots__ = ("_blocks",)

    def __init__(self, part_size: int) -> None:
        self._blocks = _Blocks(_md5, part_size)

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes."""
        self._blocks.update(data)

    def hexdigest(self) -> str:
        """Return `<md5 of md5s>-<parts>` for all bytes so far."""
        complete = self._blocks.complete
        with_last = self._blocks.is_block_begun or not complete
        return f"{self._blocks.hexdigest(with_last=with_last)}-{complete + with_last}"

    def copy(self) -> S3Etag:
        """Return an independent hasher that has taken the same bytes."""
        twin = S3Etag(self._blocks.size)
        twin._blocks = self._blocks.copy()
        return twin


def s3_etag(part_md5s: Iterable[str]) -> str:
    """Return the ETag of a multipart upload from the hexadecimal MD5s of its parts, ascending.

    Raises:
        ValueError: There is no part, or one of the MD5s is not 32 hexadecimal digits.
    """
    outer = _md5()
    parts = 0
    for text in part_md5s:
        raw = bytes.fromhex(text)
        if len(raw) != outer.digest_size:
            raise ValueError("an MD5 of 32 hexadecimal digits was expected")
        outer.update(raw)
        parts += 1
    if not parts:
        raise ValueError("a multipart upload has at least one part")
    return f"{outer.hexdigest()}-{parts}"
