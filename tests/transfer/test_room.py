from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.contents import Pattern
from tests.memory.service import DRIVE, MIB, MemoryService
from tests.transfer.workbench import workbench

from mover.errors import PermissionDenied, Reason, ServiceFault
from mover.ledger.states import Code, ItemState, RunMode


async def test_a_move_that_cannot_fit_says_so_before_it_sends(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000)) as bench:
        for number in range(11):
            bench.source.add_file(f"/{number}/a", b"x" * 100)

        result = await bench.run()

        assert (result.code, result.reason) == (Code.DESTINATION_QUOTA, Reason.QUOTA)
        assert "1100 bytes are to be moved, and the destination has room for 1000" in result.message
        assert bench.destination.calls["upload"] == bench.source.calls["read"] == 0
        assert bench.destination.tree() == {}


async def test_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=5)) as bench:
        bench.source.add_file("/a", b"x" * 10)
        first = await bench.run()
        bench.destination.free_bytes = 10

        second = await bench.run()

        assert second.run == first.run
        assert second.code is Code.SUCCESS
        assert bench.destination.tree() == bench.source.tree()


async def test_what_fits_exactly_is_moved(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000)) as bench:
        for number in range(10):
            bench.source.add_file(f"/{number}", b"x" * 100)

        result = await bench.run()

        assert result.code is Code.SUCCESS


async def test_a_replaced_file_needs_only_what_it_grew_by(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000)) as bench:
        bench.source.add_file("/a", b"x" * 900)
        await bench.run()
        bench.destination.free_bytes = 950  # such a service counts the new one only
        bench.source.change_file("/a", b"y" * 940)

        result = await bench.run()

        assert result.code is Code.SUCCESS


async def test_where_versions_are_kept_a_replaced_file_needs_all_of_its_room(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000, versions=True)) as bench:
        bench.source.add_file("/a", b"x" * 900)
        await bench.run()
        bench.source.change_file("/a", b"y" * 940)

        result = await bench.run()

        assert result.code is Code.DESTINATION_QUOTA
        assert bench.destination.tree() == {"/a": b"x" * 900}


async def test_each_person_has_room_of_their_own(tmp_path: Path) -> None:
    destination = MemoryService(room={"/Users/a": 100, "/Users/b": 10})
    destination.add_folder("/Users/a")
    destination.add_folder("/Users/b")
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/one", b"x" * 50)

        fits = await bench.run(destination_root="/Users/a")
        not_there = await bench.run(destination_root="/Users/b")

        assert (fits.code, not_there.code) == (Code.SUCCESS, Code.DESTINATION_QUOTA)
        assert destination.tree() == {"/Users/a/one": b"x" * 50}


async def test_a_person_whose_room_is_used_up_in_mid_move_ends_the_run_in_order(tmp_path: Path) -> None:
    destination = MemoryService(room={"/Users/a": 10_000})
    destination.add_folder("/Users/a")
    async with workbench(tmp_path, destination=destination) as bench:
        for number in range(100):
            bench.source.add_file(f"/{number:02}", b"x" * 100)
        destination.faults.add("upload", skip=30, action=lambda: destination.room.update({"/Users/a": 50}))

        broken = await bench.run(destination_root="/Users/a")
        destination.room["/Users/a"] = 10_000
        result = await bench.run(destination_root="/Users/a")

        assert broken.code is Code.DESTINATION_QUOTA
        assert 0 < broken.totals.files_moved < 100
        assert result.run == broken.run
        assert result.code is Code.SUCCESS
        assert len(destination.tree()) == 100


async def test_a_scan_tells_what_is_lacking(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000)) as bench:
        bench.source.add_file("/a", b"x" * 1100)

        result = await bench.run(RunMode.SCAN)

        assert result.message == "1100 bytes are to be moved, and the destination has room for 1000"


@pytest.mark.parametrize("scanned", [True, False])
async def test_a_large_move_that_was_scanned_sends_nothing_if_it_cannot_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, scanned: bool
) -> None:
    monkeypatch.setattr("mover.transfer.room._PLANNED", 1)
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000)) as bench:
        for number in range(50):
            bench.source.add_file(f"/{number:02}/a", b"x" * 30)
        if scanned:
            await bench.run(RunMode.SCAN)

        result = await bench.run()

        assert result.code is Code.DESTINATION_QUOTA
        assert (bench.destination.calls["upload"] == 0) is scanned


async def test_what_a_scan_found_that_is_no_longer_so_stops_nobody(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000)) as bench:
        bench.source.add_file("/a", b"x" * 1100)
        bench.source.add_file("/b", b"x")
        await bench.run(RunMode.SCAN)
        bench.source.remove("/a")

        result = await bench.run()

        assert result.code is Code.SUCCESS


async def test_a_large_move_ends_as_soon_as_its_sum_is_too_much(tmp_path: Path) -> None:
    source = MemoryService(replace(DRIVE, parts=None), page_size=100)
    async with workbench(tmp_path, source, MemoryService(free_bytes=3 * MIB)) as bench:
        for number in range(100):
            bench.source.add_file(f"/{number}/large", Pattern(MIB))

        result = await bench.run()

        assert result.code is Code.DESTINATION_QUOTA
        assert result.totals.files_seen < 100


@pytest.mark.parametrize("error", [PermissionDenied("no"), ServiceFault("broken")])
async def test_a_destination_that_does_not_tell_has_room(
    tmp_path: Path, error: PermissionDenied | ServiceFault
) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000)) as bench:
        bench.source.add_file("/a", b"x" * 10)
        bench.destination.faults.add("free_bytes", error=error, times=None)

        result = await bench.run()

        assert await bench.files(result.run) == {"/a": ItemState.COPIED}


async def test_a_run_with_nothing_to_send_does_not_ask(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(free_bytes=1000)) as bench:
        bench.source.add_file("/a", b"x")
        await bench.run()
        bench.destination.calls.clear()

        await bench.run()
        await bench.run(full=True)

        assert bench.destination.calls["free_bytes"] == 0
