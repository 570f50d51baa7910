"""Traps between runs, retries and other people's files, each of which once cost a file or a wrong report."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.memory.service import CASELESS_DRIVE, DRIVE, NO_NAMES, PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Setting
from mover.entries import Entry, EntryKind, EntryRef, HashName
from mover.errors import IntegrityError, PermissionDenied, Reason, SignInFailed, Unreachable
from mover.ledger.ledger import RunLedger
from mover.ledger.records import FolderTask, NewItem, PartRecord
from mover.ledger.states import Code, ItemState, RunMode
from mover.transfer.compare import content_hash
from mover.transfer.options import ConflictRule, VerifyLevel
from mover.transfer.verification import Verifier

BLIND = replace(DRIVE, listed_hashes=NO_NAMES, returned_hashes=NO_NAMES)
"""A drive that tells no hashes."""


@pytest.mark.parametrize("mode", [RunMode.SCAN, RunMode.COPY])
async def test_a_root_that_cannot_be_listed_ends_a_dry_run_with_its_own_error(
    bench: Workbench, mode: RunMode
) -> None:
    bench.source.faults.add("list_folder", "/", times=None, error=PermissionDenied("no"))

    result = await bench.run(mode, dry_run=True)

    assert (result.code, result.reason) == (Code.GENERAL_FAILURE, Reason.PERMISSION_DENIED)


async def test_folders_found_while_the_queue_is_asked_are_not_lost(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is read as it was before the root's folders came into it; the answer arrives when the root is done."""
    bench.source.add_file("/a/b", b"x")
    asked, listed = asyncio.Event(), asyncio.Event()
    pending, add, note = RunLedger.pending_folders, RunLedger.add_items, RunLedger.folder_listed

    async def pending_folders(ledger: RunLedger, limit: int, *, after_id: int) -> list[FolderTask]:
        found = await pending(ledger, limit, after_id=after_id)
        if after_id and not asked.is_set():
            asked.set()
            await listed.wait()
            for _ in range(10):
                await asyncio.sleep(0)  # the task of the root comes to its end
        return found

    async def add_items(
        ledger: RunLedger, folder: FolderTask, new: Sequence[NewItem], cursor: str | None, *lines: Any
    ) -> None:
        await asked.wait()
        await add(ledger, folder, new, cursor, *lines)

    async def folder_listed(ledger: RunLedger, folder: FolderTask) -> None:
        await note(ledger, folder)
        listed.set()

    monkeypatch.setattr(RunLedger, "pending_folders", pending_folders)
    monkeypatch.setattr(RunLedger, "add_items", add_items)
    monkeypatch.setattr(RunLedger, "folder_listed", folder_listed)

    await bench.run()

    assert bench.destination.tree() == {"/a/b": b"x"}


async def test_verify_sends_nothing_when_a_file_vanishes_while_it_looks(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(PATHS), MemoryService(PATHS)) as bench:
        bench.source.add_file("/a", b"same")
        bench.destination.add_file("/a", b"same")
        bench.destination.faults.add("look_up", "/a", action=lambda: bench.destination.remove("/a"))

        result = await bench.run(RunMode.VERIFY)

        assert bench.destination.tree() == {}
        row = (await bench.rows(result.run))["/a"]
        assert (row["state"], row["reason"], row["side"]) == (
            ItemState.FAILED,
            Reason.GONE,
            "destination",
        )


async def test_verify_never_replaces_what_differs(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(PATHS), MemoryService(PATHS)) as bench:
        bench.source.add_file("/a", b"this")
        bench.destination.add_file("/a", b"that")

        result = await bench.run(RunMode.VERIFY, conflict=ConflictRule.OVERWRITE)

        assert bench.destination.tree() == {"/a": b"that"}
        row = (await bench.rows(result.run))["/a"]
        assert (row["state"], row["reason"]) == (ItemState.CONFLICT, Reason.CONFLICT)


async def test_a_strangers_file_at_the_new_place_of_a_moved_one_is_not_taken_for_ours(tmp_path: Path) -> None:
    destination = MemoryService(replace(BLIND, versioned_reads=False))
    async with workbench(tmp_path, MemoryService(BLIND), destination) as bench:
        bench.source.add_file("/a", b"ours", modified_ns=1_000_000_000)
        await bench.run()
        bench.source.move("/a", "/b")
        bench.destination.add_file("/b", b"else", modified_ns=1_000_000_000)
        bench.source.change_file("/b", b"new!", modified_ns=2_000_000_000)

        result = await bench.run()

        assert bench.destination.tree()["/b"] == b"else"
        assert (await bench.files(result.run))["/b"] is ItemState.CONFLICT


async def test_a_rename_is_followed_where_names_may_collide(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(CASELESS_DRIVE)) as bench:
        bench.source.add_file("/a", b"x" * 10)
        await bench.run()
        bench.source.move("/a", "/b")

        await bench.run()

        assert bench.destination.tree() == {"/b": b"x" * 10}


async def test_parts_of_a_longer_version_do_not_stay_at_the_end(tmp_path: Path) -> None:
    whole = bytes(range(256)) * (5 << 12)
    now = [whole]
    async with workbench(tmp_path, MemoryService(replace(DRIVE, range_reads=False))) as bench:
        bench.source.add_native("/doc", lambda: now[0])
        bench.destination.faults.add("finish", "/doc", error=SignInFailed("expired"))
        await bench.run()
        now[0] = whole[: 2 << 20]

        result = await bench.run()

        assert result.code is Code.SUCCESS
        assert bench.destination.tree() == {"/doc": whole[: 2 << 20]}


@pytest.mark.parametrize("size", [100, 5 << 20])
async def test_an_arrival_that_was_damaged_is_sent_again(tmp_path: Path, size: int) -> None:
    service = MemoryService(replace(PATHS, versioned_reads=True))
    async with workbench(tmp_path, destination=service) as bench:
        bench.source.add_file("/a", b"x" * size)
        service.faults.add("upload", "/a", corrupt_at=50)

        result = await bench.run()

        assert result.code is Code.SUCCESS
        assert bench.destination.tree() == {"/a": b"x" * size}


async def test_an_empty_folder_that_cannot_be_made_is_no_trouble_of_the_source(tmp_path: Path) -> None:
    service = MemoryService(replace(PATHS, implicit_folders=True))
    async with workbench(tmp_path, destination=service) as bench:
        bench.source.add_folder("/empty")
        service.faults.add("create_folder", "/empty", times=None, error=PermissionDenied("no"))

        result = await bench.run()

        assert (await bench.rows(result.run))["/empty"]["side"] == "destination"


async def test_reading_back_notices_bytes_beyond_the_end() -> None:
    service = MemoryService(PATHS)
    entry = service.add_file("/a", b"sent and more")
    connector = service.connector()
    await connector.sign_in()
    verifier = Verifier(connector, PATHS, VerifyLevel.READBACK)
    digest, size = await content_hash(connector.read(EntryRef("/a"), length=4))
    parts: Sequence[PartRecord] = [PartRecord(1, size, "", {HashName.SHA256: digest})]

    with pytest.raises(IntegrityError):
        await verifier.in_parts(EntryRef("/a"), entry, parts, {})


async def test_a_strangers_beginning_is_not_replaced_when_comparing_is_tried_again(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(PATHS)) as bench:
        bench.source.add_native("/doc", lambda: b"document")
        bench.destination.add_file("/doc", b"doc")
        bench.destination.faults.add("read", "/doc", error=Unreachable("reset"), times=3)

        result = await bench.run()

        assert bench.destination.tree() == {"/doc": b"doc"}
        assert (await bench.files(result.run))["/doc"] is ItemState.CONFLICT


async def test_half_a_file_is_not_gone_on_with_when_nothing_tells_its_version(tmp_path: Path) -> None:
    source = MemoryService(
        replace(BLIND, versioned_reads=False, stable_ids=False, modified_resolution_ns=None),
        times_listed=False,
    )
    async with workbench(tmp_path, source) as bench:
        source.add_file("/a", b"x" * (5 << 20))
        bench.destination.faults.add("finish", "/a", error=SignInFailed("expired"))
        await bench.run()
        source.change_file("/a", b"y" * (5 << 20))

        await bench.run()
        await bench.run()

        assert bench.destination.tree() == {"/a": b"y" * (5 << 20)}


async def test_a_namesake_that_appears_is_not_settled_as_ours(tmp_path: Path) -> None:
    """The namesake is listed last; ours is known by its id."""
    service = MemoryService(replace(DRIVE, duplicate_names=True, modified=Setting.AFTERWARDS))
    async with workbench(tmp_path, destination=service) as bench:
        bench.source.add_file("/a", b"ours", modified_ns=1_000_000_000)
        service.faults.add("set_modified", "/a", action=lambda: service.add_file("/a", b"else"))
        await bench.run()
        bench.source.change_file("/a", b"ours, newer")

        await bench.run()

        assert sorted(service.files()) == [("/a", b"else"), ("/a", b"ours, newer")]


async def test_an_edit_before_versions_are_settled_is_not_taken_for_ours(tmp_path: Path) -> None:
    service = MemoryService(replace(DRIVE, modified=Setting.AFTERWARDS))
    async with workbench(tmp_path, destination=service) as bench:
        bench.source.add_file("/a", b"ours", modified_ns=1_000_000_000)
        bench.source.add_folder("/z")
        service.faults.add("list_folder", "/", skip=1, action=lambda: service.change_file("/a", b"edit"))
        await bench.run()
        bench.source.change_file("/a", b"ours, newer")

        result = await bench.run()

        assert service.tree() == {"/a": b"edit"}
        assert (await bench.files(result.run))["/a"] is ItemState.CONFLICT


async def test_absurd_times_do_not_end_the_run(bench: Workbench) -> None:
    """The years 9999 and 1653: file systems and servers have such dates, the ledger cannot hold them."""
    for name, seconds in (("/late", 253_402_300_799), ("/early", -10_000_000_000)):
        bench.source.add_file(name, b"x", modified_ns=seconds * 1_000_000_000)
        bench.source.add_folder(f"{name} folder", modified_ns=seconds * 1_000_000_000)
    bench.source.add_file("/b", b"y")

    first = await bench.run()
    second = await bench.run()

    assert bench.destination.tree() == {"/b": b"y", "/early": b"x", "/late": b"x"}
    assert (first.code, second.code) == (Code.SUCCESS, Code.NOTHING_TO_COPY)


@pytest.mark.parametrize("size", [-1, 1 << 63, 1 << 200])
def test_a_size_that_no_file_has_counts_as_unknown(size: int) -> None:
    assert Entry(name="a", kind=EntryKind.FILE, size=size).size is None


async def test_a_folder_that_a_verification_could_read_when_it_went_on_is_no_problem(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(BLIND), MemoryService(BLIND)) as bench:
        bench.source.add_file("/1/2/3/4/5/a", b"x")
        bench.source.add_file("/folder/b", b"y")
        await bench.run()
        bench.source.faults.add("list_folder", "/folder", error=PermissionDenied("no"))
        bench.source.faults.add("read", "/1/2/3/4/5/a", error=SignInFailed("expired"))
        first = await bench.run(RunMode.VERIFY)
        before = (await bench.states(first.run))["/folder"]

        second = await bench.run(RunMode.VERIFY)

        assert before is ItemState.FAILED
        assert (second.run, second.code) == (first.run, Code.NOTHING_TO_COPY)
        assert (await bench.states(second.run))["/folder"] is ItemState.UNCHANGED


async def test_a_clock_that_is_set_back_makes_no_run_of_negative_length(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x")
    bench.now_ns = itertools.count(1_700_000_000_000_000_000, -1_000_000_000).__next__

    result = await bench.run()

    assert result.seconds == 0


async def test_trouble_at_the_end_of_a_run_is_told_once_whatever_the_number_of_folders(
    bench: Workbench,
) -> None:
    bench.destination = MemoryService(replace(DRIVE, modified=Setting.AFTERWARDS))
    for number in range(30):
        bench.source.add_file(f"/{number}/a", b"x", modified_ns=1_000_000_000)
    bench.destination.faults.add("list_folder", times=None, skip=1, error=PermissionDenied("no"))

    result = await bench.run()

    assert "versions in 30 folders" in result.message
    assert result.message.count("no") < 10
