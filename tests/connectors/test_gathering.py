"""Calls that are shared: nobody waits for others, nobody is forgotten, and each hears what is his."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mover.connectors.gathering import Gathering
from mover.errors import Canceled, Throttled


class Rounds:
    """Work that tells what was in each round, and waits to be let on."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self.has_begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def work(self, wanted: Sequence[int]) -> Sequence[str]:
        self.begun.append(list(wanted))
        self.has_begun.set()
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return [f"done {number}" for number in wanted]


async def test_what_is_wanted_during_a_round_is_the_next_round() -> None:
    rounds = Rounds()
    gathering = Gathering(rounds.work, most=100)
    first = asyncio.create_task(gathering.do(1))
    await rounds.has_begun.wait()
    others = [asyncio.create_task(gathering.do(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    assert rounds.begun == [[1]]
    rounds.go_on.set()
    assert await asyncio.gather(first, *others) == ["done 1", "done 2", "done 3", "done 4"]
    assert rounds.begun == [[1], [2, 3, 4]]
    assert await gathering.do(5) == "done 5"


async def test_rounds_have_a_limit_of_number_and_of_weight() -> None:
    rounds = Rounds()
    rounds.go_on.set()
    gathering = Gathering(rounds.work, most=3, weight=lambda number: number, heaviest=10)
    await asyncio.gather(*(gathering.do(number) for number in (1, 1, 1, 1, 6, 4, 50, 1)))
    assert rounds.begun == [[1, 1, 1], [1, 6], [4], [50], [1]]


async def test_who_was_cancelled_while_waiting_is_left_out() -> None:
    rounds = Rounds()
    gathering = Gathering(rounds.work, most=100)
    first = asyncio.create_task(gathering.do(1))
    await rounds.has_begun.wait()
    gone, stays = asyncio.create_task(gathering.do(2)), asyncio.create_task(gathering.do(3))
    await asyncio.sleep(0)
    gone.cancel()
    rounds.go_on.set()
    assert await stays == "done 3"
    assert rounds.begun == [[1], [3]]
    assert await first == "done 1"


async def test_who_is_cancelled_during_the_round_does_not_end_it_for_the_others() -> None:
    rounds = Rounds()
    gathering = Gathering(rounds.work, most=100)
    gone, stays = asyncio.create_task(gathering.do(1)), asyncio.create_task(gathering.do(2))
    await rounds.has_begun.wait()
    gone.cancel()
    await asyncio.sleep(0)
    rounds.go_on.set()
    assert await stays == "done 2"


async def test_an_error_is_told_to_each_as_one_of_its_own_and_the_next_round_goes_on() -> None:
    rounds = Rounds()
    rounds.error = Throttled("slowly", retry_after_s=7, path="/somewhere")
    rounds.go_on.set()
    gathering = Gathering(rounds.work, most=100)
    told = await asyncio.gather(gathering.do(1), gathering.do(2), return_exceptions=True)
    assert all(isinstance(error, Throttled) and error.retry_after_s == 7 for error in told)
    assert told[0] is not told[1]
    assert [error.path for error in told if isinstance(error, Throttled)] == ["", ""]
    rounds.error = None
    assert await gathering.do(3) == "done 3"


async def test_closing_lets_nobody_wait() -> None:
    rounds = Rounds()
    gathering = Gathering(rounds.work, most=1)
    under_way, waiting = asyncio.create_task(gathering.do(1)), asyncio.create_task(gathering.do(2))
    await rounds.has_begun.wait()
    await gathering.close()
    await gathering.close()
    for task in (under_way, waiting):
        with pytest.raises(Canceled):
            await task
    with pytest.raises(Canceled):
        await gathering.do(3)
