"""Calls of one key that come at the same moment as the answer about others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mover.accounts.rates import Rates
from mover.accounts.tables import api_keys


class OneAtATime:
    """Stands in for the database: gives one call, when it is let."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = 0

    async def write(self, _work: object) -> tuple[int, int]:
        self.asked += 1
        await self.go.wait()
        return 1, 0


@pytest.mark.timeout(20)
async def test_calls_that_come_just_when_others_were_let_through_wait_for_an_answer_of_their_own():
    database: Any = OneAtATime()
    rates = Rates(database, api_keys, now=lambda: 0.0)

    def call() -> asyncio.Task[None]:
        return asyncio.create_task(rates.take("key", calls_per_minute=60, burst=1))

    first = call()
    while not database.asked:  # noqa: ASYNC110 - until it is on its way
        await asyncio.sleep(0)
    database.go.set()
    # These run after the answer has come, and before those who wait for it are told.
    later = [call() for _ in range(3)]
    await asyncio.gather(first, *later)
    assert database.asked == 4
