import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.staging.streams import turns_of_the_loop

from mover.errors import Canceled, StagingFull
from mover.staging.budget import Budget, Place, Reservation


def waiter(budget: Budget, size: int) -> asyncio.Task[Reservation]:
    return asyncio.create_task(budget.reserve(size))


async def test_memory_is_granted_before_disk() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=100)
    assert [(await budget.reserve(6)).place for _ in range(2)] == [Place.MEMORY, Place.DISK]


async def test_who_finds_no_room_waits_until_some_is_given_back() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=0)
    first = await budget.reserve(10)
    second = waiter(budget, 1)
    await turns_of_the_loop()
    assert not second.done()
    first.give_back()
    assert (await second).place is Place.MEMORY


async def test_those_who_wait_are_served_in_the_order_they_came() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=0)
    held = await budget.reserve(10)
    served = []

    async def come(number: int) -> None:
        reservation = await budget.reserve(10)
        served.append(number)
        reservation.give_back()

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(come(number))
        await turns_of_the_loop()
        held.give_back()
    assert served == [0, 1, 2, 3, 4]


async def test_a_large_request_is_not_passed_by_small_ones_behind_it() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=0)
    held = [await budget.reserve(5), await budget.reserve(5)]
    large, small = waiter(budget, 10), waiter(budget, 1)
    await turns_of_the_loop()
    held[0].give_back()
    await turns_of_the_loop()
    assert not large.done()
    assert not small.done()
    held[1].give_back()
    await turns_of_the_loop()
    assert large.done()
    assert not small.done()
    (await large).give_back()
    await small


async def test_whoever_gives_up_waiting_lets_the_next_one_through() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=0)
    await budget.reserve(5)
    large, small = waiter(budget, 10), waiter(budget, 5)
    await turns_of_the_loop()
    large.cancel()
    await small
    assert large.cancelled()
    assert budget.used(Place.MEMORY) == 10


async def test_room_granted_in_the_moment_of_cancellation_is_not_lost() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=0)
    held = await budget.reserve(10)
    unlucky, next_one = waiter(budget, 10), waiter(budget, 10)
    await turns_of_the_loop()
    held.give_back()
    unlucky.cancel()
    await next_one
    assert unlucky.cancelled()
    assert budget.used(Place.MEMORY) == 10


async def test_more_than_the_whole_budget_is_refused_at_once() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=20)
    await budget.reserve(20)
    with pytest.raises(StagingFull):
        await budget.reserve(21)


async def test_giving_back_twice_counts_once() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=0)
    reservation = await budget.reserve(10)
    reservation.shrink(4)
    assert budget.used(Place.MEMORY) == 4
    reservation.give_back()
    reservation.give_back()
    assert budget.used(Place.MEMORY) == 0


async def test_closing_sends_everybody_away() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=0)
    held = await budget.reserve(10)
    waiting = waiter(budget, 1)
    await turns_of_the_loop()
    budget.close()
    held.give_back()
    with pytest.raises(Canceled):
        await waiting
    with pytest.raises(Canceled):
        await budget.reserve(0)


async def test_cancelled_while_being_sent_away_stays_cancelled() -> None:
    budget = Budget(memory_bytes=10, disk_bytes=0)
    await budget.reserve(10)
    waiting = waiter(budget, 1)
    await turns_of_the_loop()
    budget.close()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError):
        await Budget(memory_bytes=10, disk_bytes=0).reserve(-1)


@given(
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=25),
    seed=st.integers(),
    cancelled=st.sets(st.integers(0, 24)),
)
def test_the_budget_holds_and_nobody_is_forgotten(sizes: list[int], seed: int, cancelled: set[int]) -> None:
    rng = random.Random(seed)

    async def play() -> tuple[list[int], int]:
        budget = Budget(memory_bytes=7, disk_bytes=12)
        served: list[int] = []

        async def stage(number: int, size: int) -> None:
            reservation = await budget.reserve(size)
            try:
                served.append(number)
                assert budget.used(Place.MEMORY) <= 7
                assert budget.used(Place.DISK) <= 12
                await turns_of_the_loop(rng.randrange(6))
                reservation.shrink(rng.randint(0, size))
                await turns_of_the_loop(rng.randrange(6))
            finally:
                reservation.give_back()

        tasks = [asyncio.create_task(stage(number, size)) for number, size in enumerate(sizes)]
        await turns_of_the_loop(rng.randrange(4))
        for number in cancelled & set(range(len(tasks))):
            tasks[number].cancel()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        assert not [r for r in results if isinstance(r, Exception)]
        return served, budget.used(Place.MEMORY) + budget.used(Place.DISK)

    served, left = asyncio.run(play())
    assert served == sorted(served)
    assert left == 0
