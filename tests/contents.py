"""Content to upload, made by a test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field

from mover.entries import NO_HASHES, HashName
from mover.hashing import MultiHasher

_PIECE = 256 * 1024
_TRUE_SIZE = -1


def hashes_of(
    data: bytes, names: Iterable[HashName], *, s3_part_size: int | None = None
) -> Mapping[HashName, str]:
    """Compute hashes of bytes."""
    hasher = MultiHasher(names, s3_part_size=s3_part_size)
    hasher.update(data)
    return hasher.hexdigests()


@dataclass
class GivenContent:
    """The bytes of an upload; satisfies `mover.connectors.contract.Content`.

    Attributes:
        data: The bytes.
        told_size: What `size` says; by default the truth, None for content of unknown size.
        fails_after: So many bytes are yielded, then `failure` is raised.
    """

    data: bytes
    told_size: int | None = _TRUE_SIZE
    hashes: Mapping[HashName, str] = field(default_factory=lambda: NO_HASHES)
    repeatable: bool = True
    fails_after: int | None = None
    failure: BaseException = field(default_factory=lambda: RuntimeError("the source failed"))

    @property
    def size(self) -> int | None:
        return len(self.data) if self.told_size == _TRUE_SIZE else self.told_size

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        end = len(self.data) if self.fails_after is None else self.fails_after
        for start in range(0, end, _PIECE):
            yield self.data[start : min(start + _PIECE, end)]
        if self.fails_after is not None:
            raise self.failure
