"""Comparing contents by reading, where no hash is in common."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from mover.connectors.contract import Connector
from mover.entries import EntryRef, HashName
from mover.hashing import hash_chunks

COMPARED_BY = HashName.SHA256


async def content_hash(chunks: AsyncGenerator[bytes, None]) -> tuple[str, int]:
    """SHA-256 and number of the bytes that an iterator yields; closes it."""
    async with aclosing(chunks) as opened:
        hashes, size = await hash_chunks(opened, [COMPARED_BY])
    return hashes[COMPARED_BY], size


async def same_beginning(
    source: AsyncGenerator[bytes, None], destination: Connector, standing: EntryRef, size: int
) -> bool:
    """Whether the `size` bytes at the destination are the beginning of the source's.

    Args:
        source: Yields at least the first `size` bytes of the source.
        destination: Where the other file stands.
        standing: That file.
        size: Its length in bytes.
    """
    if size == 0:
        return True
    ours, read = await content_hash(_first(source, size))
    theirs, there = await content_hash(destination.read(standing))
    return read == there == size and ours == theirs


async def _first(chunks: AsyncGenerator[bytes, None], size: int) -> AsyncGenerator[bytes, None]:
    left = size
    async with aclosing(chunks) as opened:
        async for chunk in opened:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return
