"""Hashing a stream without holding up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from mover.entries import HashName
from mover.hashing.multi import MultiHasher

INLINE = 64 * 1024
"""Bytes up to which hashing on the event loop costs less than a hop to a thread and back (about 70 µs)."""

GATHERED = 1024 * 1024
"""Bytes of pieces that are gathered for one hop."""


async def hash_chunks(
    chunks: AsyncIterator[bytes], names: Iterable[HashName], *, s3_part_size: int | None = None
) -> tuple[dict[HashName, str], int]:
    """Consume a stream and return its hashes and its size in bytes.

    A worker thread hashes what was gathered while the next pieces arrive; at most about 2 MiB, or two pieces where
    pieces are larger, are in memory. Closing `chunks` is the caller's part. Raises what `chunks` raises.
    """
    hasher = MultiHasher(names, s3_part_size=s3_part_size)
    loop = asyncio.get_running_loop()
    gathered: list[bytes] = []
    gathered_size = 0
    at_work: asyncio.Future[None] | None = None
    async for chunk in chunks:
        gathered.append(chunk)
        gathered_size += len(chunk)
        if gathered_size >= GATHERED:
            if at_work is not None:
                await at_work
            at_work = loop.run_in_executor(None, _update, hasher, gathered)
            gathered, gathered_size = [], 0
    if at_work is not None:
        await at_work
    if gathered_size <= INLINE:
        _update(hasher, gathered)
    else:
        await loop.run_in_executor(None, _update, hasher, gathered)
    return hasher.hexdigests(), hasher.size


def _update(hasher: MultiHasher, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        hasher.update(piece)
