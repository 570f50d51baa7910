"""Group commit: many tasks write small things, one transaction keeps them, and each goes on only when it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class GroupCommit(Generic[T]):
    """Collects what arrives while a transaction is under way and writes it in the next one.

    There is no timer: a lone write is written at once, and under load a transaction holds as much as came in during
    the one before it.
    """

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[T] = []
        self._batch: asyncio.Future[None] | None = None
        self._writer: asyncio.Task[None] | None = None

    async def put(self, value: T) -> None:
        """Return when the value is kept. Raises what the write raised.

        Being cancelled while waiting does not take the value back: it is written all the same.
        """
        self._waiting.append(value)
        if self._batch is None:
            self._batch = asyncio.get_running_loop().create_future()
        batch = self._batch
        if self._writer is None:
            self._writer = asyncio.create_task(self._drain(), name="group commit")
        await asyncio.shield(batch)

    async def flush(self) -> None:
        """Return when all that was put is kept."""
        while self._writer is not None:
            await asyncio.shield(self._writer)

    async def _drain(self) -> None:
        try:
            while self._batch is not None:
                values, batch = self._waiting, self._batch
                self._waiting, self._batch = [], None
                try:
                    await self._write(values)
                except Exception as error:  # noqa: BLE001 - it is raised again in every task that waits for it
                    batch.set_exception(error)
                    batch.exception()  # seen, even if every waiting task was cancelled meanwhile
                else:
                    batch.set_result(None)
        finally:
            self._writer = None
