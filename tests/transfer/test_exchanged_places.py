"""Files that take each other's places at the source: each ends where it belongs, and what is left there stays ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.service import DRIVE, MemoryService
from tests.transfer.test_sharing import PERSON, READ, moving, rules, source, there
from tests.transfer.workbench import workbench

from mover.ledger.states import Code, ItemState


@pytest.mark.promise("P4", "P13")
async def test_two_files_of_different_folders_change_places(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/p/a", b"open")
    one.add_file("/q/b", b"secret")
    one.share("/p/a", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.move("/p/a", "/aside")
        one.move("/q/b", "/p/a")
        one.move("/aside", "/q/b")
        result = await bench.run(sharing=rules())
        assert result.code is Code.SUCCESS
        assert other.tree() == one.tree() == {"/p/a": b"secret", "/q/b": b"open"}
        assert other.shares("/p/a") == {}
        assert other.shares("/q/b") == {(PERSON, "ann@new.org"): READ}
        assert (await bench.run(sharing=rules())).code is Code.NOTHING_TO_COPY


@pytest.mark.promise("P4", "P13")
@pytest.mark.parametrize(("left", "reached"), [("/p", "/q"), ("/q", "/p")])
async def test_a_file_goes_to_another_folder_and_a_new_one_stands_in_its_place(
    tmp_path: Path, left: str, reached: str
) -> None:
    one, other = source(), there()
    one.add_file(f"{left}/a", b"open")
    one.add_file(f"{reached}/c", b"there")
    one.share(f"{left}/a", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.move(f"{left}/a", f"{reached}/b")
        one.add_file(f"{left}/a", b"secret")
        result = await bench.run(sharing=rules())
        assert result.code is Code.SUCCESS
        assert other.tree() == one.tree()
        assert other.shares(f"{left}/a") == {}
        assert other.shares(f"{reached}/b") == {(PERSON, "ann@new.org"): READ}
        assert (await bench.run(sharing=rules())).code is Code.NOTHING_TO_COPY


async def test_what_comes_where_another_one_was_renamed_away_over_a_third_is_no_conflict(
    tmp_path: Path,
) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/a", b"a")
        bench.source.add_file("/b", b"b")
        await bench.run()
        bench.source.remove("/b")
        bench.source.move("/a", "/b")
        await bench.run()
        bench.source.add_file("/a", b"new")
        result = await bench.run()
        assert (await bench.files(result.run))["/a"] is ItemState.REPLACED
        assert bench.destination.tree() == bench.source.tree() == {"/a": b"new", "/b": b"a"}


async def test_a_chain_of_renames_ends_as_at_the_source(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        for number in range(4):
            bench.source.add_file(f"/log.{number}", f"{number}".encode())
        await bench.run()
        for number in reversed(range(4)):
            bench.source.move(f"/log.{number}", f"/log.{number + 1}")
        bench.source.add_file("/log.0", b"new")
        result = await bench.run()
        assert result.code is Code.SUCCESS
        assert bench.destination.tree() == bench.source.tree()
        assert (await bench.run()).code is Code.NOTHING_TO_COPY


@pytest.mark.parametrize(
    "went", [None, "/p/z", "/q/x", "/q/z", "/a/x"], ids=["removed", "renamed", "moved", "both", "seen first"]
)
async def test_where_names_may_be_had_twice_a_place_that_was_left_is_free(
    tmp_path: Path, went: str | None
) -> None:
    async with workbench(tmp_path, MemoryService(replace(DRIVE, duplicate_names=True))) as bench:
        bench.source.add_file("/p/x", b"x")
        bench.source.add_file("/p/y", b"y")
        bench.source.add_folder("/q")
        bench.source.add_folder("/a")
        await bench.run()
        if went is None:
            bench.source.remove("/p/x")
        else:
            bench.source.move("/p/x", went)
        bench.source.move("/p/y", "/p/x")
        result = await bench.run()
        assert result.code is Code.SUCCESS
        there = bench.destination.tree()
        assert there.items() >= bench.source.tree().items()
        assert "/p/x (2)" not in there
        assert (await bench.run()).code is Code.NOTHING_TO_COPY


async def test_a_namesake_of_what_stays_where_it_is_gets_another_name(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(replace(DRIVE, duplicate_names=True))) as bench:
        bench.source.page_size = 1  # what stays is on another page than what comes
        bench.source.add_file("/p/x", b"x")
        bench.source.add_file("/p/y", b"y")
        await bench.run()
        bench.source.move("/p/y", "/p/x")
        await bench.run()
        assert bench.destination.tree() == {"/p/x": b"x", "/p/x (2)": b"y"}
        assert (await bench.run()).code is Code.NOTHING_TO_COPY
