"""Any set of hashes in one pass over the bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mover.entries import HashName
from mover.hashing.blocks import DropboxHash, S3Etag
from mover.hashing.crc import Crc
from mover.hashing.hasher import Hasher
from mover.hashing.quickxor import QuickXor

SUPPORTED: frozenset[HashName] = frozenset(HashName)
"""Every hash that a service publishes can be computed here; `S3_ETAG` needs to know the part size."""


class MultiHasher:
    """Computes several hashes of the same bytes at once.

    Not to be updated by two threads at the same time. `update` lets go of the interpreter's lock for pieces larger
    than 2 KiB, except for QuickXorHash (0.7 ms a MiB) and the two CRCs that take microseconds.

    Args:
        names: Which hashes; none is fine, then only `size` is counted.
        s3_part_size: Bytes a part of the multipart upload whose ETag is wanted; needed for `S3_ETAG`.

    Attributes:
        size: Bytes taken so far.

    Raises:
        ValueError: `S3_ETAG` is wanted and `s3_part_size` is missing or less than 1.
    """

    __slots__ = ("_hashers", "size")

    def __init__(self, names: Iterable[HashName], *, s3_part_size: int | None = None) -> None:
        self._hashers = {name: _new_hasher(name, s3_part_size) for name in names}
        self.size = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes. A memoryview must be contiguous, of single bytes."""
        for hasher in self._hashers.values():
            hasher.update(data)
        self.size += len(data)

    def hexdigests(self) -> dict[HashName, str]:
        """Return the hashes of all bytes so far, lower-case hexadecimal; more bytes may follow."""
        return {name: hasher.hexdigest() for name, hasher in self._hashers.items()}

    def copy(self) -> MultiHasher:
        """Return an independent hasher that has taken the same bytes: a point to return to if what follows fails."""
        twin = MultiHasher(())
        twin._hashers = {name: hasher.copy() for name, hasher in self._hashers.items()}
        twin.size = self.size
        return twin


def _new_hasher(name: HashName, s3_part_size: int | None) -> Hasher:
    match name:
        case HashName.MD5:
            return hashlib.md5(usedforsecurity=False)
        case HashName.SHA1:
            return hashlib.sha1(usedforsecurity=False)
        case HashName.SHA256:
            return hashlib.sha256()
        case HashName.SHA512:
            return hashlib.sha512()
        case HashName.CRC32 | HashName.CRC32C | HashName.CRC64NVME:
            return Crc(name)
        case HashName.QUICKXOR:
            return QuickXor()
        case HashName.DROPBOX:
            return DropboxHash()
        case HashName.S3_ETAG:
            if s3_part_size is None:
                raise ValueError(
                    "the ETag of an S3 multipart upload depends on the part size, which is missing"
                )
            return S3Etag(s3_part_size)
