"""Time that passes only when somebody sleeps."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class FakeClock:
    """Sleepers wake in the order of their times when `run_until_idle` moves the time on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), wake))
        await wake

    async def settle(self) -> None:
        """Let everything run that needs no time."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def run_until_idle(self) -> None:
        """Let time pass until nobody sleeps any more."""
        await self.settle()
        while self._sleepers:
            due, _, wake = heapq.heappop(self._sleepers)
            self.now = max(self.now, due)
            if not wake.done():
                wake.set_result(None)
            await self.settle()
