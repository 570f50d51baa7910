from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from tests.database_url import on_both
from tests.memory.connector import MemoryChanges, MemoryConnector
from tests.memory.service import CASELESS_DRIVE, DRIVE, PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Change
from mover.errors import PermissionDenied, SignInFailed, Unsupported
from mover.ledger.states import Code, ItemState
from mover.ledger.tables import items, runs
from mover.transfer.filters import Filters

pytestmark = [*on_both, pytest.mark.slow]


def total_calls(bench: Workbench) -> int:
    return sum(bench.source.calls.values()) + sum(bench.destination.calls.values())


def listed(service: MemoryService) -> set[str]:
    return {path for operation, path in service.journal if operation == "list_folder"}


def forget_calls(bench: Workbench) -> None:
    for service in (bench.source, bench.destination):
        service.calls.clear()
        service.journal.clear()


async def filled(bench: Workbench) -> None:
    for folder in ("a", "a/deep", "b", "c"):
        for name in ("1", "2"):
            bench.source.add_file(f"/{folder}/{name}", f"{folder} {name}".encode())
    bench.source.add_shortcut("/c/link", "/a/1")
    await bench.run()
    forget_calls(bench)


async def test_a_run_after_which_nothing_changed_lists_nothing(bench: Workbench) -> None:
    await filled(bench)

    result = await bench.run()

    assert result.code is Code.UNSUPPORTED_NOT_MOVED
    assert (result.totals.files_seen, result.totals.files_skipped, result.totals.folders_seen) == (9, 8, 4)
    assert bench.source.calls["list_folder"] == bench.destination.calls["list_folder"] == 0
    assert total_calls(bench) <= 10
    assert bench.progress.files_seen == 9


async def test_only_what_changed_is_listed(bench: Workbench) -> None:
    await filled(bench)
    bench.source.change_file("/a/deep/1", b"changed")
    bench.source.add_file("/b/new", b"new")

    result = await bench.run()

    assert listed(bench.source) == listed(bench.destination) == {"/a/deep", "/b"}
    states = await bench.files(result.run)
    assert states["/a/deep/1"] is ItemState.REPLACED
    assert states["/b/new"] is ItemState.COPIED
    assert bench.destination.tree() == bench.source.tree()


async def test_a_change_is_looked_at_by_two_runs_and_no_more(bench: Workbench) -> None:
    await filled(bench)
    bench.source.change_file("/b/1", b"changed")
    await bench.run()
    bench.source.nodes.changed.append("e1")  # told once more, with nothing new
    forget_calls(bench)

    await bench.run()
    await bench.run()

    assert listed(bench.source) == set()


async def test_a_folder_that_was_moved_is_listed_with_all_that_is_in_it(bench: Workbench) -> None:
    await filled(bench)
    bench.source.move("/a", "/b/a")

    result = await bench.run()

    assert listed(bench.source) == {"/", "/b", "/b/a", "/b/a/deep"}
    assert bench.destination.tree() == bench.source.tree()
    assert (await bench.files(result.run))["/b/a/deep/1"] is ItemState.RENAMED


async def test_what_left_the_pair_is_no_longer_seen_and_what_came_into_it_is_copied(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/in/a/1", b"one")
        bench.source.add_file("/out/b/2", b"two")
        await bench.run(source_root="/in")
        bench.source.move("/in/a", "/out/a")
        bench.source.move("/out/b", "/in/b")

        result = await bench.run(source_root="/in")

        assert await bench.files(result.run) == {"/b/2": ItemState.COPIED}


async def test_what_was_removed_at_the_destination_is_copied_again(bench: Workbench) -> None:
    await filled(bench)
    bench.destination.remove("/a/deep")
    bench.destination.remove("/c/1")

    result = await bench.run()

    assert bench.destination.tree() == bench.source.tree()
    assert listed(bench.source) == {"/a", "/a/deep", "/c"}
    assert result.totals.files_moved == 3


async def test_what_somebody_does_at_the_destination_during_a_run_is_seen_by_the_next(
    bench: Workbench,
) -> None:
    bench.source.add_file("/a/1", b"one")
    bench.source.add_file("/b/2", b"two")
    bench.destination.faults.add(
        "set_modified", action=lambda: bench.destination.change_file("/a/1", b"theirs"), times=1
    )
    await bench.run()
    forget_calls(bench)

    second = await bench.run()
    third = await bench.run()

    assert listed(bench.source) == {"/a"}
    for result in (second, third):
        assert (await bench.files(result.run))["/a/1"] is ItemState.LEFT_ALONE


async def test_what_failed_is_tried_again(bench: Workbench) -> None:
    bench.source.add_file("/a/1", b"one")
    bench.source.add_file("/b/1", b"one")
    bench.source.faults.add("read", "/a/1", error=PermissionDenied("no"))
    await bench.run()

    result = await bench.run()

    assert bench.destination.tree() == bench.source.tree()
    assert (await bench.files(result.run)) == {"/a/1": ItemState.COPIED, "/b/1": ItemState.UNCHANGED}


@pytest.mark.parametrize("options", [{"full": True}, {"filters": Filters.build(exclude=["*.tmp"])}])
async def test_a_run_with_other_options_lists_everything(bench: Workbench, options: dict[str, Any]) -> None:
    await filled(bench)

    result = await bench.run(**options)

    assert listed(bench.source) == {"/", "/a", "/a/deep", "/b", "/c"}
    assert result.totals.files_skipped == 8


async def test_a_cursor_that_is_too_old_costs_a_listing_and_a_remark(bench: Workbench) -> None:
    await filled(bench)
    bench.source.change_file("/a/1", b"changed")
    bench.source.forget_changes()

    result = await bench.run()

    assert "no longer reaches back" in result.message
    assert bench.destination.tree() == bench.source.tree()


async def test_where_the_destinations_feed_is_too_old_its_folders_are_listed(bench: Workbench) -> None:
    await filled(bench)
    bench.destination.remove("/a/deep/1")
    bench.destination.forget_changes()

    result = await bench.run()

    assert "the destination's change feed no longer reaches back" in result.message
    assert listed(bench.source) == set()
    assert bench.destination.tree() == bench.source.tree()


async def test_a_destination_without_a_feed_is_listed_and_the_source_is_not(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(PATHS, change_feed=False)) as bench:
        await filled(bench)
        bench.source.change_file("/b/1", b"changed")
        bench.destination.remove("/a/deep/1")

        result = await bench.run()

        assert listed(bench.source) == {"/b"}
        assert listed(bench.destination) == {"/", "/a", "/a/deep", "/b", "/c"}
        assert bench.destination.tree() == bench.source.tree()
        states = await bench.states(result.run)
        assert states["/c/link"] is ItemState.UNSUPPORTED
        assert result.totals.files_moved == 2


async def test_a_feed_that_does_not_cover_the_folder_is_no_trouble(bench: Workbench) -> None:
    bench.source.faults.add("changes_cursor", error=Unsupported("several drives"), times=None)
    bench.source.add_file("/a", b"one")

    first = await bench.run()
    second = await bench.run()

    assert (first.code, first.message) == (Code.SUCCESS, "")
    assert second.code is Code.NOTHING_TO_COPY


async def test_an_interrupted_run_that_follows_goes_on_with_what_it_knew(bench: Workbench) -> None:
    await filled(bench)
    bench.source.change_file("/a/deep/1", b"changed")
    bench.source.faults.add("read", "/a/deep/1", error=SignInFailed("expired"))
    broken = await bench.run()
    bench.source.change_file("/b/1", b"changed later")

    result = await bench.run()
    last = await bench.run()

    assert broken.code is Code.SIGN_IN_FAILED
    assert result.run == broken.run
    assert result.totals.files_seen == 9
    assert (await bench.files(last.run))["/b/1"] is ItemState.REPLACED
    assert bench.destination.tree() == bench.source.tree()


async def test_what_others_had_put_there_before_is_still_looked_after(bench: Workbench) -> None:
    bench.source.add_file("/a/1", b"the same")
    bench.destination.add_file("/a/1", b"the same")
    await bench.run()
    unchanged = await bench.run()
    bench.destination.remove("/a/1")

    result = await bench.run()

    assert await bench.files(unchanged.run) == {"/a/1": ItemState.ALREADY_THERE}
    assert await bench.files(result.run) == {"/a/1": ItemState.COPIED}


async def test_names_that_the_destination_changed_stay_as_they_are(tmp_path: Path) -> None:
    source = MemoryService(replace(DRIVE, duplicate_names=True))
    async with workbench(tmp_path, source) as bench:
        bench.source.add_file("/a/x", b"one")
        bench.source.add_file("/a/x", b"two")
        first = await bench.run()
        second = await bench.run()

        names = [
            {row["source_key"]: row["destination_name"] for row in (await bench.rows(result.run)).values()}
            for result in (first, second)
        ]
        assert names[0] == names[1]
        assert second.code is Code.NOTHING_TO_COPY


class ByPath(MemoryChanges):
    """A feed that tells what was removed by its path, as Dropbox does."""

    def __init__(self, connector: MemoryConnector) -> None:
        super().__init__(connector)
        self.gone = connector.account.gone  # type: ignore[attr-defined]

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        async for changes, after in super().since(cursor):
            yield (
                [
                    Change("", None, path=self.gone[change.id].upper()) if change.entry is None else change
                    for change in changes
                ],
                after,
            )


class ByPathService(MemoryService):
    """It takes `A` and `a` for one, and remembers where things stood that are gone."""

    def __init__(self) -> None:
        super().__init__(CASELESS_DRIVE)
        self.gone: dict[str, str] = {}

    def connector(self) -> MemoryConnector:
        made = super().connector()
        made.changes = ByPath(made)
        return made

    def remove(self, path: str) -> None:
        node = self.nodes.at(path)
        assert node is not None
        for one in (*self.nodes.walk(node), node):
            self.gone[one.id] = self.nodes.path(one)
        super().remove(path)


async def test_what_is_told_by_its_path_alone_is_found(tmp_path: Path) -> None:
    async with workbench(tmp_path, ByPathService(), ByPathService()) as bench:
        for path in ("/in/a/1", "/in/a/2", "/in/b/1", "/out/1"):
            bench.source.add_file(path, path.encode())
        await bench.run(source_root="/in", destination_root="/to")
        forget_calls(bench)
        bench.source.remove("/in/a/1")
        bench.source.remove("/out/1")
        bench.destination.remove("/to/b")

        result = await bench.run(source_root="/in", destination_root="/to")

        assert listed(bench.source) == {"/in", "/in/a", "/in/b"}
        assert await bench.files(result.run) == {"/a/2": ItemState.UNCHANGED, "/b/1": ItemState.COPIED}


async def test_another_account_behind_the_same_connection_is_listed(bench: Workbench) -> None:
    await filled(bench)
    bench.who = "somebody else"

    await bench.run()

    assert listed(bench.source) == {"/", "/a", "/a/deep", "/b", "/c"}


async def test_a_run_whose_items_were_removed_is_not_followed(bench: Workbench) -> None:
    await filled(bench)
    await bench.database.write(
        lambda connection: (
            connection.execute(update(runs).values(basis=None)),
            connection.execute(delete(items).where(items.c.name == "1")),
        )
    )

    result = await bench.run()

    assert result.totals.files_seen == 9


@pytest.mark.parametrize("feed", [True, False])
async def test_a_run_whose_base_is_removed_in_the_middle_lists_what_is_left(
    bench: Workbench, *, feed: bool
) -> None:
    bench.destination.change_feed = feed
    await filled(bench)
    bench.source.change_file("/a/1", b"changed")
    bench.source.faults.add("list_folder", "/a", error=SignInFailed("expired"))
    broken = await bench.run()
    await bench.database.write(
        lambda connection: (
            connection.execute(update(runs).where(runs.c.id < broken.run).values(basis=None)),
            connection.execute(delete(items).where(items.c.run_id < broken.run)),
        )
    )

    result = await bench.run()

    assert (result.run, result.totals.files_seen) == (broken.run, 9)
    assert bench.destination.tree() == bench.source.tree()


async def test_a_listing_that_lags_behind_the_feed_is_made_up_for(bench: Workbench) -> None:
    await filled(bench)
    new = bench.source.add_file("/b/new", b"new")
    hidden = bench.source.nodes.at("/b/new")
    assert hidden is not None
    parent = bench.source.nodes.at("/b")
    assert parent is not None
    del bench.source.nodes._children[parent.id][hidden.id]  # the listing does not show it yet
    await bench.run()
    bench.source.nodes._children[parent.id][hidden.id] = hidden

    await bench.run()

    assert bench.destination.tree() == bench.source.tree()
    assert new.id == hidden.id


async def test_what_a_run_did_itself_is_not_told_to_the_next_one(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(page_size=2)) as bench:
        await filled(bench)

        await bench.run()

        assert bench.destination.calls["changes_since"] == 1


async def test_where_each_line_costs_a_call_no_run_reads_what_it_did_itself(tmp_path: Path) -> None:
    destination = MemoryService(replace(DRIVE, described_changes=False))
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a/1", b"one")
        await bench.run()
        assert destination.calls["changes_since"] == 0
        forget_calls(bench)
        destination.remove("/a/1")

        second = await bench.run()
        looked_at = listed(bench.source), listed(destination)
        await bench.run()
        forget_calls(bench)
        await bench.run()

        assert looked_at == (set(), {"/", "/a"})
        assert await bench.files(second.run) == {"/a/1": ItemState.COPIED}
        assert (listed(bench.source), listed(destination)) == (set(), set())
