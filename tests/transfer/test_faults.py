from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.contents import Pattern
from tests.memory.service import DRIVE, PATHS, MemoryService
from tests.transfer.workbench import NO_WAIT, Workbench, workbench

from mover.entries import HashName
from mover.errors import (
    InvalidConfiguration,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Reason,
    ServiceFault,
    SignInFailed,
    Throttled,
    Unreachable,
)
from mover.ledger.states import Code, ItemState, RunMode, RunStatus, Verification
from mover.staging import StagedPart
from mover.transfer.filters import Filters
from mover.transfer.locking import AlreadyRunning
from mover.transfer.options import ConflictRule, Options, VerifyLevel
from mover.transfer.reading import FileReader

pytestmark = [pytest.mark.slow, pytest.mark.promise("P3")]

BIG = Pattern(20 << 20)


async def only_row(bench: Workbench, run: int) -> dict[str, object]:
    rows = list((await bench.rows(run)).values())
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize("operation", ["read", "upload"])
async def test_a_broken_connection_is_tried_again(bench: Workbench, operation: str) -> None:
    bench.source.add_file("/a", b"x" * 100_000)
    (bench.source if operation == "read" else bench.destination).faults.add(
        operation, "/a", error=Unreachable("reset"), after_bytes=5_000
    )

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == bench.source.tree()
    assert (await only_row(bench, result.run))["attempts"] == 2


async def test_an_upload_whose_answer_is_lost_is_found_and_not_sent_twice(bench: Workbench) -> None:
    bench.source.add_file("/a", b"content")
    bench.destination.faults.add("upload", "/a", error=Unreachable("reset"), lose_answer=True)

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.calls["upload"] == 1
    assert bench.destination.files() == [("/a", b"content")]


async def test_a_file_that_is_found_after_a_lost_answer_gets_its_time(tmp_path: Path) -> None:
    moment = 1_600_000_000_000_000_000
    destination = MemoryService(PATHS)
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a", b"content", modified_ns=moment)
        destination.faults.add("upload", "/a", error=Unreachable("reset"), lose_answer=True)

        await bench.run()

        assert destination.calls["upload"] == 1
        assert destination.entry("/a").modified_ns == moment


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * 400, b""])
@pytest.mark.parametrize("error", [SignInFailed("expired"), PermissionDenied("no")])
async def test_what_a_run_left_half_sent_is_ours_to_one_with_other_options(
    tmp_path: Path, left: bytes, error: SignInFailed | PermissionDenied
) -> None:
    moment = 1_600_000_000_000_000_000
    destination = MemoryService(PATHS)
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a", b"x" * 1000, modified_ns=moment)
        destination.faults.add(
            "upload", "/a", error=error, action=lambda: destination.add_file("/a", left), times=1
        )
        await bench.run()

        result = await bench.run(filters=Filters.build(exclude=["*.tmp"]))

        assert result.code is Code.SUCCESS
        assert destination.tree() == {"/a": b"x" * 1000}
        assert destination.entry("/a").modified_ns == moment


@pytest.mark.promise("P4")
async def test_a_strangers_file_where_an_earlier_run_failed_is_not_overwritten(bench: Workbench) -> None:
    bench.source.add_file("/a", b"ours")
    bench.destination.faults.add("upload", "/a", error=PermissionDenied("no"))
    await bench.run()
    bench.destination.add_file("/a", b"theirs")

    result = await bench.run()

    assert bench.destination.tree() == {"/a": b"theirs"}
    assert (await only_row(bench, result.run))["state"] == ItemState.CONFLICT


async def test_bytes_corrupted_at_the_source_do_not_count_as_moved(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x" * 1000)
    bench.source.faults.add("read", "/a", times=None, corrupt_at=500)

    result = await bench.run()

    row = await only_row(bench, result.run)
    assert (row["state"], row["reason"], row["side"]) == (
        ItemState.FAILED,
        Reason.HASH_MISMATCH,
        "destination",
    )
    assert bench.destination.tree() == {}
    assert result.code is Code.ALL_UPLOADS_FAILED


async def test_bytes_corrupted_once_are_received_again(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x" * 1000)
    bench.source.faults.add("read", "/a", corrupt_at=500)

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == {"/a": b"x" * 1000}


async def test_a_body_that_ends_early_is_no_file_that_ends(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x" * 1000)
    bench.source.faults.add("read", "/a", times=None, truncate_to=400)

    result = await bench.run()

    row = await only_row(bench, result.run)
    assert (row["state"], row["reason"], row["side"]) == (
        ItemState.FAILED,
        Reason.CHANGED_WHILE_READ,
        "source",
    )
    assert bench.destination.tree() == {}


async def test_a_file_that_changes_while_it_is_read_arrives_in_its_new_version(bench: Workbench) -> None:
    bench.source.add_file("/a", b"old" * 10)
    bench.source.faults.add("read", "/a", action=lambda: bench.source.change_file("/a", b"new content"))

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == {"/a": b"new content"}


async def test_a_file_that_changes_is_noticed_where_reads_have_no_version(tmp_path: Path) -> None:
    source = MemoryService(PATHS)
    source.add_file("/a", b"old!")
    async with workbench(tmp_path, source) as bench:
        source.faults.add("read", "/a", after_bytes=0, action=lambda: source.change_file("/a", b"new!"))

        result = await bench.run()

        assert result.code is Code.SUCCESS
        assert bench.destination.tree() == {"/a": b"new!"}


async def test_a_file_that_is_removed_meanwhile_is_reported_as_gone(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x")
    bench.source.add_file("/b", b"y")
    bench.source.faults.add("read", "/a", times=None, error=NotFound("no such file"))

    result = await bench.run()

    row = (await bench.rows(result.run))["/a"]
    assert (row["state"], row["reason"], row["side"]) == (ItemState.FAILED, Reason.GONE, "source")
    assert bench.destination.tree() == {"/b": b"y"}
    assert result.code is Code.SOME_DOWNLOADS_FAILED


async def test_a_large_file_is_read_in_one_stream_where_ranges_are_dear_and_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    source = MemoryService(replace(DRIVE, bounded_reads=False))
    async with workbench(tmp_path, source) as bench:
        source.add_file("/big", BIG)
        bench.destination.faults.add("send", "/big", skip=15, error=SignInFailed("expired"))
        await bench.run()
        assert source.calls["read"] == 1

        result = await bench.run()

        assert result.code is Code.SUCCESS
        assert bench.destination.tree() == source.tree()
        assert source.calls["read"] == 2
        assert bench.progress.bytes_received < (20 << 20) / 2


async def test_a_large_file_that_changed_within_the_grain_of_its_time_is_not_put_together_from_two_versions(
    tmp_path: Path,
) -> None:
    days = 2 * 86_400 * 10**9
    source = MemoryService(replace(PATHS, bounded_reads=False, modified_resolution_ns=days))
    async with workbench(tmp_path, source) as bench:
        source.add_file("/big", BIG)
        bench.destination.faults.add("send", "/big", skip=15, error=SignInFailed("expired"))
        await bench.run()
        source.change_file("/big", bytes(BIG.size))

        result = await bench.run()

        assert result.code is Code.SUCCESS
        assert bench.destination.tree() == source.tree()


async def test_a_large_file_is_read_back_in_one_stream_where_ranges_are_dear(tmp_path: Path) -> None:
    destination = MemoryService(replace(PATHS, bounded_reads=False))
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/big", BIG)

        result = await bench.run()

        assert result.code is Code.SUCCESS
        assert destination.calls["read"] == 1


async def test_throttling_is_waited_out(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x")
    bench.destination.faults.add("upload", times=2, error=Throttled("slow down", retry_after_s=0.01))

    assert (await bench.run()).code is Code.SUCCESS


async def test_nothing_is_looked_for_that_a_refused_shared_call_cannot_have_left(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x")
    bench.destination.faults.add("upload", times=2, error=in_turn())

    assert (await bench.run()).code is Code.SUCCESS
    assert bench.destination.calls["upload"] == 3
    assert bench.destination.calls["look_up"] == 1  # the root


async def test_what_another_error_may_have_left_is_looked_for_though_a_shared_call_was_refused_since(
    bench: Workbench,
) -> None:
    bench.source.add_file("/a", b"x")
    bench.destination.faults.add("upload", times=1, error=ServiceFault("oh"))
    bench.destination.faults.add("upload", times=1, error=in_turn())

    assert (await bench.run()).code is Code.SUCCESS
    assert bench.destination.calls["look_up"] == 3  # the root, and twice the file


def in_turn() -> Throttled:
    error = Throttled("slow down", retry_after_s=0.01)
    error.did_nothing = error.in_turn = True
    return error


async def test_a_file_is_not_given_up_for_being_throttled_while_others_arrive(bench: Workbench) -> None:
    for number in range(60):
        bench.source.add_file(f"/{number}", b"x")
    more_than_attempts = 3 * Options().attempts
    bench.destination.faults.add(
        "upload", "/0", times=more_than_attempts, error=Throttled("slow down", retry_after_s=0.001)
    )

    result = await bench.run(files_at_once=2)

    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == bench.source.tree()


async def test_a_file_is_not_given_up_for_being_throttled_often(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x")
    more_than_attempts = 3 * Options().attempts
    bench.destination.faults.add(
        "upload", times=more_than_attempts, error=Throttled("slow down", retry_after_s=0.001)
    )

    assert (await bench.run()).code is Code.SUCCESS


async def test_files_are_given_up_when_the_service_throttles_all_of_them_for_long(bench: Workbench) -> None:
    bench.source.add_file("/a", b"x")
    bench.retries = replace(NO_WAIT, total_s=0.31)
    bench.destination.faults.add("upload", times=None, error=Throttled("slow down", retry_after_s=0.1))

    result = await bench.run()

    row = await only_row(bench, result.run)
    assert (row["state"], row["reason"], row["attempts"]) == (ItemState.FAILED, Reason.THROTTLED, 4)


async def test_a_folder_that_cannot_be_listed_fails_with_what_is_in_it_and_gets_another_chance(
    bench: Workbench,
) -> None:
    bench.source.add_file("/locked/a", b"x")
    bench.source.add_file("/b", b"y")
    bench.source.faults.add("list_folder", "/locked", error=PermissionDenied("not yours"))

    first = await bench.run()
    second = await bench.run()

    assert (await bench.states(first.run))["/locked"] is ItemState.FAILED
    assert first.status is RunStatus.SOME_PROBLEMS
    assert second.code is Code.SUCCESS
    assert bench.destination.tree() == bench.source.tree()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SignInFailed("password changed"), Code.SIGN_IN_FAILED),
        (QuotaExceeded("full"), Code.DESTINATION_QUOTA),
    ],
)
async def test_trouble_with_the_account_ends_the_run_and_the_next_one_goes_on(
    bench: Workbench, error: SignInFailed | QuotaExceeded, code: Code
) -> None:
    for n in range(200):
        bench.source.add_file(f"/{n:03}", b"%d" % n)
    bench.destination.faults.add("upload", skip=20, times=None, error=error)

    first = await bench.run()
    bench.destination.faults.clear()
    second = await bench.run()

    assert first.code is code
    assert bench.destination.calls["upload"] < 200 + 60  # it did not try all the others first
    assert second.run == first.run
    assert second.code is Code.SUCCESS
    assert bench.destination.tree() == bench.source.tree()
    assert second.totals.files_moved == 200


async def test_a_service_that_is_down_ends_the_run_instead_of_failing_every_file(bench: Workbench) -> None:
    for n in range(300):
        bench.source.add_file(f"/{n:03}", b"%d" % n)
    bench.destination.faults.add("upload", skip=10, times=None, error=Unreachable("down"))

    first = await bench.run()
    tried = bench.destination.calls["upload"]
    bench.destination.faults.clear()
    second = await bench.run()

    assert first.status is RunStatus.FAILED
    assert tried < 300
    assert second.run == first.run
    assert bench.destination.tree() == bench.source.tree()
    assert second.totals.files_moved == 300


@pytest.mark.slow
async def test_a_large_file_goes_on_where_it_was(bench: Workbench) -> None:
    bench.source.add_file("/big", BIG)
    bench.destination.faults.add("send", skip=7, times=None, error=ServiceFault("out of order"))
    first = await bench.run()
    sent = bench.destination.calls["send"] - 4
    bench.destination.faults.clear()
    bench.destination.calls.clear()

    second = await bench.run()

    assert first.status is RunStatus.SOME_PROBLEMS
    assert second.code is Code.SUCCESS
    assert sent >= 7
    assert bench.destination.calls["send"] <= 20 - 7 + 4
    assert bench.destination.entry("/big").hashes == bench.source.entry("/big").hashes
    assert bench.destination.unfinished == []


async def test_parts_of_another_version_are_not_reused(bench: Workbench) -> None:
    bench.source.add_file("/big", b"a" * (6 << 20))
    bench.destination.faults.add("send", skip=3, times=None, error=ServiceFault("out of order"))
    await bench.run()
    bench.destination.faults.clear()
    bench.source.change_file("/big", b"b" * (6 << 20))

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == {"/big": b"b" * (6 << 20)}


@pytest.mark.slow
async def test_parts_of_a_file_that_was_moved_meanwhile_do_not_go_to_its_old_place(bench: Workbench) -> None:
    bench.source.add_file("/old/big", BIG)
    bench.destination.faults.add("send", skip=3, times=None, error=ServiceFault("out of order"))
    await bench.run()
    bench.destination.faults.clear()
    bench.source.add_folder("/new")
    bench.source.move("/old/big", "/new/big")

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.entry("/new/big").hashes == bench.source.entry("/new/big").hashes
    assert bench.destination.unfinished == []


async def test_a_large_file_arrives_whole_at_a_service_without_parts(tmp_path: Path) -> None:
    destination = MemoryService(replace(PATHS, range_reads=True))
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/big", BIG)

        result = await bench.run()

        row = await only_row(bench, result.run)
        assert result.code is Code.SUCCESS
        assert row["verification"] == Verification.READ_BACK
        assert destination.entry("/big").size == BIG.size


async def test_a_read_back_that_differs_is_no_arrival(tmp_path: Path) -> None:
    destination = MemoryService(PATHS)
    destination.faults.add("read", "/a", times=None, corrupt_at=10)
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a", b"x" * 100)

        result = await bench.run()

        row = await only_row(bench, result.run)
        assert row["reason"] in {Reason.HASH_MISMATCH, Reason.CONFLICT}
        assert row["state"] in {ItemState.FAILED, ItemState.CONFLICT}


async def test_size_is_enough_only_when_the_user_says_so(tmp_path: Path) -> None:
    destination = MemoryService(PATHS)
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a", b"x" * 100)

        result = await bench.run(verify=VerifyLevel.SIZE)

        assert (await only_row(bench, result.run))["verification"] == Verification.SIZE
        assert destination.calls["read"] == 0


async def test_verification_by_hash_is_refused_where_it_can_never_succeed(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(PATHS)) as bench:
        bench.source.add_file("/a", b"x")

        with pytest.raises(InvalidConfiguration, match="computes no content hash"):
            await bench.run(verify=VerifyLevel.HASH)


async def test_a_canceled_run_is_gone_on_with(bench: Workbench) -> None:
    for n in range(40):
        bench.source.add_file(f"/{n:02}", b"%d" % n)
    stalled = bench.destination.faults.add("upload", skip=10, times=None, stall=asyncio.Event())
    task = asyncio.create_task(bench.run())
    await stalled.reached.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench.destination.faults.clear()
    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert result.totals.files_moved == 40
    assert bench.destination.tree() == bench.source.tree()
    assert list((bench.folder / "staging").rglob("*.part")) == []


@pytest.mark.parametrize("error", [Unreachable("the connection broke"), OSError("bad descriptor")])
@pytest.mark.parametrize("size", [100, 8 << 20])
async def test_a_canceled_run_ends_although_its_connections_break(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, size: int, error: Exception
) -> None:
    """What breaks at the moment of a cancellation is no reason to try once more."""
    for n in range(60):
        bench.source.add_file(f"/{n:02}", b"x" * (100 if n else size))
    destroy, reached, broken = StagedPart.destroy, asyncio.Event(), False

    async def breaks(part: StagedPart) -> None:
        await destroy(part)
        if broken:
            raise error

    async def hangs_and_breaks(_: FileReader) -> None:
        reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise error from None

    monkeypatch.setattr(StagedPart, "destroy", breaks)
    if size == 100:
        monkeypatch.setattr(FileReader, "still_the_same", hangs_and_breaks)
    else:
        reached = bench.destination.faults.add("send", times=None, stall=asyncio.Event()).reached
    task = asyncio.create_task(bench.run())
    await reached.wait()
    broken = True

    task.cancel()
    await asyncio.wait({task}, timeout=5)

    assert task.cancelled()


@pytest.mark.promise("P4")
async def test_a_strangers_file_is_not_overwritten(bench: Workbench) -> None:
    bench.source.add_file("/a", b"ours")
    bench.destination.add_file("/a", b"theirs")

    result = await bench.run()

    assert bench.destination.tree() == {"/a": b"theirs"}
    assert (await only_row(bench, result.run))["state"] == ItemState.CONFLICT


async def test_a_strangers_file_is_overwritten_when_the_user_insists(bench: Workbench) -> None:
    bench.source.add_file("/a", b"ours")
    bench.destination.add_file("/a", b"theirs")

    await bench.run(conflict=ConflictRule.OVERWRITE)

    assert bench.destination.files() == [("/a", b"ours")]


@pytest.mark.promise("P4")
async def test_a_file_that_appears_after_the_listing_is_not_overwritten(bench: Workbench) -> None:
    bench.source.add_file("/a", b"ours")
    bench.source.faults.add("read", "/a", action=lambda: bench.destination.add_file("/a", b"theirs"))

    result = await bench.run()

    assert bench.destination.files() == [("/a", b"theirs")]
    assert (await only_row(bench, result.run))["state"] == ItemState.CONFLICT


async def test_a_file_that_is_there_already_is_recognised_by_content(tmp_path: Path) -> None:
    destination = MemoryService(replace(PATHS, modified_resolution_ns=None))
    destination.add_file("/a", b"same")
    destination.add_file("/b", b"DIFF")
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a", b"same")
        bench.source.add_file("/b", b"diff")

        result = await bench.run()

        assert await bench.files(result.run) == {"/a": ItemState.ALREADY_THERE, "/b": ItemState.CONFLICT}
        assert destination.calls["upload"] == 0


async def test_two_processes_never_run_the_same_pair(bench: Workbench) -> None:
    await bench.run()

    async with bench.database.lock("pair:1"):
        with pytest.raises(AlreadyRunning, match="another mover process"):
            await bench.run()


async def test_a_dry_run_changes_nothing_and_tells_what_would_happen(bench: Workbench) -> None:
    bench.source.add_file("/docs/a", b"x")
    bench.source.add_shortcut("/link", "/elsewhere")

    result = await bench.run(dry_run=True)

    assert (bench.destination.tree(), bench.destination.folders()) == ({}, [])
    assert await bench.files(result.run) == {"/docs/a": ItemState.PLANNED, "/link": ItemState.UNSUPPORTED}


async def test_verify_finds_what_is_missing_or_different_and_sends_nothing(bench: Workbench) -> None:
    for name in ("/a", "/b", "/c"):
        bench.source.add_file(name, b"content")
    await bench.run()
    bench.destination.change_file("/b", b"CONTENT")
    bench.destination.remove("/c")
    bench.destination.calls.clear()

    result = await bench.run(RunMode.VERIFY)

    assert await bench.files(result.run) == {
        "/a": ItemState.ALREADY_THERE,
        "/b": ItemState.CONFLICT,
        "/c": ItemState.FAILED,
    }
    assert bench.destination.calls["upload"] == 0
    assert result.status is RunStatus.SOME_PROBLEMS


async def test_verify_reads_both_sides_where_no_hash_is_in_common(tmp_path: Path) -> None:
    destination = MemoryService(PATHS)
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a", b"content")
        bench.source.add_file("/b", b"content")
        await bench.run()
        destination.change_file("/b", b"CONTENT")

        result = await bench.run(RunMode.VERIFY)

        assert await bench.files(result.run) == {"/a": ItemState.ALREADY_THERE, "/b": ItemState.CONFLICT}


async def test_the_returned_hash_of_a_damaged_arrival_is_not_accepted(tmp_path: Path) -> None:
    destination = MemoryService(replace(DRIVE, returned_hashes=frozenset({HashName.SHA256})))
    destination.faults.add("upload", "/a", times=None, corrupt_at=3)
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a", b"x" * 100)

        result = await bench.run()

        row = await only_row(bench, result.run)
        assert (row["state"], row["reason"]) == (ItemState.FAILED, Reason.HASH_MISMATCH)


async def test_a_bad_line_that_brings_a_part_each_time_brings_the_file_in_the_end(bench: Workbench) -> None:
    bench.source.add_file("/big", BIG)
    for n in range(10):
        bench.destination.faults.add("send", skip=2 * n + 1, error=Unreachable("reset"))

    result = await bench.run()

    assert result.code is Code.SUCCESS
    attempts = (await only_row(bench, result.run))["attempts"]
    assert isinstance(attempts, int)
    assert attempts > 4


async def test_a_large_file_that_never_stops_growing_is_given_up(tmp_path: Path) -> None:
    """Each attempt brings more parts than the one before, of a version that is worthless by then."""
    source = MemoryService(PATHS)
    sizes = itertools.count(8 << 20, 1 << 20)
    source.add_file("/log", b"x" * next(sizes))
    source.faults.add(
        "refresh", "/log", times=20, action=lambda: source.change_file("/log", b"x" * next(sizes))
    )
    async with workbench(tmp_path, source) as bench:
        result = await bench.run()

        row = await only_row(bench, result.run)
        assert (row["state"], row["reason"]) == (ItemState.FAILED, Reason.CHANGED_WHILE_READ)
        assert row["attempts"] == Options().attempts


async def test_a_finish_whose_answer_was_lost_is_found_out(bench: Workbench) -> None:
    """Repeated, it finds no upload any more: the contract allows that."""
    bench.source.add_file("/big", BIG)
    finish = bench.destination.faults
    finish.add("finish", "/big", error=Unreachable("reset"), lose_answer=True)
    finish.add("finish", "/big", error=NotFound("there is no such upload"))

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.calls["finish"] == 2
    assert bench.destination.entry("/big").hashes == bench.source.entry("/big").hashes


async def test_an_upload_that_expires_under_way_is_begun_anew(bench: Workbench) -> None:
    bench.source.add_file("/big", BIG)
    bench.destination.faults.add("send", "/big", skip=3, action=bench.destination.uploads.clear)

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.entry("/big").hashes == bench.source.entry("/big").hashes


async def test_a_large_file_that_is_removed_meanwhile_is_reported_as_gone(bench: Workbench) -> None:
    bench.source.add_file("/big", BIG)
    bench.source.faults.add("read", "/big", skip=3, times=None, error=NotFound("no such file"))

    result = await bench.run()

    row = await only_row(bench, result.run)
    assert (row["state"], row["reason"], row["side"]) == (ItemState.FAILED, Reason.GONE, "source")
