"""Group commit: many tasks write small things, and one transaction keeps them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Collects what arrives while a transaction is under way, or within a moment, and writes it in the next one.

    `put` waits until its value is kept, and nothing delays that; `add` does not wait, so that its values gather for
    `linger_s` first. A failed write is raised in every `put` that waits for it, and in each call afterwards.

    Args:
        write: Keeps some values in one transaction.
        linger_s: How long values may gather that nobody waits for.
        most: At most so many values gather; `add` waits while there are more.
    """

    def __init__(
        self, write: Callable[[Sequence[T]], Awaitable[None]], *, linger_s: float = 0.05, most: int = 200
    ) -> None:
        self._write = write
        self._linger_s = linger_s
        self._most = most
        self._waiting: list[T] = []
        self._batch: asyncio.Future[None] | None = None
        self._urgent = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._failed: Exception | None = None

    async def put(self, value: T) -> None:
        """Return when the value is kept. Raises what the write raised.

        Being cancelled while waiting does not take the value back: it is written all the same.
        """
        batch = self._take(value)
        self._urgent.set()
        await asyncio.shield(batch)

    async def add(self, value: T) -> None:
        """Have the value kept soon. Raises what an earlier write raised."""
        batch = self._take(value)
        if len(self._waiting) >= self._most:
            self._urgent.set()
            await asyncio.shield(batch)

    async def flush(self) -> None:
        """Return when all that was given is kept. Raises what a write raised."""
        while self._writer is not None:
            self._urgent.set()
            await asyncio.shield(self._writer)
        if self._failed is not None:
            raise self._failed

    def _take(self, value: T) -> asyncio.Future[None]:
        if self._failed is not None:
            raise self._failed
        self._waiting.append(value)
        if self._batch is None:
            self._batch = asyncio.get_running_loop().create_future()
        if self._writer is None:
            self._writer = asyncio.create_task(self._drain(), name="group commit")
        return self._batch

    async def _drain(self) -> None:
        try:
            while self._batch is not None:
                await self._gather()
                values, batch = self._waiting, self._batch
                self._waiting, self._batch = [], None
                try:
                    await self._write(values)
                except Exception as error:  # noqa: BLE001 - it is raised again in every task that is concerned
                    self._failed = error
                    batch.set_exception(error)
                    batch.exception()  # seen, even if nobody waits for it
                else:
                    batch.set_result(None)
        finally:
            self._writer = None

    async def _gather(self) -> None:
        """Let values gather, unless somebody waits."""
        with contextlib.suppress(TimeoutError):  # nobody was in a hurry
            async with asyncio.timeout(self._linger_s):
                await self._urgent.wait()
        self._urgent.clear()
