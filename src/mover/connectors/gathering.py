"""Work that many tasks want done at once, done for all of them in one go.

While rounds are under way, what is wanted meanwhile gathers; the next round does all of it. Nobody waits for others to
come, so one alone is as quick as ever, and the more there are, the more share a round.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from mover.errors import Canceled, MoverError

Wanted = TypeVar("Wanted")
Done = TypeVar("Done")

Work = Callable[[Sequence[Wanted]], Awaitable[Sequence[Done]]]
"""Do it for some, in their order. What it raises, each of them is told."""


class Gathering(Generic[Wanted, Done]):
    """Gathers what is wanted, and does it round by round.

    Args:
        work: Does a round.
        most: Of one round.
        weight: Of something wanted.
        heaviest: All that is in one round together; something heavier has a round of its own.
        rounds: So many may be under way at once.
    """

    def __init__(
        self,
        work: Work[Wanted, Done],
        *,
        most: int,
        weight: Callable[[Wanted], int] = lambda _wanted: 0,
        heaviest: int = 1,
        rounds: int = 1,
    ) -> None:
        self._work = work
        self._most = most
        self._weight = weight
        self._heaviest = heaviest
        self._waiting: deque[tuple[Wanted, asyncio.Future[Done]]] = deque()
        self._most_rounds = rounds
        self._rounds: set[asyncio.Task[None]] = set()
        self._closed = False

    async def do(self, wanted: Wanted) -> Done:
        """Have something done in the next round. Raises what the work raises; who is cancelled before that is left out."""
        if self._closed:
            raise Canceled("the connection was closed")
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        if len(self._rounds) < self._most_rounds:
            self._rounds.add(asyncio.create_task(self._run(), name="rounds of shared calls"))
        return await future

    @property
    def under_way(self) -> int:
        """Rounds that are under way or about to begin."""
        return len(self._rounds)

    async def close(self) -> None:
        """End the rounds that are under way, and let nobody wait any longer. Idempotent."""
        self._closed = True
        under_way = list(self._rounds)
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)
        self._fail(list(self._waiting), Canceled("the connection was closed"))
        self._waiting.clear()

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)  # all that are ready to want something do so first
            while batch := self._next():
                await self._round(batch)
        finally:
            task = asyncio.current_task()
            assert task is not None
            self._rounds.discard(task)

    def _next(self) -> list[tuple[Wanted, asyncio.Future[Done]]]:
        batch: list[tuple[Wanted, asyncio.Future[Done]]] = []
        weight = 0
        while self._waiting and len(batch) < self._most:
            wanted, future = self._waiting[0]
            if future.done():  # cancelled
                self._waiting.popleft()
                continue
            weight += self._weight(wanted)
            if batch and weight > self._heaviest:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _round(self, batch: list[tuple[Wanted, asyncio.Future[Done]]]) -> None:
        try:
            done = await self._work([wanted for wanted, _ in batch])
        except asyncio.CancelledError:
            self._fail(batch, Canceled("the connection was closed"))
            raise
        except Exception as error:  # noqa: BLE001 - those who wait raise it
            self._fail(batch, error)
            return
        for (_, future), result in zip(batch, done, strict=True):
            if not future.done():
                future.set_result(result)

    @staticmethod
    def _fail(batch: Sequence[tuple[Wanted, asyncio.Future[Done]]], error: Exception) -> None:
        for _, future in batch:
            if future.done():
                continue
            future.set_exception(told_to_one(error) if isinstance(error, MoverError) else error)


def told_to_one(error: MoverError) -> MoverError:
    """Return an error that concerns many as one of them raises it, and fills in its own path."""
    told = copy.copy(error)
    told.path = ""
    told.__cause__ = error.__cause__
    return told
