from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.database_url import on_both
from tests.memory.contents import Pattern
from tests.memory.service import DRIVE, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.entries import HashName
from mover.errors import Unsupported
from mover.ledger.states import Code, ItemState, RunStatus, Verification

pytestmark = on_both


async def test_a_tree_arrives_with_folders_empty_files_and_large_files(bench: Workbench) -> None:
    bench.source.add_file("/a.txt", b"hello", modified_ns=1_600_000_000_000_000_000)
    bench.source.add_file("/docs/deep/empty", b"")
    bench.source.add_folder("/docs/nothing in it")
    bench.source.add_file("/big", bytes(range(256)) * 50_000)

    result = await bench.run()

    assert bench.destination.tree() == bench.source.tree()
    assert bench.destination.folders() == bench.source.folders()
    assert bench.destination.entry("/a.txt").modified_ns == 1_600_000_000_000_000_000
    assert result.code is Code.SUCCESS
    assert result.totals.files_moved == result.totals.files_seen == 3
    assert result.totals.bytes_moved == 5 + 256 * 50_000


async def test_a_second_run_sends_nothing(bench: Workbench) -> None:
    for n in range(50):
        bench.source.add_file(f"/f{n % 5}/{n}", b"x" * n)
    await bench.run()
    bench.source.calls.clear()
    bench.destination.calls.clear()

    result = await bench.run()

    assert result.code is Code.NOTHING_TO_COPY
    assert result.status is RunStatus.SUCCESS
    assert result.totals.files_skipped == 50
    assert bench.source.calls["read"] == 0
    assert bench.destination.calls["upload"] == 0
    assert set((await bench.files(result.run)).values()) == {ItemState.UNCHANGED}


async def test_what_changed_at_the_source_replaces_our_copy(bench: Workbench) -> None:
    bench.source.add_file("/a", b"one")
    bench.source.add_file("/b", b"same")
    await bench.run()
    bench.source.change_file("/a", b"two")

    result = await bench.run()

    assert bench.destination.tree() == {"/a": b"two", "/b": b"same"}
    assert await bench.files(result.run) == {"/a": ItemState.REPLACED, "/b": ItemState.UNCHANGED}


@pytest.mark.promise("P4")
async def test_what_was_edited_at_the_destination_is_left_alone(bench: Workbench) -> None:
    bench.source.add_file("/a", b"one")
    await bench.run()
    bench.destination.change_file("/a", b"edited")

    result = await bench.run()

    assert bench.destination.tree() == {"/a": b"edited"}
    assert await bench.files(result.run) == {"/a": ItemState.LEFT_ALONE}


@pytest.mark.promise("P4")
async def test_what_changed_on_both_sides_is_a_conflict(bench: Workbench) -> None:
    bench.source.add_file("/a", b"one")
    await bench.run()
    bench.source.change_file("/a", b"two")
    bench.destination.change_file("/a", b"edited")

    result = await bench.run()

    assert bench.destination.tree() == {"/a": b"edited"}
    assert await bench.files(result.run) == {"/a": ItemState.CONFLICT}
    assert result.status is RunStatus.SOME_PROBLEMS


async def test_a_large_file_goes_in_parts(bench: Workbench) -> None:
    bench.source.add_file("/big", Pattern(40 << 20))

    result = await bench.run()

    assert bench.destination.entry("/big").hashes == bench.source.entry("/big").hashes
    assert bench.destination.calls["send"] > 10
    assert result.code is Code.SUCCESS


@pytest.mark.parametrize("size", [100, 20 << 20])
async def test_a_time_that_only_reading_tells_is_kept(tmp_path: Path, size: int) -> None:
    moment = 1_500_000_000_000_000_000
    source = MemoryService(replace(DRIVE, modified_resolution_ns=None), times_listed=False)
    source.add_file("/a", b"x" * size, modified_ns=moment)
    async with workbench(tmp_path, source) as bench:
        await bench.run()

        assert bench.destination.entry("/a").modified_ns == moment
        assert source.calls["refresh"] == (0 if size == 100 else 1)


async def test_a_large_file_that_goes_in_one_stream_is_verified_by_the_hash_of_the_whole(
    tmp_path: Path,
) -> None:
    can = replace(
        DRIVE,
        listed_hashes=frozenset[HashName](),
        returned_hashes=frozenset({HashName.MD5, HashName.S3_ETAG}),
        parts=None,
    )
    destination = MemoryService(can)
    async with workbench(
        tmp_path, MemoryService(replace(DRIVE, listed_hashes=frozenset())), destination
    ) as bench:
        bench.source.add_file("/big", b"x" * (12 << 20))

        result = await bench.run()

        assert (await bench.rows(result.run))["/big"]["verification"] == Verification.HASH
        assert destination.calls["read"] == 0


async def test_a_destination_that_takes_no_parts_after_all_gets_the_file_whole(bench: Workbench) -> None:
    bench.source.add_file("/big", Pattern(40 << 20))
    bench.destination.faults.add("begin", "/big", times=None, error=Unsupported("no parts here"))

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.entry("/big").size == 40 << 20
    assert bench.destination.calls["send"] == 0
