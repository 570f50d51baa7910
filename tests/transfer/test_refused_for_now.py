"""What a service is said to have refused for now stands there all the same: it is known as ours, and no conflict."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transfer.workbench import workbench

from mover.errors import Conflict, MoverError, Throttled, Unreachable
from mover.ledger.states import Code, ItemState


def _refused() -> Throttled:
    error = Throttled("slowly")
    error.did_nothing = True
    return error


@pytest.mark.parametrize("first", [_refused(), Unreachable("the line is dead")], ids=["throttled", "torn"])
async def test_what_was_made_though_it_was_refused_at_first_is_no_conflict(
    tmp_path: Path, first: MoverError
) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/file", b"content")
        bench.destination.faults.add("upload", "/file", error=first)
        bench.destination.faults.add("upload", "/file", error=_refused(), lose_answer=True)
        result = await bench.run()
        assert set((await bench.files(result.run)).values()) <= {ItemState.COPIED, ItemState.ALREADY_THERE}
        assert (await bench.run()).code is Code.NOTHING_TO_COPY
        assert bench.destination.tree() == {"/file": b"content"}


async def test_what_a_lagging_service_does_not_show_at_once_is_looked_for_once_more(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/file", b"content")
        there = bench.destination
        there.faults.add("upload", "/file", error=Unreachable("the answer is lost"))
        there.faults.add(
            "upload",
            "/file",
            error=Conflict("it is there"),
            action=lambda: there.add_file("/file", b"content"),
        )
        result = await bench.run()
        assert await bench.files(result.run) == {"/file": ItemState.ALREADY_THERE}
        assert there.tree() == {"/file": b"content"}


async def test_a_stranger_s_file_that_came_in_between_is_a_conflict_still(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/file", b"content")
        there = bench.destination
        there.faults.add("upload", "/file", error=_refused())
        there.faults.add("upload", "/file", action=lambda: there.add_file("/file", b"cont"))
        result = await bench.run()
        assert await bench.files(result.run) == {"/file": ItemState.CONFLICT}
        assert there.tree() == {"/file": b"cont"}
