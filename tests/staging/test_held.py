"""What is held at a moment can be looked at, whole or half received, and not any longer than it is held."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from tests.staging.streams import MIB, stream

from mover.errors import IntegrityError
from mover.staging import Label, PartGone, Staging

LABEL = Label(run=7, item=42)
SINCE = 1_700_000_000_000_000_000


@pytest.fixture(params=["memory", "disk"])
async def staging(request, tmp_path) -> AsyncIterator[Staging]:
    room = {"memory_bytes": 0, "disk_bytes": 0, f"{request.param}_bytes": 64 * MIB}
    async with Staging(tmp_path / "staging", now_ns=lambda: SINCE, **room) as staging:
        yield staging


class Tap:
    """A stream that gives what it is told, when it is told."""

    def __init__(self) -> None:
        self.queue = asyncio.Queue[bytes | None]()

    def give(self, *chunks: bytes | None) -> None:
        for chunk in chunks:
            self.queue.put_nowait(chunk)

    async def chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self.queue.get()) is not None:
            yield chunk


async def held_bytes(staging: Staging) -> list[bytes]:
    held = [shelf.look() for shelf in staging.shelves]
    contents = [await asyncio.to_thread(b"".join, one.pieces()) for one in held]
    assert [len(content) for content in contents] == [one.size for one in held]
    return contents


async def until_held(staging: Staging, size: int) -> None:
    async with asyncio.timeout(60):
        while sum(shelf.look().size for shelf in staging.shelves) < size:  # noqa: ASYNC110 - an intake sets no events
            await asyncio.sleep(0)


@pytest.mark.parametrize("size", [0, 1, 70_000, MIB, 3 * MIB + 5])
async def test_a_part_that_arrived_is_shown_with_its_place_in_the_file(staging: Staging, size: int) -> None:
    content = random.Random(size).randbytes(size)
    async with staging.file(LABEL) as file:
        await file.receive(stream([content]), most=size, offset=5 * MIB)
        (held,) = [shelf.look() for shelf in staging.shelves]
        assert (held.label, held.offset, held.size, held.since_ns) == (LABEL, 5 * MIB, size, SINCE)
        assert held.complete
        assert held.on_disk == (staging.disk_used > 0) or not size
        assert await held_bytes(staging) == [content]
    assert staging.shelves == []


async def test_a_part_on_its_way_in_is_shown_as_far_as_it_has_come(staging: Staging) -> None:
    pieces = [random.Random(n).randbytes(300_000) for n in range(12)]
    tap = Tap()
    async with staging.file(LABEL) as file:
        coming = asyncio.create_task(file.receive(tap.chunks(), most=10 * MIB))
        for n, piece in enumerate(pieces, start=1):
            tap.give(piece)
            await until_held(staging, n * 300_000)
            assert not staging.shelves[0].look().complete
            assert await held_bytes(staging) == [b"".join(pieces[:n])]
        tap.give(None)
        await coming
        assert staging.shelves[0].look().complete
        assert await held_bytes(staging) == [b"".join(pieces)]


async def test_a_look_keeps_nothing(staging: Staging) -> None:
    content = random.Random(1).randbytes(3 * MIB)
    async with staging.file(LABEL) as file:
        part = await file.receive(stream([content]), most=3 * MIB)
        held = staging.shelves[0].look()
        pieces = held.pieces()
        assert next(pieces) == content[:MIB]
        await part.destroy()
        assert staging.memory_used == staging.disk_used == 0
        with pytest.raises(PartGone):
            next(pieces)
        other = await file.receive(stream([b"x" * (3 * MIB)]), most=3 * MIB)  # in the same buffers
        with pytest.raises(PartGone):
            next(held.pieces())
        await other.destroy()


async def test_a_file_that_was_closed_is_gone(staging: Staging) -> None:
    async with staging.file(LABEL) as file:
        await file.receive(stream([b"content" * 100_000]), most=MIB)
        held = staging.shelves[0].look()
    with pytest.raises(PartGone):
        next(held.pieces())


async def test_what_failed_on_its_way_in_is_gone(staging: Staging) -> None:
    tap = Tap()
    async with staging.file(LABEL) as file:
        coming = asyncio.create_task(file.receive(tap.chunks(), most=8 * MIB))
        tap.give(b"a" * MIB, b"b" * MIB, b"c" * MIB)
        await until_held(staging, 3 * MIB)
        held = staging.shelves[0].look()
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        assert staging.shelves == []
        with pytest.raises(PartGone):
            next(held.pieces())


async def test_damage_is_not_taken_for_going(tmp_path) -> None:
    async with Staging(tmp_path, memory_bytes=0, disk_bytes=4 * MIB) as staging, staging.file(LABEL) as file:
        await file.receive(stream([b"content" * 100_000]), most=MIB)
        (path,) = tmp_path.glob("process-*/part-*")
        raw = bytearray(path.read_bytes())
        raw[100] ^= 1
        path.write_bytes(raw)
        with pytest.raises(IntegrityError):
            next(staging.shelves[0].look().pieces())


async def test_files_that_nobody_named_are_not_shown(staging: Staging) -> None:
    async with staging.file() as file:
        await file.receive(stream([b"content"]), most=7)
        assert staging.shelves == []
