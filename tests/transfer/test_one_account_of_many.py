"""A pair above the storage of many people: what is wrong with one of them does not end the move of the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.memory.directory import Directory
from tests.memory.service import MemoryService
from tests.transfer.test_sharing import rules, there
from tests.transfer.workbench import workbench

from mover.errors import AccountSuspended, Reason
from mover.ledger.states import Code, ItemState

ANN, BEN, CLEO = (f"{name}@example.org" for name in ("ann", "ben", "cleo"))
FILES = 60
SUSPENDED = AccountSuspended("the account is suspended")


def organisation(room: dict[str, int] | None = None) -> MemoryService:
    """Three people, each with a folder."""
    people = Directory(lists_people=True, people=frozenset({ANN, BEN, CLEO}))
    service = MemoryService(directory=people, room=room)
    for one in (ANN, BEN, CLEO):
        service.add_folder(f"/Users/{one}")
    return service


def fill(service: MemoryService) -> None:
    for number in range(FILES):
        for one in (ANN, BEN, CLEO):
            service.add_file(f"/Users/{one}/{number:02}", b"x" * 100)


@pytest.mark.parametrize("root", ["/", "/Users"])
async def test_who_is_suspended_is_told_and_all_others_are_moved(tmp_path: Path, root: str) -> None:
    async with workbench(tmp_path, source=organisation()) as bench:
        fill(bench.source)
        bench.source.faults.add("list_folder", f"/Users/{BEN}", error=SUSPENDED, times=None)
        result = await bench.run(source_root=root)
        rows = await bench.rows(result.run)
        below = "/Users" if root == "/" else ""
        ben = rows.pop(f"{below}/{BEN}")
        assert (ben["state"], ben["reason"]) == (ItemState.FAILED, Reason.ACCOUNT_SUSPENDED)
        assert {row["state"] for row in rows.values()} <= {ItemState.COPIED, ItemState.CREATED}
        assert len(bench.destination.tree()) == 2 * FILES
        bench.source.faults.clear()
        assert (await bench.run(source_root=root)).code is Code.SUCCESS
        assert len(bench.destination.tree()) == 3 * FILES


async def test_who_is_suspended_while_their_folders_are_scanned_is_told_and_all_others_are_moved(
    tmp_path: Path,
) -> None:
    """There are more of them than are looked at at once, so that some come up when the trouble is known already."""
    async with workbench(tmp_path, source=organisation()) as bench:
        fill(bench.source)
        for number in range(FILES):
            bench.source.add_file(f"/Users/{BEN}/folder {number:02}/file", b"")
            path = f"/Users/{BEN}/folder {number:02}"
            bench.source.faults.add("list_folder", path, error=SUSPENDED, times=None)
        result = await bench.run()
        rows = await bench.rows(result.run)
        failed = {path: row["side"] for path, row in rows.items() if row["state"] == ItemState.FAILED}
        assert {path for path in failed if "folder" in path} == {
            f"/Users/{BEN}/folder {number:02}" for number in range(FILES)
        }
        assert set(failed.values()) == {"source"}
        assert result.finished
        moved = bench.destination.tree()
        assert sum(path.startswith((f"/Users/{ANN}/", f"/Users/{CLEO}/")) for path in moved) == 2 * FILES


async def test_who_is_suspended_in_mid_move_is_asked_no_more(tmp_path: Path) -> None:
    async with workbench(tmp_path, source=organisation()) as bench:
        fill(bench.source)
        for number in range(FILES):
            bench.source.faults.add("read", f"/Users/{BEN}/{number:02}", error=SUSPENDED, times=None)
        result = await bench.run()
        states = await bench.files(result.run)
        assert {path for path, state in states.items() if state is ItemState.FAILED} == {
            f"/Users/{BEN}/{number:02}" for number in range(FILES)
        }
        assert bench.source.calls["read"] <= 2 * FILES + 48
        assert bench.source.calls["places"] == 2


async def test_whose_storage_is_full_stops_nobody_else(tmp_path: Path) -> None:
    full = organisation(room={f"/Users/{BEN}": 1000})
    async with workbench(tmp_path, destination=full) as bench:
        fill(bench.source)
        result = await bench.run()
        assert result.code is Code.DESTINATION_QUOTA
        moved = full.tree()
        assert sum(path.startswith((f"/Users/{ANN}/", f"/Users/{CLEO}/")) for path in moved) == 2 * FILES
        assert len(moved) <= 2 * FILES + 10
        full.room[f"/Users/{BEN}"] = 10_000
        assert (await bench.run()).code is Code.SUCCESS
        assert full.tree() == bench.source.tree()


async def test_it_ends_the_run_of_a_pair_of_that_account_alone(tmp_path: Path) -> None:
    async with workbench(tmp_path, source=organisation()) as bench:
        fill(bench.source)
        bench.source.add_file(f"/Users/{BEN}/deep/file", b"")
        bench.source.faults.add("list_folder", f"/Users/{BEN}/deep", error=SUSPENDED)
        result = await bench.run(source_root=f"/Users/{BEN}")
        assert (result.code, result.finished) == (Code.SIGN_IN_FAILED, False)


async def test_whose_permissions_cannot_be_asked_for_stops_nobody_else(tmp_path: Path) -> None:
    async with workbench(tmp_path, source=organisation(), destination=there()) as bench:
        fill(bench.source)
        for operation in ("list_folder", "permissions_of"):
            bench.source.faults.add(operation, f"/Users/{ANN}", error=SUSPENDED, times=None)
        result = await bench.run(sharing=rules())
        assert result.finished
        assert len(bench.destination.tree()) == 2 * FILES
