"""A first run out of a service that tells all below a folder at once: it lists no folder, and loses nothing by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select
from tests.database_url import on_both
from tests.memory.service import CASELESS_DRIVE, MemoryService
from tests.memory.trees import MemoryTrees
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import TreeLine, TreePage
from mover.entries import EntryKind, EntryRef
from mover.errors import NotFound, PermissionDenied, SignInFailed, Unreachable
from mover.ledger.states import Code, RunMode
from mover.ledger.tables import tree_entries, trees
from mover.transfer import known, tree
from mover.transfer.filters import Filters

pytestmark = on_both

FOLDERS = ("a", "a/deep", "a/deep/deeper", "b", "c")
ENTRIES = 3 * len(FOLDERS)
PAGE = 4


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    """A source of some folders whose tree is told in pages of four lines."""
    async with workbench(tmp_path, MemoryService(CASELESS_DRIVE, tree_page=PAGE)) as made:
        for folder in FOLDERS:
            for name in ("1", "2"):
                made.source.add_file(f"/{folder}/{name}", f"{folder} {name}".encode())
        yield made


async def kept(bench: Workbench) -> int:
    """Rows about trees that are in the ledger."""
    rows = [
        await bench.database.read(
            lambda c, table=table: c.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[misc]
        )
        for table in (trees, tree_entries)
    ]
    return sum(rows)


async def stopped(bench: Workbench, waiting: asyncio.Event) -> None:
    """Run until it waits for something, and end it there."""
    task = asyncio.create_task(bench.run())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench.source.faults.clear()
    bench.destination.faults.clear()


async def test_a_first_run_lists_no_folder_and_asks_for_no_cursor(bench: Workbench) -> None:
    result = await bench.run()

    assert (result.code, result.message) == (Code.SUCCESS, "")
    assert bench.destination.tree() == bench.source.tree()
    assert bench.source.calls["list_folder"] == bench.source.calls["changes_cursor"] == 0
    assert bench.source.calls["list_tree"] == -(-ENTRIES // PAGE)
    assert bench.progress.files_told == bench.progress.files_seen == 10
    assert await kept(bench) == 0


async def test_the_source_hears_which_folders_are_taken_up_whole_and_in_order(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "_PAGE", 2)
    bench.source.add_folder("/empty")

    await bench.run()

    heard: dict[str, list[str]] = {}
    for folder, names, begins, ends in bench.source.taken_up:
        assert begins is (folder not in heard), "a folder begins once"
        heard.setdefault(folder, []).extend([*names, "."] if ends else names)
    assert heard == {
        "/": ["a", "b", "c", "empty", "."],
        "/a": ["1", "2", "deep", "."],
        "/a/deep": ["1", "2", "deeper", "."],
        "/a/deep/deeper": ["1", "2", "."],
        "/b": ["1", "2", "."],
        "/c": ["1", "2", "."],
        "/empty": ["."],
    }


async def test_the_next_run_follows_it(bench: Workbench) -> None:
    await bench.run()
    bench.source.change_file("/b/1", b"changed")
    bench.source.journal.clear()

    await bench.run()

    assert bench.destination.tree() == bench.source.tree()
    told = [path for operation, path in bench.source.journal if operation in {"list_folder", "list_tree"}]
    assert told == ["/b"]


async def test_a_look_and_a_verification_take_it_too(bench: Workbench) -> None:
    looked = await bench.run(RunMode.SCAN)
    await bench.run(full=True)
    verified = await bench.run(RunMode.VERIFY)

    assert looked.totals.files_seen == verified.totals.files_seen == 10
    assert bench.source.calls["list_folder"] == 0


async def test_a_pair_of_a_folder_takes_that_folder(bench: Workbench) -> None:
    await bench.run(source_root="/a")

    assert set(bench.destination.tree()) == {
        "/1",
        "/2",
        "/deep/1",
        "/deep/2",
        "/deep/deeper/1",
        "/deep/deeper/2",
    }
    assert bench.source.calls["list_folder"] == 0


async def test_a_reading_that_was_interrupted_goes_on_where_it_was(bench: Workbench) -> None:
    await stopped(bench, bench.source.faults.add("list_tree", skip=2, stall=asyncio.Event()).reached)
    calls = bench.source.calls["list_tree"]
    bench.source.change_file("/c/2", b"changed meanwhile")

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == bench.source.tree()
    assert bench.source.calls["list_folder"] == 0
    assert bench.source.calls["list_tree"] - calls <= -(-ENTRIES // PAGE) - 1


async def test_a_scan_that_was_interrupted_needs_no_second_reading(bench: Workbench) -> None:
    await stopped(bench, bench.destination.faults.add("create_folder", skip=3, stall=asyncio.Event()).reached)
    bench.source.calls.clear()

    result = await bench.run()

    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == bench.source.tree()
    assert bench.source.calls["list_folder"] == bench.source.calls["list_tree"] == 0
    assert await kept(bench) == 0


async def test_a_run_that_follows_another_one_after_all_uses_no_older_tree(bench: Workbench) -> None:
    await bench.run()
    bench.source.faults.add("changes_since", error=PermissionDenied("not now"))
    reached = bench.destination.faults.add("create_folder", stall=asyncio.Event()).reached
    bench.source.add_file("/new/1", b"new")
    await stopped(bench, reached)
    bench.source.change_file("/new/1", b"newer")

    await bench.run()
    await bench.run()

    assert bench.destination.tree() == bench.source.tree()


@pytest.mark.parametrize("error", [PermissionDenied("no"), Unreachable("away")])
async def test_trouble_in_the_middle_costs_calls_and_nothing_else(bench: Workbench, error: Exception) -> None:
    assert isinstance(error, PermissionDenied | Unreachable)
    bench.source.faults.add("list_tree", skip=1, times=None, error=error)

    result = await bench.run()

    assert (result.code, result.message) == (Code.SUCCESS, "")
    assert bench.destination.tree() == bench.source.tree()
    assert bench.source.calls["list_folder"] == len(FOLDERS) + 1
    bench.source.change_file("/b/1", b"changed")
    bench.source.calls.clear()
    await bench.run()
    assert bench.destination.tree() == bench.source.tree()
    assert (bench.source.calls["list_folder"], bench.source.calls["list_tree"]) == (1, 0)


async def test_it_is_not_tried_again_in_a_run_that_gave_it_up(bench: Workbench) -> None:
    bench.source.faults.add("list_tree", skip=1, error=PermissionDenied("no"))
    await stopped(bench, bench.destination.faults.add("create_folder", stall=asyncio.Event()).reached)
    bench.source.calls.clear()

    await bench.run()

    assert bench.source.calls["list_tree"] == 0
    assert bench.destination.tree() == bench.source.tree()


async def test_a_sign_in_that_ended_ends_the_run_which_goes_on_later(bench: Workbench) -> None:
    bench.source.faults.add("list_tree", skip=2, error=SignInFailed("sign in again"))
    ended = await bench.run()
    calls = bench.source.calls["list_tree"]

    result = await bench.run()

    assert (ended.code, ended.finished) == (Code.SIGN_IN_FAILED, False)
    assert result.code is Code.SUCCESS
    assert bench.source.calls["list_folder"] == 0
    assert bench.source.calls["list_tree"] - calls == -(-ENTRIES // PAGE) - 2
    assert bench.destination.tree() == bench.source.tree()


async def test_a_place_that_was_lost_once_is_read_anew_and_one_lost_twice_listed(bench: Workbench) -> None:
    bench.source.faults.add("list_tree", skip=2, error=NotFound("lost"))
    await bench.run()
    assert bench.source.calls["list_folder"] == 0
    assert bench.progress.files_told == bench.progress.files_seen, "what is told twice counts once"
    assert bench.destination.tree() == bench.source.tree()

    for _ in range(2):
        bench.source.faults.add("list_tree", skip=1, error=NotFound("lost"))
    await bench.run(full=True)
    assert bench.source.calls["list_folder"] == len(FOLDERS) + 1


def changes(service: MemoryService) -> list[Callable[[], object]]:
    """What somebody does while the tree is read, a step a page."""
    return [
        lambda: service.move("/a/deep", "/c/moved"),
        lambda: service.add_file("/a/deep/3", b"in the place of what was moved"),
        lambda: service.remove("/b"),
        lambda: service.add_file("/b", b"a file where a folder was"),
        lambda: service.move("/a", "/A"),
        lambda: service.change_file("/c/1", b"changed"),
        lambda: service.move("/c/moved", "/c/moved again"),
    ]


@pytest.mark.parametrize("when", range(4))
async def test_what_changes_while_it_is_read_is_there_in_the_end(bench: Workbench, when: int) -> None:
    for step in changes(bench.source):
        bench.source.faults.add("list_tree", skip=when, action=step)

    result = await bench.run()
    after = await bench.run()

    assert result.code is Code.SUCCESS
    assert after.code in {Code.SUCCESS, Code.NOTHING_TO_COPY}
    assert bench.destination.tree() == bench.source.tree()


async def test_what_changes_after_the_last_page_is_for_the_next_run(bench: Workbench) -> None:
    bench.destination.faults.add(
        "create_folder", action=lambda: bench.source.add_file("/c/late/1", b"came late")
    )

    first = await bench.run()
    await bench.run()

    assert first.totals.files_moved == 10
    assert bench.destination.tree() == bench.source.tree()


# Services that do not keep to what they promise.

Spoiling = Callable[[Sequence[TreeLine]], Sequence[TreeLine]]


def told_by(monkeypatch: pytest.MonkeyPatch, spoil: Spoiling) -> None:
    """Have trees told in one page that is spoiled."""
    whole = MemoryTrees.below

    async def below(
        self: MemoryTrees, folder: EntryRef, cursor: str | None = None
    ) -> AsyncGenerator[TreePage, None]:
        lines: list[TreeLine] = []
        async for page in whole(self, folder, cursor):
            lines += page.lines
        yield TreePage(spoil(lines), page.cursor, page.feed)

    monkeypatch.setattr(MemoryTrees, "below", below)


def without(name: str) -> Spoiling:
    return lambda lines: [line for line in lines if line.entry is None or line.entry.name != name]


def twice(lines: Sequence[TreeLine]) -> Sequence[TreeLine]:
    return [*lines, *reversed(lines)]


def nowhere(lines: Sequence[TreeLine]) -> Sequence[TreeLine]:
    return [*lines, msgspec.structs.replace(lines[0], place="elsewhere")]


def nul(lines: Sequence[TreeLine]) -> Sequence[TreeLine]:
    return [*lines, msgspec.structs.replace(lines[0], place="/\0")]


def endless_path(lines: Sequence[TreeLine]) -> Sequence[TreeLine]:
    return [*lines, msgspec.structs.replace(lines[0], place="/x" * 5_000)]


def below_a_file(lines: Sequence[TreeLine]) -> Sequence[TreeLine]:
    file = next(line for line in lines if line.entry is not None and line.entry.kind is EntryKind.FILE)
    return [*lines, msgspec.structs.replace(file, place=f"{file.place}/inner")]


def a_folder_twice(lines: Sequence[TreeLine]) -> Sequence[TreeLine]:
    """One folder at two places, the second one within itself and without what is in it."""
    folder = next(line for line in lines if line.entry is not None and line.entry.name == "deep")
    return [*lines, msgspec.structs.replace(folder, place=f"{folder.place}/again")]


def without_ids(lines: Sequence[TreeLine]) -> Sequence[TreeLine]:
    return [
        msgspec.structs.replace(line, entry=msgspec.structs.replace(line.entry, id=None))
        if line.entry is not None and line.entry.name == "deep"
        else line
        for line in lines
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        *(without("a"), without("deep"), without("deeper"), twice, nowhere, nul),
        *(endless_path, below_a_file, a_folder_twice, without_ids),
    ],
)
async def test_nothing_is_lost_if_the_service_tells_nonsense(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, spoil: Spoiling
) -> None:
    told_by(monkeypatch, spoil)

    await bench.run()

    assert bench.source.tree().items() <= bench.destination.tree().items()


@pytest.mark.parametrize("pages", [1, 200])
async def test_a_reading_that_never_comes_to_its_end_is_given_up(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    async def below(
        _: MemoryTrees, _folder: EntryRef, _cursor: str | None = None
    ) -> AsyncGenerator[TreePage, None]:
        for number in range(pages):
            yield TreePage((), str(number))

    monkeypatch.setattr(MemoryTrees, "below", below)

    await bench.run()

    assert bench.destination.tree() == bench.source.tree()


async def test_what_filters_keep_out_is_not_read_to_its_end(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "_JUDGED_FROM", 3 * PAGE)
    for number in range(100):
        bench.source.add_file(f"/logs/of/{number}", b"x")
    filters = Filters.build(exclude=["logs/"])

    await bench.run(filters=filters)

    assert len(bench.destination.tree()) == 10
    assert 3 <= bench.source.calls["list_tree"] <= 15
    assert bench.source.calls["list_folder"] == len(FOLDERS) + 1


async def test_a_list_of_paths_is_walked_to(bench: Workbench) -> None:
    await bench.run(filters=Filters.build(paths=["/a/1"]))

    assert bench.source.calls["list_tree"] == 0
    assert bench.destination.tree() == {"/a/1": b"a 1"}
