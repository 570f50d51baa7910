import asyncio
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.staging.streams import MIB, Failing, content_of, stream

from mover.connectors.contract import Content
from mover.entries import HashName
from mover.errors import IntegrityError
from mover.hashing import MultiHasher
from mover.staging import StagedPart, Staging
from mover.staging.sealing import SEGMENT

pytestmark = pytest.mark.promise("P1", "P2")

SIZES = [0, 1, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 3 * MIB + 5]
NAMES = frozenset({HashName.SHA256, HashName.CRC64NVME})


def digests(content: bytes) -> dict[HashName, str]:
    hasher = MultiHasher(NAMES)
    hasher.update(content)
    return hasher.hexdigests()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", [1000, 65_536, MIB, 5 * MIB])
async def test_what_went_in_comes_out_with_its_size_and_hashes(
    staging: Staging, size: int, piece: int
) -> None:
    content = random.Random(size).randbytes(size)
    chunks = [content[start : start + piece] for start in range(0, size, piece)]
    async with staging.file() as file:
        part = await file.receive(stream(chunks), most=size, hashes=NAMES)
        assert await content_of(part) == content
        assert part.size == size
        assert part.hashes == digests(content)


@pytest.mark.slow
@given(
    sizes=st.lists(st.sampled_from([0, 1, 700, 65_536, 65_537, 600_000, MIB - 1, MIB, MIB + 1]), max_size=6),
    on_disk=st.booleans(),
)
def test_any_sequence_of_pieces_comes_out_the_same(
    sizes: list[int], tmp_path_factory: pytest.TempPathFactory, *, on_disk: bool
) -> None:
    chunks = [random.Random(number).randbytes(size) for number, size in enumerate(sizes)]

    async def there_and_back() -> bytes:
        room: Any = (
            {"memory_bytes": 0, "disk_bytes": 16 * MIB}
            if on_disk
            else {"memory_bytes": 16 * MIB, "disk_bytes": 0}
        )
        async with Staging(tmp_path_factory.mktemp("any"), **room) as staging, staging.file() as file:
            return await content_of(await file.receive(stream(chunks), most=16 * MIB))

    assert asyncio.run(there_and_back()) == b"".join(chunks)


async def test_a_part_is_a_connectors_content(staging: Staging) -> None:
    with staging.file() as file:
        part = await file.receive(stream([b"content"]), most=7)
        content: Content = part
        assert content.repeatable


async def test_a_part_can_be_read_again_and_by_two_at_once(staging: Staging) -> None:
    content = random.Random(1).randbytes(3 * MIB)
    async with staging.file() as file:
        part = await file.receive(stream([content]), most=len(content))
        assert await asyncio.gather(*(content_of(part) for _ in range(3))) == [content] * 3
        assert await content_of(part) == content


async def test_pieces_that_come_out_are_at_most_one_mebibyte(staging: Staging) -> None:
    async with staging.file() as file:
        part = await file.receive(stream([bytes(5 * MIB + 1)]), most=6 * MIB)
        assert max([len(chunk) async for chunk in part.chunks()]) <= SEGMENT == MIB


async def test_parts_of_a_file_received_at_once_do_not_mix(staging: Staging) -> None:
    contents = [random.Random(seed).randbytes(2 * MIB + seed) for seed in range(6)]
    async with staging.file() as file:
        parts = await asyncio.gather(
            *(file.receive(stream([c[:MIB], c[MIB:]]), most=3 * MIB, hashes=NAMES) for c in contents)
        )
        assert [await content_of(part) for part in parts] == contents
        assert [part.hashes for part in parts] == [digests(content) for content in contents]


async def test_the_hasher_of_the_whole_file_sees_all_parts_in_order(staging: Staging) -> None:
    contents = [random.Random(seed).randbytes(size) for seed, size in enumerate([MIB + 1, 10, 0, 2 * MIB])]
    whole = MultiHasher(NAMES)
    async with staging.file() as file:
        for content in contents:
            await file.receive(stream([content]), most=2 * MIB, whole=whole)
    assert whole.hexdigests() == digests(b"".join(contents))


async def test_more_bytes_than_announced_are_an_error_and_leave_nothing(
    staging: Staging, folder: Path
) -> None:
    async with staging.file() as file:
        with pytest.raises(IntegrityError, match="more bytes"):
            await file.receive(stream([bytes(MIB), bytes(MIB), b"x"]), most=2 * MIB)
        assert (staging.memory_used, staging.disk_used) == (0, 0)
        assert not list(folder.glob("*/part-*"))


async def test_an_error_of_the_source_passes_through_and_leaves_nothing(
    staging: Staging, folder: Path
) -> None:
    async with staging.file() as file:
        with pytest.raises(ConnectionResetError, match="peer went away"):
            await file.receive(
                Failing(bytes(MIB), bytes(MIB), error=ConnectionResetError("peer went away")), most=3 * MIB
            )
        assert (staging.memory_used, staging.disk_used) == (0, 0)
        assert not list(folder.glob("*/part-*"))


async def test_room_that_was_not_needed_is_given_back_at_once(staging: Staging) -> None:
    async with staging.file() as file:
        await file.receive(stream([b"12345"]), most=MIB)
        assert staging.memory_used + staging.disk_used == 5


async def test_a_destroyed_part_is_gone_and_cannot_be_read(staging: Staging, folder: Path) -> None:
    async with staging.file() as file:
        part = await file.receive(stream([bytes(2 * MIB)]), most=2 * MIB)
        await part.destroy()
        await part.destroy()
        assert (staging.memory_used, staging.disk_used) == (0, 0)
        assert not list(folder.glob("*/part-*"))
        with pytest.raises(RuntimeError, match="destroyed"):
            await content_of(part)


@pytest.mark.parametrize("error", [None, ValueError("on the way")])
async def test_leaving_a_file_destroys_its_parts_and_its_key(
    staging: Staging, folder: Path, error: ValueError | None
) -> None:
    async def move() -> StagedPart:
        with staging.file() as file:
            part = await file.receive(stream([bytes(2 * MIB)]), most=2 * MIB)
            kept.append((part, file))
            if error:
                raise error
            return part

    kept: list[tuple[StagedPart, object]] = []
    await asyncio.gather(move(), return_exceptions=True)
    ((part, file),) = kept
    assert (staging.memory_used, staging.disk_used) == (0, 0)
    assert not list(folder.glob("*/part-*"))
    assert file._key._cipher is None  # type: ignore[attr-defined]  # looks inside: the key must be gone
    with pytest.raises(RuntimeError, match="destroyed"):
        await content_of(part)


async def test_a_closed_file_receives_nothing(staging: Staging) -> None:
    with staging.file() as file:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        await file.receive(stream([b"x"]), most=1)


async def test_reading_that_stops_early_leaves_the_part_as_it_was(staging: Staging) -> None:
    content = random.Random(3).randbytes(4 * MIB)
    async with staging.file() as file:
        part = await file.receive(stream([content]), most=len(content))
        reader = part.chunks()
        await anext(reader)
        await reader.aclose()
        assert await content_of(part) == content


async def test_large_parts_are_hashed_off_the_event_loop(staging: Staging) -> None:
    threads = set()

    class Noting(MultiHasher):
        def update(self, data: bytes | memoryview) -> None:
            threads.add(threading.get_ident())
            super().update(data)

    async with staging.file() as file:
        await file.receive(stream([bytes(MIB)] * 3), most=3 * MIB, whole=Noting(NAMES))
    assert threads
    assert threading.get_ident() not in threads


async def test_tiny_parts_in_memory_need_no_thread(
    in_memory: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr(in_memory._workers, "start", lambda *work: started.append(work))
    async with in_memory.file() as file:
        part = await file.receive(stream([bytes(4096)]), most=4096, hashes=NAMES)
        assert await content_of(part) == bytes(4096)
    assert not started


async def test_parts_on_disk_hold_no_descriptors(on_disk: Staging) -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    async with on_disk.file() as file:
        parts = [await file.receive(stream([bytes(100)]), most=100) for _ in range(50)]
        readers = [part.chunks() for part in parts]
        for reader in readers:
            await anext(reader)
        assert len(list(descriptors.iterdir())) <= before + 1
        for reader in readers:
            await reader.aclose()


async def test_memory_is_used_first_and_then_the_disk(folder: Path) -> None:
    async with Staging(folder, memory_bytes=MIB, disk_bytes=MIB) as staging, staging.file() as file:
        for size, used in [(MIB - 1, (MIB - 1, 0)), (2, (MIB - 1, 2)), (1, (MIB, 2))]:
            await file.receive(stream([bytes(size)]), most=size)
            assert (staging.memory_used, staging.disk_used) == used
