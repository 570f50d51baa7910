"""Cutting one stream of bytes into parts."""

from __future__ import annotations

from collections.abc import AsyncIterator


class Splitter:
    """Hands out a stream in parts, one after the other, without copying more than the piece that is cut."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""
        self._ended = False

    async def next(self, size: int) -> AsyncIterator[bytes]:
        """Yield the next `size` bytes, or fewer at the end of the stream. Consume it whole before the next one."""
        wanted = size
        while wanted > 0:
            if not self._left and not await self._fill():
                return
            piece, self._left = self._left[:wanted], self._left[wanted:]
            wanted -= len(piece)
            yield piece

    async def at_end(self) -> bool:
        """Whether nothing is left; reads on to find out."""
        return not self._left and not await self._fill()

    async def _fill(self) -> bool:
        while not self._ended and not self._left:
            try:
                self._left = await anext(self._chunks)
            except StopAsyncIteration:
                self._ended = True
        return bool(self._left)
