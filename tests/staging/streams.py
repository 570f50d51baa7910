"""Streams of bytes for the tests of staging."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Self

from mover.staging import StagedPart

MIB = 1024 * 1024


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def content_of(part: StagedPart) -> bytes:
    return b"".join([chunk async for chunk in part.chunks()])


class Faucet:
    """A stream that a test opens bit by bit; `waiting` is set when all that was poured has been taken."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.waiting = asyncio.Event()

    def pour(self, chunk: bytes) -> None:
        self.waiting.clear()
        self._chunks.put_nowait(chunk)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._chunks.empty():
            self.waiting.set()
        return await self._chunks.get()


class Failing:
    """A stream that breaks after its chunks."""

    def __init__(self, *chunks: bytes, error: Exception) -> None:
        self._chunks = list(chunks)
        self._error = error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._chunks:
            return self._chunks.pop(0)
        raise self._error


async def turns_of_the_loop(number: int = 20) -> None:
    """Let every task that can go on go on, without waiting for the clock."""
    for _ in range(number):
        await asyncio.sleep(0)
