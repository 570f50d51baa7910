"""Runs out of a source without a change feed: folders of the destination in which nothing changed are not listed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.database_url import on_both
from tests.memory.service import CASELESS_DRIVE, DRIVE, PATHS, MemoryService
from tests.transfer.test_following import ByPathService
from tests.transfer.workbench import Workbench, workbench

from mover.errors import NotFound, PermissionDenied, SignInFailed
from mover.ledger.states import Code, ItemState, RunMode
from mover.transfer.filters import Filters
from mover.transfer.run import RunResult

FOLDERS = tuple(f"/f{number}" for number in range(10))


def listed(service: MemoryService) -> set[str]:
    return {path for operation, path in service.journal if operation == "list_folder"}


def forget_calls(bench: Workbench) -> None:
    for service in (bench.source, bench.destination):
        service.calls.clear()
        service.journal.clear()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(tmp_path, MemoryService(PATHS), MemoryService(page_size=5)) as made:
        yield made


async def filled(bench: Workbench) -> None:
    for folder in (*FOLDERS, "/f0/deep"):
        for name in ("1", "2"):
            bench.source.add_file(f"{folder}/{name}", f"{folder} {name}".encode())
    await bench.run()
    forget_calls(bench)


@on_both[0]
@on_both[1]
async def test_where_nothing_changed_no_folder_of_the_destination_is_listed(bench: Workbench) -> None:
    await filled(bench)

    for _ in range(2):
        forget_calls(bench)
        result = await bench.run()

        assert result.code is Code.NOTHING_TO_COPY
        assert (result.totals.files_skipped, result.totals.folders_existing) == (22, 11)
        assert len(listed(bench.source)) == 12
        assert listed(bench.destination) == set()
        assert bench.destination.calls["changes_since"] == 1


@on_both[0]
@on_both[1]
async def test_only_folders_in_which_something_is_to_be_decided_are_listed(bench: Workbench) -> None:
    await filled(bench)
    bench.source.change_file("/f1/1", b"changed")
    bench.source.add_file("/f2/new", b"new")
    bench.source.add_folder("/f3/empty")
    bench.source.remove("/f4/1")

    result = await bench.run()

    assert listed(bench.destination) == {"/f1", "/f2", "/f3"}
    states = await bench.states(result.run)
    assert {path for path, state in states.items() if state is not ItemState.UNCHANGED} == {
        "/f1/1",
        "/f2/new",
        "/f3/empty",
    }
    assert bench.destination.tree()["/f1/1"] == b"changed"

    forget_calls(bench)
    await bench.run()
    assert listed(bench.destination) == set()


@pytest.mark.parametrize(
    ("edit", "looked_at"),
    [
        (lambda there: there.remove("/f1/1"), {"/f1"}),
        (lambda there: there.move("/f1/1", "/f2/other"), {"/f1"}),
        (lambda there: there.remove("/f0"), {"/"}),
        (lambda there: there.remove("/f0/deep"), {"/f0"}),
        (lambda there: there.move("/f0", "/f1/f0"), {"/"}),
        (lambda there: there.move("/f0/deep", "/f0/else"), {"/f0"}),
    ],
)
@pytest.mark.promise("P3")
async def test_what_somebody_took_away_is_copied_again(
    bench: Workbench, edit: Callable[[MemoryService], None], looked_at: set[str]
) -> None:
    await filled(bench)
    edit(bench.destination)

    await bench.run()

    assert listed(bench.destination) == looked_at
    there = bench.destination.tree()
    assert {path: there.get(path) for path in bench.source.tree()} == bench.source.tree()


@pytest.mark.promise("P4")
async def test_what_somebody_altered_is_left_alone_and_never_written_over(bench: Workbench) -> None:
    await filled(bench)
    bench.destination.change_file("/f1/1", b"theirs")
    bench.destination.add_file("/f2/new", b"theirs, too")
    first = await bench.run()
    bench.source.change_file("/f1/1", b"ours")
    bench.source.add_file("/f2/new", b"ours, too")

    second = await bench.run()

    assert (await bench.files(first.run))["/f1/1"] is ItemState.LEFT_ALONE
    states = await bench.files(second.run)
    assert (states["/f1/1"], states["/f2/new"]) == (ItemState.CONFLICT, ItemState.CONFLICT)
    assert bench.destination.tree()["/f1/1"] == b"theirs"
    assert bench.destination.tree()["/f2/new"] == b"theirs, too"


async def test_what_happens_during_a_run_is_seen_by_the_next(bench: Workbench) -> None:
    for folder in FOLDERS:
        bench.source.add_file(f"{folder}/1", folder.encode())
    bench.destination.faults.add(
        "set_modified", action=lambda: bench.destination.change_file("/f1/1", b"theirs"), times=1
    )
    await bench.run()

    for _ in range(2):
        forget_calls(bench)
        result = await bench.run()
        assert (await bench.files(result.run))["/f1/1"] is ItemState.LEFT_ALONE
        assert listed(bench.destination) == {"/f1"}


@on_both[0]
@on_both[1]
@pytest.mark.parametrize("resumed", [False, True])
async def test_what_happened_before_the_cursor_was_taken_is_seen_by_the_next_run(
    bench: Workbench, *, resumed: bool
) -> None:
    """A deep tree: folders are handled before it shows that there are many."""
    for folder in ("/a", "/a/b", "/a/b/c", *(f"/a/b/c{name}" for name in FOLDERS)):
        bench.source.add_file(f"{folder}/1", folder.encode())

    def take_away() -> None:
        if "/a/1" in bench.destination.tree():
            bench.destination.remove("/a/1")

    bench.destination.faults.add("changes_cursor", action=take_away)
    if resumed:
        bench.source.faults.add("list_folder", "/a/b/c", error=SignInFailed("expired"))
        await bench.run()
    await bench.run()
    bench.destination.faults.clear()
    forget_calls(bench)

    await bench.run()
    assert listed(bench.destination) == {"/", "/a", "/a/b"}
    assert bench.destination.tree() == bench.source.tree()

    forget_calls(bench)
    await bench.run()
    assert listed(bench.destination) == set()


async def test_a_folder_under_way_while_the_cursor_was_taken_is_listed_by_the_next_run(
    bench: Workbench,
) -> None:
    bench.source.add_file("/a/1", b"one")
    bench.destination.add_folder("/a")
    for folder in FOLDERS:
        bench.source.add_file(f"/b{folder}/1", folder.encode())
    taken = asyncio.Event()
    held = bench.destination.faults.add("list_folder", "/a", stall=taken)
    bench.source.faults.add("list_folder", "/b", stall=held.reached)
    bench.destination.faults.add("changes_cursor", action=taken.set)
    await bench.run()
    forget_calls(bench)

    await bench.run()

    assert listed(bench.destination) == {"/", "/a"}


async def test_a_run_over_a_few_folders_takes_no_cursor(bench: Workbench) -> None:
    for folder in FOLDERS[:7]:
        bench.source.add_file(f"{folder}/1", b"one")

    for _ in range(2):
        await bench.run()

    assert bench.destination.calls["changes_cursor"] == bench.destination.calls["changes_since"] == 0


async def test_where_each_line_costs_a_call_there_is_no_cursor(tmp_path: Path) -> None:
    service = MemoryService(replace(DRIVE, described_changes=False))
    async with workbench(tmp_path, MemoryService(PATHS), service) as bench:
        await filled(bench)
        await bench.run()

        assert len(listed(service)) == 12
        assert service.calls["changes_cursor"] == 0


@on_both[0]
@on_both[1]
@pytest.mark.promise("P3")
async def test_a_strangers_file_that_counted_as_there_is_looked_after(bench: Workbench) -> None:
    bench.destination.add_file("/f1/1", b"/f1 1", modified_ns=1_000_000_000)
    bench.source.add_file("/f1/1", b"/f1 1", modified_ns=1_000_000_000)
    for folder in FOLDERS[2:]:
        bench.source.add_file(f"{folder}/1", folder.encode())
    await bench.run()
    bench.destination.add_folder("/f9/nothing of ours")
    forget_calls(bench)

    unchanged = await bench.run()
    looked_at = listed(bench.destination)
    bench.destination.remove("/f1/1")
    removed = await bench.run()

    assert looked_at == {"/f9"}
    assert (await bench.files(unchanged.run))["/f1/1"] is ItemState.ALREADY_THERE
    assert (await bench.files(removed.run))["/f1/1"] is ItemState.COPIED


async def test_a_strangers_file_is_compared_once_more_if_the_source_changed(bench: Workbench) -> None:
    bench.destination.add_file("/f1/1", b"one", modified_ns=1_000_000_000)
    bench.source.add_file("/f1/1", b"one", modified_ns=1_000_000_000)
    await filled_beside(bench)
    bench.source.change_file("/f1/1", b"two", modified_ns=2_000_000_000)

    result = await bench.run()

    assert (await bench.files(result.run))["/f1/1"] is ItemState.CONFLICT


async def filled_beside(bench: Workbench) -> RunResult:
    for folder in FOLDERS[2:]:
        bench.source.add_file(f"{folder}/1", folder.encode())
    result = await bench.run()
    forget_calls(bench)
    return result


async def test_a_feed_that_is_too_old_costs_a_listing_and_a_remark(bench: Workbench) -> None:
    await filled(bench)
    bench.destination.remove("/f1/1")
    bench.destination.forget_changes()

    result = await bench.run()

    assert "the destination's change feed no longer reaches back" in result.message
    assert len(listed(bench.destination)) == 12
    assert bench.destination.tree() == bench.source.tree()

    forget_calls(bench)
    await bench.run()
    assert listed(bench.destination) == set()


@pytest.mark.parametrize("trouble", [NotFound("gone"), PermissionDenied("no")])
async def test_a_feed_in_trouble_costs_no_more_than_listings(
    bench: Workbench, trouble: PermissionDenied | NotFound
) -> None:
    bench.destination.faults.add("changes_cursor", error=trouble, times=None)
    await filled(bench)

    result = await bench.run()

    assert result.code is Code.NOTHING_TO_COPY
    assert len(listed(bench.destination)) == 12


async def test_a_feed_that_tells_late_is_heard_by_the_run_after(bench: Workbench) -> None:
    await filled(bench)
    bench.destination.remove("/f1/1")
    late = bench.destination.nodes.changed.pop()
    early = await bench.run()
    bench.destination.nodes.changed.append(late)

    result = await bench.run()

    assert (await bench.files(early.run))["/f1/1"] is ItemState.UNCHANGED
    assert (await bench.files(result.run))["/f1/1"] is ItemState.COPIED


@pytest.mark.parametrize(
    "options",
    [
        {"full": True},
        {"filters": Filters.build(exclude=["*.tmp"])},
        {"dry_run": True},
        {"mode": RunMode.VERIFY},
    ],
)
async def test_other_options_and_other_kinds_of_run_list_everything(
    bench: Workbench, options: dict[str, Any]
) -> None:
    await filled(bench)

    result = await bench.run(**options)

    assert len(listed(bench.destination)) == 12
    assert result.totals.files_skipped == 22


async def test_what_failed_is_tried_again(bench: Workbench) -> None:
    bench.source.faults.add("read", "/f1/1", error=PermissionDenied("no"))
    await filled(bench)

    result = await bench.run()

    assert listed(bench.destination) == {"/f1"}
    assert (await bench.files(result.run))["/f1/1"] is ItemState.COPIED


async def test_an_interrupted_run_goes_on_with_what_it_knew(bench: Workbench) -> None:
    await filled(bench)
    bench.source.change_file("/f1/1", b"changed")
    bench.source.faults.add("read", "/f1/1", error=SignInFailed("expired"))
    broken = await bench.run()
    bench.destination.remove("/f2/1")

    result = await bench.run()
    await bench.run()

    assert (broken.code, result.run) == (Code.SIGN_IN_FAILED, broken.run)
    assert result.totals.files_seen == 22
    assert bench.destination.tree() == bench.source.tree()


async def test_an_arrival_that_outlived_its_file_proves_nothing(bench: Workbench) -> None:
    await filled(bench)
    when = bench.source.nodes.at("/f1/1")
    assert when is not None
    bench.source.remove("/f1/1")
    await bench.run()
    bench.destination.remove("/f1/1")
    await bench.run()
    bench.source.add_file("/f1/1", b"/f1 1", modified_ns=when.modified_ns)

    result = await bench.run()

    assert (await bench.files(result.run))["/f1/1"] is ItemState.COPIED


async def test_what_a_run_with_other_options_did_meanwhile_is_no_secret(bench: Workbench) -> None:
    """The file is as it was for the run that is followed, and another one stands at the destination."""
    await filled(bench)
    was = bench.source.nodes.at("/f1/1")
    assert was is not None
    at_first = was.modified_ns
    bench.source.change_file("/f1/1", b"changed")
    await bench.run(filters=Filters.build(exclude=["*.tmp"]))
    bench.source.change_file("/f1/1", b"/f1 1", modified_ns=at_first)

    result = await bench.run()

    assert (await bench.files(result.run))["/f1/1"] is ItemState.REPLACED
    assert bench.destination.tree() == bench.source.tree()


async def test_a_file_renamed_at_the_source_is_renamed(tmp_path: Path) -> None:
    source = MemoryService(DRIVE, change_feed=False)
    async with workbench(tmp_path, source, MemoryService(CASELESS_DRIVE)) as bench:
        await filled(bench)
        source.move("/f1/1", "/f2/one")
        source.move("/f3", "/f4/f3")

        result = await bench.run()

        assert listed(bench.destination) == {"/f2", "/f4"}
        states = await bench.files(result.run)
        assert (states["/f2/one"], states["/f4/f3/1"]) == (ItemState.RENAMED, ItemState.RENAMED)


async def test_trouble_with_a_folder_of_the_destination_is_told_as_such(bench: Workbench) -> None:
    await filled(bench)
    bench.source.change_file("/f1/1", b"changed")
    bench.destination.faults.add("list_folder", "/f1", error=PermissionDenied("no"))

    result = await bench.run()

    row = (await bench.rows(result.run))["/f1"]
    assert (row["state"], row["side"]) == (ItemState.FAILED.value, "destination")


@on_both[0]
@on_both[1]
async def test_what_is_told_by_its_path_alone_is_found_at_any_depth(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(PATHS), ByPathService()) as bench:
        for folder in (*FOLDERS, "/f0/Deep", "/f0/Deep/er", "/f1/Deep"):
            bench.source.add_file(f"/in{folder}/1", folder.encode())
        await bench.run(source_root="/in", destination_root="/To")
        forget_calls(bench)
        for path in ("/To/f0/Deep/er/1", "/To/f1/Deep", "/To/f2/1"):
            bench.destination.remove(path)
        bench.destination.add_file("/elsewhere/f3/1")
        bench.destination.remove("/elsewhere/f3")

        result = await bench.run(source_root="/in", destination_root="/To")

        assert listed(bench.destination) == {"/To/f0/Deep/er", "/To/f1", "/To/f2"}
        files = await bench.files(result.run)
        copied = {path for path, state in files.items() if state is ItemState.COPIED}
        assert copied == {"/f0/Deep/er/1", "/f1/Deep/1", "/f2/1"}
