import asyncio
import threading
from pathlib import Path

import pytest
from tests.staging.streams import MIB, Faucet, content_of, stream, turns_of_the_loop

from mover.errors import Canceled, StagingFull
from mover.staging import Staging
from mover.staging.segments import DiskSegments

pytestmark = pytest.mark.promise("P2")


async def test_cancelled_in_the_middle_of_a_part_nothing_is_left(staging: Staging, folder: Path) -> None:
    faucet = Faucet()
    async with staging.file() as file:
        receiving = asyncio.create_task(file.receive(faucet, most=8 * MIB))
        for _ in range(4):
            faucet.pour(bytes(MIB))
        await faucet.waiting.wait()
        assert staging.memory_used + staging.disk_used == 8 * MIB
        receiving.cancel()
        await asyncio.wait([receiving])
        assert receiving.cancelled()
        assert (staging.memory_used, staging.disk_used) == (0, 0)
        assert not list(folder.glob("*/part-*"))


async def test_cancelled_while_a_thread_writes_the_write_ends_before_the_file_is_removed(
    on_disk: Staging, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, may_write = threading.Event(), threading.Event()
    append = DiskSegments.append

    def slow_append(self: DiskSegments, plain: bytes, *, last: bool) -> None:
        writing.set()
        assert may_write.wait(10)
        append(self, plain, last=last)

    monkeypatch.setattr(DiskSegments, "append", slow_append)
    async with on_disk.file() as file:
        receiving = asyncio.create_task(file.receive(stream([bytes(MIB)]), most=MIB))
        await asyncio.to_thread(writing.wait, 10)
        for _ in range(3):  # impatience does not help
            receiving.cancel()
            await turns_of_the_loop()
        assert not receiving.done()
        assert on_disk.disk_used == MIB
        may_write.set()
        await asyncio.wait([receiving])
        assert receiving.cancelled()
        assert on_disk.disk_used == 0
        assert not list(folder.glob("*/part-*"))


async def test_cancelled_while_waiting_for_room_nothing_is_taken(in_memory: Staging) -> None:
    async with in_memory.file() as file:
        held = await file.receive(stream([bytes(64 * MIB)]), most=64 * MIB)
        waiting = asyncio.create_task(file.receive(stream([b"x"]), most=1))
        await turns_of_the_loop()
        waiting.cancel()
        await asyncio.wait([waiting])
        await held.destroy()
        assert in_memory.memory_used == 0


async def test_destroying_a_part_lets_a_waiting_receiver_go_on(staging: Staging) -> None:
    async with staging.file() as file:
        held = await file.receive(stream([bytes(64 * MIB)]), most=64 * MIB)
        waiting = asyncio.create_task(file.receive(stream([b"next"]), most=MIB))
        await turns_of_the_loop()
        assert not waiting.done()
        await held.destroy()
        assert await content_of(await waiting) == b"next"


async def test_cancelled_while_destroying_the_room_is_given_back_all_the_same(
    on_disk: Staging, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_remove = threading.Event()
    discard = DiskSegments.discard

    def slow_discard(self: DiskSegments) -> None:
        assert may_remove.wait(10)
        discard(self)

    monkeypatch.setattr(DiskSegments, "discard", slow_discard)
    async with on_disk.file() as file:
        part = await file.receive(stream([bytes(MIB)]), most=MIB)
        destroying = asyncio.create_task(part.destroy())
        await turns_of_the_loop()
        destroying.cancel()
        await turns_of_the_loop()
        may_remove.set()
        await asyncio.wait([destroying])
        assert on_disk.disk_used == 0
        assert not list(folder.glob("*/part-*"))


async def test_a_part_that_cannot_be_removed_does_not_keep_the_others(
    on_disk: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = on_disk.file()
    parts = [await file.receive(stream([bytes(MIB)]), most=MIB) for _ in range(3)]
    stuck = parts[1]._segments

    def refuse() -> None:
        raise StagingFull("an encrypted part cannot be removed")

    monkeypatch.setattr(stuck, "discard", refuse)
    with pytest.raises(StagingFull):
        file.close()
    assert on_disk.disk_used == 0


async def test_closing_staging_removes_everything_and_sends_the_waiting_away(folder: Path) -> None:
    staging = Staging(folder, memory_bytes=0, disk_bytes=2 * MIB)
    await staging.open()
    file = staging.file()
    await file.receive(stream([bytes(2 * MIB)]), most=2 * MIB)
    waiting = asyncio.create_task(file.receive(stream([b"x"]), most=1))
    await turns_of_the_loop()
    await staging.close()
    await staging.close()
    with pytest.raises(Canceled):
        await waiting
    assert not list(folder.iterdir())


async def test_a_receiver_that_is_still_at_work_when_staging_closes_leaves_nothing(folder: Path) -> None:
    faucet = Faucet()
    async with Staging(folder, memory_bytes=0, disk_bytes=8 * MIB) as staging:
        receiving = asyncio.create_task(staging.file().receive(faucet, most=8 * MIB))
        faucet.pour(bytes(2 * MIB))
        await faucet.waiting.wait()
    faucet.pour(bytes(2 * MIB))
    with pytest.raises(RuntimeError):
        await receiving
    assert not list(folder.iterdir())
    assert staging.disk_used == 0
