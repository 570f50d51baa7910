from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mover.ledger.batching import GroupCommit


class Store:
    """Keeps what it is given; a write waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def write(self, values: Sequence[int]) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.batches.append(list(values))


async def test_what_comes_in_during_a_write_goes_into_the_next_one() -> None:
    store = Store()
    store.open.clear()
    group = GroupCommit(store.write)
    first = asyncio.create_task(group.put(1))
    await asyncio.sleep(0)
    rest = [asyncio.create_task(group.put(n)) for n in range(2, 6)]
    await asyncio.sleep(0)
    store.open.set()

    await asyncio.gather(first, *rest)

    assert [value for batch in store.batches for value in batch] == [1, 2, 3, 4, 5]
    assert len(store.batches) <= 2


async def test_values_that_nobody_waits_for_gather() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_s=60)

    for n in range(10):
        await group.add(n)
    await group.flush()

    assert store.batches == [list(range(10))]


async def test_only_so_many_values_gather() -> None:
    store = Store()
    group = GroupCommit(store.write, linger_s=60, most=5)

    for n in range(5):
        await group.add(n)

    assert store.batches == [[0, 1, 2, 3, 4]]


async def test_a_failed_write_reaches_everybody() -> None:
    store = Store()
    store.error = OSError("disk full")
    group = GroupCommit(store.write, linger_s=60)

    await group.add(1)
    with pytest.raises(OSError, match="disk full"):
        await group.put(2)
    with pytest.raises(OSError, match="disk full"):
        await group.add(3)
    with pytest.raises(OSError, match="disk full"):
        await group.flush()


async def test_a_task_that_is_cancelled_while_waiting_does_not_take_its_value_back() -> None:
    store = Store()
    store.open.clear()
    group = GroupCommit(store.write)
    task = asyncio.create_task(group.put(1))
    await asyncio.sleep(0)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    store.open.set()
    await group.flush()

    assert store.batches == [[1]]
