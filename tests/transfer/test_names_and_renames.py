from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.database_url import on_both
from tests.memory.service import CASELESS_DRIVE, DRIVE, PATHS, MemoryService
from tests.transfer.workbench import workbench

from mover.connectors.contract import Capabilities
from mover.entries import HashName
from mover.errors import Reason
from mover.ledger.states import Code, ItemState
from mover.transfer.filters import Filters

pytestmark = [*on_both, pytest.mark.slow]

HASHED_PATHS = replace(PATHS, listed_hashes=frozenset({HashName.SHA256}))


async def test_names_that_the_destination_forbids_are_replaced_and_told(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(CASELESS_DRIVE)) as bench:
        bench.source.add_file("/a:b?.txt", b"x")
        bench.source.add_file("/ends with dot./inside", b"y")

        first = await bench.run()
        second = await bench.run()

        rows = await bench.rows(first.run)
        assert rows["/a:b?.txt"]["destination_name"] == "a：b？.txt"  # noqa: RUF001 - the look-alikes are the point
        assert "renamed" in rows["/a:b?.txt"]["message"]
        assert sorted(bench.destination.tree().values()) == [b"x", b"y"]
        assert second.code is Code.NOTHING_TO_COPY


async def test_names_that_differ_in_case_only_both_arrive_and_stay_where_they_are(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(CASELESS_DRIVE)) as bench:
        bench.source.add_file("/Readme.md", b"one")
        bench.source.add_file("/README.md", b"two")
        bench.source.add_file("/readme.md", b"three")

        await bench.run()
        arrived = bench.destination.tree()
        bench.source.change_file("/README.md", b"two, changed")
        second = await bench.run()

        assert sorted(arrived.values()) == [b"one", b"three", b"two"]
        assert sorted(bench.destination.tree().values()) == [b"one", b"three", b"two, changed"]
        assert second.totals.files_moved == 1


async def test_entries_of_one_name_in_a_folder_all_arrive(tmp_path: Path) -> None:
    source = MemoryService(replace(DRIVE, duplicate_names=True))
    source.add_file("/a.txt", b"one")
    source.add_file("/a.txt", b"two")
    async with workbench(tmp_path, source) as bench:
        await bench.run()
        second = await bench.run()

        assert sorted(bench.destination.tree()) == ["/a (2).txt", "/a.txt"]
        assert sorted(bench.destination.tree().values()) == [b"one", b"two"]
        assert second.code is Code.NOTHING_TO_COPY


async def test_a_name_that_is_too_long_is_reported_and_the_rest_moves(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(CASELESS_DRIVE)) as bench:
        bench.source.add_file("/" + "n" * 300, b"x")
        bench.source.add_file("/ok", b"y")

        result = await bench.run()

        row = (await bench.rows(result.run))["/" + "n" * 300]
        assert (row["state"], row["reason"]) == (ItemState.FAILED, Reason.PATH_TOO_LONG)
        assert bench.destination.tree() == {"/ok": b"y"}


async def test_a_file_renamed_at_the_source_is_renamed_and_not_sent_again(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/old/a.txt", b"content")
        await bench.run()
        bench.source.add_folder("/new")
        bench.source.move("/old/a.txt", "/new/b.txt")
        bench.source.calls.clear()

        result = await bench.run()

        assert bench.destination.tree() == {"/new/b.txt": b"content"}
        assert await bench.files(result.run) == {"/new/b.txt": ItemState.RENAMED}
        assert bench.source.calls["read"] == 0
        assert (await bench.run()).code is Code.NOTHING_TO_COPY


async def test_a_rename_is_recognised_by_hash_where_there_are_no_ids(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(HASHED_PATHS)) as bench:
        bench.source.add_file("/a", b"content")
        await bench.run()
        bench.source.move("/a", "/b")

        result = await bench.run()

        assert await bench.files(result.run) == {"/b": ItemState.RENAMED}
        assert bench.destination.tree() == {"/b": b"content"}


async def test_a_copy_made_at_the_source_is_no_rename(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(HASHED_PATHS)) as bench:
        bench.source.add_file("/a", b"content")
        await bench.run()
        bench.source.add_file("/b", b"content")

        result = await bench.run()

        assert await bench.files(result.run) == {"/a": ItemState.UNCHANGED, "/b": ItemState.COPIED}
        assert bench.destination.tree() == {"/a": b"content", "/b": b"content"}


async def test_a_rename_is_copied_where_the_destination_cannot_rename(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(renames=False)) as bench:
        bench.source.add_file("/a", b"content")
        await bench.run()
        bench.source.move("/a", "/b")

        await bench.run()

        assert bench.destination.tree() == {"/a": b"content", "/b": b"content"}


async def test_a_document_without_a_size_arrives(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_native("/report", lambda: b"exported" * 1000)
        bench.source.add_native("/huge", lambda: b"x" * (20 << 20))
        bench.source.add_native("/empty", lambda: b"")

        result = await bench.run()

        assert result.code is Code.SUCCESS
        tree = bench.destination.tree()
        assert tree["/report"] == b"exported" * 1000
        assert len(tree["/huge"]) == 20 << 20
        assert tree["/empty"] == b""


async def test_links_and_what_is_excluded_have_their_own_outcome(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_shortcut("/link", "/elsewhere")
        bench.source.add_file("/keep.txt", b"x")
        bench.source.add_file("/drop.tmp", b"x")
        bench.source.add_file("/cache/thing", b"x")

        result = await bench.run(filters=Filters.build(exclude=["*.tmp", "/cache/**"]))

        assert bench.destination.tree() == {"/keep.txt": b"x"}
        states = await bench.states(result.run)
        assert states["/link"] is ItemState.UNSUPPORTED
        assert states["/drop.tmp"] is ItemState.EXCLUDED
        assert result.code is Code.UNSUPPORTED_NOT_MOVED
        totals = result.totals
        assert totals.files_seen == totals.files_moved + totals.files_skipped + totals.files_problem


@pytest.mark.slow
async def test_a_huge_flat_folder_is_compared_page_by_page(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(PATHS), MemoryService(PATHS)) as bench:
        for n in range(12_000):
            bench.source.add_file(f"/{n:05}", b"", modified_ns=1_600_000_000_000_000_000)
            bench.destination.add_file(f"/{n:05}", b"", modified_ns=1_600_000_000_000_000_000)
        bench.source.add_file("/new", b"x")

        result = await bench.run()

        assert result.totals.files_skipped == 12_000
        assert result.totals.files_moved == 1


async def test_a_folder_below_the_root_of_a_service_can_be_the_end_of_a_pair(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/users/alice/docs/a", b"x")
        bench.source.add_file("/users/bob/b", b"y")

        await bench.run(source_root="/users/alice", destination_root="/archive/2026/alice")

        assert bench.destination.tree() == {"/archive/2026/alice/docs/a": b"x"}


async def test_listed_paths_that_are_not_at_the_source_are_named(tmp_path: Path) -> None:
    listing = tmp_path / "list"
    listing.write_text("docs/a\ndocs/missing\n")
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/docs/a", b"x")
        bench.source.add_file("/docs/b", b"y")

        result = await bench.run(filters=Filters.build(files_from=listing))

        assert bench.destination.tree() == {"/docs/a": b"x"}
        assert result.code is Code.SOME_DOWNLOADS_FAILED
        assert result.message == "1 listed paths are not at the source: /docs/missing"


async def test_a_file_that_is_only_filtered_out_is_not_taken_for_renamed(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(HASHED_PATHS)) as bench:
        bench.source.add_file("/archive/a", b"content")
        await bench.run()
        bench.source.add_file("/b", b"content")

        await bench.run(filters=Filters.build(exclude=["/archive/**"]))

        assert bench.destination.tree() == {"/archive/a": b"content", "/b": b"content"}


@pytest.mark.parametrize("destination", [DRIVE, CASELESS_DRIVE, PATHS])
async def test_a_file_saved_anew_under_another_id_replaces_our_copy_of_the_one_before(
    tmp_path: Path, destination: Capabilities
) -> None:
    async with workbench(tmp_path, destination=MemoryService(destination)) as bench:
        bench.source.add_file("/docs/a.txt", b"one")
        await bench.run()
        bench.source.remove("/docs/a.txt")
        bench.source.add_file("/docs/a.txt", b"two!")

        dry = await bench.run(dry_run=True)
        second = await bench.run()
        third = await bench.run()

        assert (await bench.rows(dry.run))["/docs/a.txt"]["destination_name"] == "a.txt"
        assert await bench.files(second.run) == {"/docs/a.txt": ItemState.REPLACED}
        assert bench.destination.tree() == {"/docs/a.txt": b"two!"}
        assert third.code is Code.NOTHING_TO_COPY


@pytest.mark.promise("P4")
async def test_a_copy_that_was_edited_at_the_destination_is_nobodys_heritage(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/a", b"one")
        await bench.run()
        bench.source.remove("/a")
        bench.source.add_file("/a", b"two!")
        bench.destination.change_file("/a", b"edited")

        result = await bench.run()

        assert bench.destination.tree() == {"/a": b"edited"}
        assert await bench.files(result.run) == {"/a": ItemState.CONFLICT}


@pytest.mark.parametrize("destination", [DRIVE, CASELESS_DRIVE, PATHS])
async def test_files_that_changed_places_do_so_at_the_destination(
    tmp_path: Path, destination: Capabilities
) -> None:
    async with workbench(tmp_path, destination=MemoryService(destination)) as bench:
        bench.source.add_file("/a", b"one")
        bench.source.add_file("/b", b"two")
        await bench.run()
        for old, new in (("/a", "/t"), ("/b", "/a"), ("/t", "/b")):
            bench.source.move(old, new)

        result = await bench.run()

        assert result.code is Code.SUCCESS
        assert bench.destination.tree() == {"/a": b"two", "/b": b"one"}


async def test_a_name_of_other_case_takes_the_place_of_the_one_that_is_gone(tmp_path: Path) -> None:
    async with workbench(tmp_path, MemoryService(PATHS), MemoryService(CASELESS_DRIVE)) as bench:
        bench.source.add_file("/a.txt", b"one")
        await bench.run()
        bench.source.remove("/a.txt")
        bench.source.add_file("/A.txt", b"two!")

        await bench.run()

        assert list(bench.destination.tree().values()) == [b"two!"]
