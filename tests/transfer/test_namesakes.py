"""Where several entries may have one name: what stands beside ours is not taken for ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.memory.service import DRIVE, MemoryService
from tests.transfer.workbench import workbench

from mover.ledger.states import Code, ItemState

TWINS = replace(DRIVE, duplicate_names=True, exclusive_create=False)


def put_before_ours(there: MemoryService) -> None:
    """Let a stranger's entry be the first one of that name."""
    there.move("/file", "/aside")
    there.move("/elsewhere/file", "/file")
    there.move("/aside", "/file")


async def test_a_stranger_s_namesake_that_is_listed_first_does_not_hide_ours(tmp_path: Path) -> None:
    there = MemoryService(TWINS)
    there.add_file("/elsewhere/file", b"a stranger's")
    async with workbench(tmp_path, destination=there) as bench:
        bench.source.add_file("/file", b"first")
        await bench.run()
        put_before_ours(there)
        same = await bench.run()
        assert same.code is Code.NOTHING_TO_COPY
        assert await bench.files(same.run) == {"/file": ItemState.UNCHANGED}
        bench.source.change_file("/file", b"second")
        result = await bench.run()
        assert await bench.files(result.run) == {"/file": ItemState.REPLACED}
        assert sorted(content for _, content in there.files()) == [b"a stranger's", b"second"]


async def test_a_shortcut_of_the_same_name_does_not_hide_ours(tmp_path: Path) -> None:
    there = MemoryService(TWINS)
    there.add_shortcut("/elsewhere/file", "target")
    async with workbench(tmp_path, destination=there) as bench:
        bench.source.add_file("/file", b"first")
        await bench.run()
        put_before_ours(there)
        bench.source.change_file("/file", b"second")
        result = await bench.run()
        assert await bench.files(result.run) == {"/file": ItemState.REPLACED}
        assert there.files() == [("/file", b"second")]
