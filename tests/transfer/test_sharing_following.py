"""Permissions by change feeds: only what changed is asked about, and what decides about the rest is noticed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.memory.directory import Directory
from tests.memory.service import MemoryService
from tests.transfer.test_sharing import GROUP, PERSON, THERE, lines, named, rules
from tests.transfer.workbench import Workbench, workbench

from mover.entries import AccessRole, GranteeKind
from mover.errors import SignInFailed
from mover.ledger.grants import GrantState
from mover.ledger.states import ItemState
from mover.ledger.tables import accesses, folders, runs
from mover.transfer.sharing_rules import SharingRules

pytestmark = [pytest.mark.slow, pytest.mark.promise("P13")]

READ, WRITE = AccessRole.READ, AccessRole.WRITE
RULES = rules()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    """A source with twelve folders, some of it shared, and what a first run and a second made of it."""
    one = MemoryService(directory=Directory(), sharing_feed=True)
    other = MemoryService(
        directory=Directory(domain=THERE.domain, owner=THERE.owner, people=THERE.people, groups=THERE.groups),
        sharing_feed=True,
    )
    for outer in "abc":
        for inner in range(3):
            for number in range(2):
                one.add_file(f"/top/{outer}/{inner}/{number}", f"{outer}{inner}{number}".encode())
    one.share("/top", "cleo@example.org")
    one.share("/top/a", "ann@example.org", WRITE)
    one.share("/top/b/1/1", "ben@example.org")
    other.add_folder("/into")
    async with workbench(tmp_path, one, other) as made:
        await run(made)
        await run(made)
        forget(made)
        yield made


async def run(bench: Workbench, sharing: SharingRules | None = RULES, *, full: bool = False) -> int:
    """Run the pair; returns its number."""
    result = await bench.run(source_root="/top", destination_root="/into", sharing=sharing, full=full)
    return result.run


def forget(bench: Workbench) -> None:
    for service in (bench.source, bench.destination):
        service.calls.clear()
        service.journal.clear()


def calls(bench: Workbench) -> int:
    return sum(bench.source.calls.values()) + sum(bench.destination.calls.values())


def listed(service: MemoryService) -> set[str]:
    return {path for operation, path in service.journal if operation == "list_folder"}


async def test_a_run_after_which_nothing_changed_asks_about_the_roots_alone(bench: Workbench) -> None:
    number = await run(bench)

    assert listed(bench.source) == listed(bench.destination) == set()
    assert bench.source.calls["permissions_of"] == bench.destination.calls["permissions_of"] == 1
    assert calls(bench) <= 12
    assert set((await bench.files(number)).values()) == {ItemState.UNCHANGED}


async def test_what_was_known_of_permissions_stands_in_the_report_of_each_run(bench: Workbench) -> None:
    told = named(await lines(bench, await run(bench)))

    assert told["/a", "ann@example.org"] is told["/b/1/1", "ben@example.org"] is GrantState.ALREADY_THERE
    assert told == named(await lines(bench, await run(bench, full=True)))


async def test_a_file_that_is_shared_or_no_longer_is_is_found_in_its_folder(bench: Workbench) -> None:
    bench.source.share("/top/c/2/0", "ann@example.org")
    bench.source.unshare("/top/b/1/1", "ben@example.org")

    await run(bench)

    assert listed(bench.source) == {"/top/c/2", "/top/b/1"}
    assert bench.destination.shares("/into/c/2/0") == {(PERSON, "ann@new.org"): READ}
    assert bench.destination.shares("/into/b/1/1") == {}


async def test_a_folder_that_is_shared_is_looked_at_with_all_below(bench: Workbench) -> None:
    bench.source.unshare("/top/a", "ann@example.org")
    bench.source.share("/top/b", "ann@example.org")

    await run(bench)

    below = {f"/top/{one}" for one in ("a", "a/0", "a/1", "a/2", "b", "b/0", "b/1", "b/2")}
    assert listed(bench.source) == {"/top", *below}
    assert bench.destination.shares("/into/a") == {}
    assert bench.destination.shares("/into/b") == {(PERSON, "ann@new.org"): READ}


async def test_what_a_folder_hands_down_is_looked_at_by_one_more_run(bench: Workbench) -> None:
    bench.source.share("/top/b", "ann@example.org")
    counts = []
    for _ in range(4):
        forget(bench)
        await run(bench)
        counts.append(len(listed(bench.source)))

    assert counts == [5, 5, 0, 0]


async def test_the_order_in_which_people_are_told_does_not_matter(bench: Workbench) -> None:
    bench.source.share("/top/a", "ben@example.org")
    for _ in range(3):
        await run(bench)
    forget(bench)
    bench.source.unshare("/top/a", "ann@example.org")
    bench.source.share("/top/a", "ann@example.org", WRITE)

    await run(bench)

    assert listed(bench.source) == {"/top"}


async def test_what_is_restricted_and_then_changes_gets_no_new_content(bench: Workbench) -> None:
    bench.source.restrict("/top/a/1")
    await run(bench)
    bench.source.change_file("/top/a/1/0", b"for few")

    number = await run(bench)

    assert bench.destination.tree()["/into/a/1/0"] == b"a10"
    assert (await bench.rows(number))["/a/1/0"]["reason"] == "would_be_wider"


async def test_what_a_folder_above_the_root_permits_is_seen(bench: Workbench) -> None:
    assert bench.source.directory is not None
    top = bench.source.nodes.root
    bench.source.directory.permit(
        top, PERSON, "ben@example.org", READ
    )  # the feed of the pair is silent about it

    await run(bench)

    assert bench.destination.shares("/into")[PERSON, "ben@new.org"] is READ
    assert listed(bench.source) > {"/top", "/top/c"}


async def test_what_others_take_off_at_the_destination_is_given_again(bench: Workbench) -> None:
    bench.destination.unshare("/into/b/1/1", "ben@new.org")
    bench.destination.unshare("/into/a", "ann@new.org")

    await run(bench)

    assert bench.destination.shares("/into/b/1/1") == {(PERSON, "ben@new.org"): READ}
    assert bench.destination.shares("/into/a") == {(PERSON, "ann@new.org"): WRITE}


async def test_nothing_new_is_put_where_others_have_let_somebody_in(bench: Workbench) -> None:
    bench.destination.share("/into/c", "zoe@new.org")
    bench.source.add_file("/top/c/2/new", b"not for zoe")

    number = await run(bench)

    assert "/into/c/2/new" not in bench.destination.tree()
    assert (await bench.rows(number))["/c/2/new"]["reason"] == "would_be_wider"
    bench.destination.unshare("/into/c", "zoe@new.org")
    await run(bench)
    assert "/into/c/2/new" in bench.destination.tree()


async def test_what_a_feed_tells_late_is_asked_about_before_anything_new_is_put_there(
    bench: Workbench,
) -> None:
    there, here = bench.destination.directory, bench.source.directory
    assert there is not None
    assert here is not None
    opened, closed = bench.destination.nodes.at("/into/c"), bench.source.nodes.at("/top/a")
    assert opened is not None
    assert closed is not None
    there.permit(opened, PERSON, "zoe@new.org", READ)  # neither feed says so yet
    here.take_back(closed, PERSON, "ann@example.org")
    for path in ("/c/2/new", "/c/2/folder/new", "/a/1/new", "/b/1/new"):
        bench.source.add_file(f"/top{path}", b"new")

    number = await run(bench)

    put = {path for path, data in bench.destination.tree().items() if data == b"new"}
    assert put == {"/into/b/1/new"}
    rows = await bench.rows(number)
    held = {path for path, row in rows.items() if row["reason"] == "would_be_wider"}
    assert held == {"/c/2/new", "/c/2/folder", "/a/1/new"}


async def test_another_map_leads_to_a_full_reading_and_so_does_going_back_to_the_first(
    bench: Workbench,
) -> None:
    other = rules({"example.org": "new.org", "ben@example.org": "zoe@new.org"})
    await run(bench, other)
    assert bench.destination.shares("/into/b/1/1") == {(PERSON, "zoe@new.org"): READ}

    await run(bench)

    assert bench.destination.shares("/into/b/1/1") == {(PERSON, "ben@new.org"): READ}


async def test_permissions_that_are_switched_on_later_are_read_of_everything(bench: Workbench) -> None:
    await run(bench, None)
    bench.source.share("/top/c/0/0", "ann@example.org")
    await run(bench, None)
    forget(bench)

    await run(bench)

    assert len(listed(bench.source)) == 13
    assert bench.destination.shares("/into/c/0/0") == {(PERSON, "ann@new.org"): READ}


@pytest.mark.parametrize("side", ["source", "destination"])
async def test_a_feed_that_no_longer_reaches_back_leads_to_a_full_reading(
    bench: Workbench, side: str
) -> None:
    service = bench.source if side == "source" else bench.destination
    service.forget_changes()

    await run(bench)

    assert len(listed(bench.source)) == 13


@pytest.mark.parametrize("side", ["source", "destination"])
async def test_a_feed_that_tells_nothing_of_permissions_is_not_trusted_with_them(
    bench: Workbench, side: str
) -> None:
    service = bench.source if side == "source" else bench.destination
    service.sharing_feed = False
    bench.source.share("/top/c/0/0", "ann@example.org")

    await run(bench)

    assert len(listed(bench.source)) == 13
    assert bench.destination.shares("/into/c/0/0") == {(PERSON, "ann@new.org"): READ}


async def test_a_destination_that_can_permit_more_than_before_is_read_as_a_whole(bench: Workbench) -> None:
    assert bench.destination.directory is not None
    bench.destination.directory.kinds = frozenset({PERSON})
    bench.source.share("/top/c/0/0", "Sales", kind=GROUP)
    sharing = rules({"example.org": "new.org", "Sales": "Staff"})
    number = [await run(bench, sharing) for _ in range(3)][-1]
    assert named(await lines(bench, number))["/c/0/0", "Sales"] is GrantState.UNSUPPORTED
    bench.destination.directory.kinds = frozenset(GranteeKind)

    await run(bench, sharing)

    assert bench.destination.shares("/into/c/0/0") == {(GROUP, "Staff"): READ}


async def test_what_nobody_knew_at_the_destination_is_tried_again(bench: Workbench) -> None:
    bench.source.share("/top/c/0/0", "dan@example.org")
    number = [await run(bench) for _ in range(3)][-1]  # by then no feed has anything to say of it
    assert named(await lines(bench, number))["/c/0/0", "dan@example.org"] is GrantState.FAILED
    assert bench.destination.directory is not None
    bench.destination.directory.people |= {"dan@new.org"}

    await run(bench)

    assert bench.destination.shares("/into/c/0/0") == {(PERSON, "dan@new.org"): READ}


async def test_a_run_stands_by_itself_when_the_one_before_is_removed(bench: Workbench) -> None:
    number = await run(bench)

    kept = await bench.database.read(
        lambda connection: connection.execute(
            select(folders.c.access_id, accesses.c.run_id)
            .outerjoin(accesses, accesses.c.id == folders.c.access_id)
            .where(folders.c.run_id == number)
        ).all()
    )
    followed = await bench.database.read(
        lambda connection: connection.scalar(select(runs.c.base_id).where(runs.c.id == number))
    )
    assert followed is not None
    assert len(kept) == 13
    assert {row.run_id for row in kept} == {number}


async def test_an_interrupted_run_goes_on_and_ends_as_if_it_had_not_been(bench: Workbench) -> None:
    bench.source.share("/top/b", "ann@example.org")
    bench.source.unshare("/top/b/1/1", "ben@example.org")
    bench.source.share("/top/c/2/0", "ben@example.org")
    bench.source.faults.add("list_folder", "/top/b/1", error=SignInFailed("no"), times=1)
    result = await bench.run(source_root="/top", destination_root="/into", sharing=RULES)
    assert not result.finished

    assert await run(bench) == result.run

    assert bench.destination.shares("/into/b") == {(PERSON, "ann@new.org"): READ}
    assert bench.destination.shares("/into/b/1/1") == {}
    assert bench.destination.shares("/into/c/2/0") == {(PERSON, "ben@new.org"): READ}
