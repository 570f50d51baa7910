"""A process that has lost its pair, and does not know it yet, is a moment away from the end of a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.memory.service import PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Capabilities
from mover.database.failures import LockLost
from mover.database.store import SoleRight
from mover.errors import Conflict, MoverError, NotFound
from mover.ledger.ledger import Ledger
from mover.ledger.records import Pair
from mover.ledger.states import Code, ItemState

pytestmark = pytest.mark.promise("P12")

FILES = 60


@pytest.fixture(autouse=True)
def _lock_lost_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks gets the lock, as when the server has ended a session whose holder has not heard of it."""

    @asynccontextmanager
    async def lock(_ledger: Ledger, _pair: Pair) -> AsyncIterator[SoleRight]:
        yield SoleRight()

    monkeypatch.setattr(Ledger, "lock", lock)


@asynccontextmanager
async def overtaken(bench: Workbench) -> AsyncIterator[tuple[asyncio.Task[object], asyncio.Event]]:
    """A run that stands still while it places a file, and the event that lets it go on."""
    for number in range(FILES):
        bench.source.add_file(f"/{number % 3}/{number}", f"content {number}".encode())
    released = asyncio.Event()
    fault = bench.destination.faults.add("upload", "/1/40", stall=released)
    earlier = asyncio.create_task(bench.run())
    await fault.reached.wait()
    try:
        yield earlier, released
    finally:
        released.set()
        await asyncio.wait({earlier})


async def expect_all_there(bench: Workbench, run: int) -> None:
    assert bench.destination.tree() == bench.source.tree()
    assert set((await bench.files(run)).values()) == {ItemState.COPIED}


@pytest.mark.parametrize("capabilities", [None, PATHS])
async def test_what_both_place_at_the_same_moment_is_ours_for_the_later_one(
    tmp_path: Path, capabilities: Capabilities | None
) -> None:
    there = MemoryService(capabilities) if capabilities else MemoryService()
    async with workbench(tmp_path, destination=there) as bench, overtaken(bench) as (earlier, released):
        fault = bench.destination.faults.add("upload", "/1/40", stall=asyncio.Event())
        later = asyncio.create_task(bench.run())
        await fault.reached.wait()  # it has looked, and found the place free
        released.set()
        with pytest.raises(LockLost):
            await earlier
        assert fault.stall is not None
        fault.stall.set()

        result = await later

        assert result.code is Code.SUCCESS
        await expect_all_there(bench, result.run)


async def test_what_the_earlier_one_says_of_a_file_counts_no_more(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench, overtaken(bench) as (earlier, released):
        result = await bench.run()
        assert result.code is Code.SUCCESS
        released.set()  # the place is taken: to the earlier one it looks like a stranger's file

        with pytest.raises(LockLost):
            await earlier

        await expect_all_there(bench, result.run)
        (run,) = await Ledger(bench.database).runs()
        assert (run.code, run.finished) == (Code.SUCCESS, True)


async def test_one_that_is_cancelled_writes_nothing_over_the_later_ones_end(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench, overtaken(bench) as (earlier, _):
        result = await bench.run()
        earlier.cancel()
        with pytest.raises(LockLost):
            await earlier

        (run,) = await Ledger(bench.database).runs()
        assert (run.id, run.code, run.finished) == (result.run, Code.SUCCESS, True)


@pytest.mark.parametrize("error", [Conflict("something is there"), NotFound("the temporary file is gone")])
async def test_an_interrupted_file_that_meets_its_earlier_sender_is_looked_at_again(
    tmp_path: Path, error: MoverError
) -> None:
    async with workbench(tmp_path) as bench, overtaken(bench):
        bench.destination.faults.add("upload", "/1/40", error=error)
        result = await bench.run()
        assert result.code is Code.SUCCESS
        await expect_all_there(bench, result.run)
