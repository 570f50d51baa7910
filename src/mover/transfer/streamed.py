"""A large file as one upload: parts are received ahead of the sender, each encrypted until it is its turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import msgspec

from mover.entries import NO_HASHES, HashName
from mover.hashing import MultiHasher
from mover.staging import StagedFile, StagedPart
from mover.transfer.reading import FileReader
from mover.transfer.splitting import Splitter

_AHEAD = 3  # parts received and not yet sent


class SentChunk(msgspec.Struct, frozen=True):
    """Hashes of one staged part that went by, for verifying by parts afterwards."""

    size: int
    hashes: Mapping[HashName, str]


class StreamedContent:
    """Content of an upload that is never whole on this machine. Satisfies `contract.Content`; not repeatable.

    Args:
        reader: Of the file.
        staged: Holds its parts.
        part_size: In bytes.
        ranges: Parts can be read apart, several at once.
        part_hashes: To compute of each part.
        whole_hashes: To compute of the whole file.
    """

    repeatable = False

    def __init__(
        self,
        reader: FileReader,
        staged: StagedFile,
        *,
        part_size: int,
        ranges: bool,
        part_hashes: frozenset[HashName],
        whole_hashes: frozenset[HashName],
    ) -> None:
        self._reader = reader
        self._staged = staged
        self._part_size = part_size
        self._ranges = ranges and reader.entry.size is not None
        self._part_hashes = part_hashes
        self._whole = MultiHasher(whole_hashes)
        self.parts: list[SentChunk] = []

    @property
    def size(self) -> int | None:
        """As listed at the source."""
        return self._reader.entry.size

    @property
    def hashes(self) -> Mapping[HashName, str]:
        """None are known before the end."""
        return NO_HASHES

    def whole_hashes(self) -> dict[HashName, str]:
        """Hashes of all that was sent, at the end."""
        return self._whole.hexdigests()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the file in order. Raises what reading the source raises."""
        async with aclosing(self._ranged() if self._ranges else self._in_order()) as parts:
            async for part in parts:
                async for chunk in part.chunks():
                    if self._ranges:
                        await asyncio.to_thread(self._whole.update, chunk)
                    yield chunk
                self.parts.append(SentChunk(part.size, part.hashes))
                await part.destroy()

    async def _ranged(self) -> AsyncGenerator[StagedPart, None]:
        """Receive parts several at once, hand them out in order."""
        size = self._reader.entry.size
        assert size is not None
        ranges = [(start, min(self._part_size, size - start)) for start in range(0, size, self._part_size)]
        waiting = deque[asyncio.Task[StagedPart]]()
        try:
            for offset, length in ranges:
                waiting.append(asyncio.create_task(self._receive(offset, length)))
                if len(waiting) == _AHEAD:
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _receive(self, offset: int, length: int) -> StagedPart:
        chunks = self._reader.read(offset, length)
        return await self._staged.receive(chunks, most=length, offset=offset, hashes=self._part_hashes)

    async def _in_order(self) -> AsyncGenerator[StagedPart, None]:
        """Receive one part after the other from one stream, the next while the last is sent."""
        async with aclosing(self._reader.read()) as stream:
            splitter = Splitter(stream)
            offset = 0
            coming: asyncio.Task[StagedPart] | None = asyncio.create_task(self._next(splitter, offset))
            try:
                while coming is not None:
                    part = await coming
                    offset += part.size
                    more = part.size == self._part_size
                    coming = asyncio.create_task(self._next(splitter, offset)) if more else None
                    yield part
            finally:
                if coming is not None:
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)

    async def _next(self, splitter: Splitter, offset: int) -> StagedPart:
        return await self._staged.receive(
            splitter.next(self._part_size),
            most=self._part_size,
            offset=offset,
            hashes=self._part_hashes,
            whole=self._whole,
        )
