"""Listings and the change feed, with all the oddities that Dropbox's cursors have."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import (
    account,
    calls_of,
    changes_since,
    content,
    listed,
    make_folder,
    put,
    put_many,
    target,
)

from mover.connectors.contract import Change
from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector
from mover.entries import ROOT, AccessRole, EntryKind, EntryRef, GranteeKind, Permission
from mover.errors import NotFound

pytestmark = pytest.mark.servers


def _told(changes: list[Change]) -> dict[str, str | None]:
    """What stands in a folder by name, and what is gone by path."""
    return {
        change.entry.name if change.entry is not None else change.path or "": change.parent_id
        for change in changes
    }


async def test_empty_and_repeated_pages_are_borne(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    async with account(simulators, alice, page=3) as connector:
        await put_many(connector, ROOT, {f"file {number}": b"x" for number in range(8)})
        dropbox.faults.switch("empty page", 2)
        dropbox.faults.switch("repeat entry", 1)
        assert len(await listed(connector, ROOT)) == 8


async def test_a_listing_whose_place_is_lost_begins_anew(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    async with account(simulators, alice, page=3) as connector:
        await put_many(connector, ROOT, {f"file {number}": b"x" for number in range(8)})
        dropbox.faults.switch("reset", 1)
        assert len(await listed(connector, ROOT)) == 8


async def test_what_goes_while_a_listing_goes_on_is_left_out_and_what_comes_is_found(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    async with account(simulators, alice, page=2) as connector:
        await put_many(connector, ROOT, dict.fromkeys("abcdef", b"x"))
        home = dropbox.homes[alice.id].drive
        seen = []
        async with aclosing(connector.list_folder(ROOT)) as pages:
            async for page in pages:
                seen += [entry.name for entry in page.entries]
                if len(seen) == 2:
                    gone = home.at("/f")
                    assert gone is not None
                    home.remove(gone)
                    dropbox.put(alice, "/e2", b"new")
        assert sorted(set(seen)) == ["a", "b", "c", "d", "e", "e2"]


async def test_a_listing_that_lags_shows_less_and_looking_up_shows_all(
    connector: DropboxConnector, dropbox: Dropbox, alice: Person
) -> None:
    await put(connector, ROOT, "file", b"x")
    dropbox.homes[alice.id].drive.lag_ns = 10 * 10**9
    assert await listed(connector, ROOT) == {}
    assert (await connector.look_up("/file")).size == 1
    dropbox.clock.advance(11)
    assert list(await listed(connector, ROOT)) == ["file"]


async def test_the_feed_tells_what_came_what_changed_and_what_went(
    connector: DropboxConnector,
) -> None:
    folder = await make_folder(connector, ROOT, "Folder")
    inner = await make_folder(connector, folder, "Inner")
    old, gone, moved = [await put(connector, inner, name, b"x") for name in ("old", "gone", "moved")]
    cursor = await connector.changes.cursor(ROOT)
    assert await changes_since(connector, cursor) == ([], (await changes_since(connector, cursor))[1])
    seen = await connector.refresh(old)
    await connector.upload(target(inner, "old", replaces=seen), content(b"new content"))
    await put(connector, folder, "new", b"x")
    await connector.renames.rename(moved, folder, "Moved elsewhere")
    await connector.renames.rename(gone, ROOT, "gone")
    changes, after = await changes_since(connector, cursor)
    assert _told(changes) == {
        "old": inner.id,
        "new": folder.id,
        "Moved elsewhere": folder.id,
        "gone": None,
        "/Folder/Inner/moved": None,
        "/Folder/Inner/gone": None,
    }
    [renamed] = [change for change in changes if change.entry and change.entry.name == "Moved elsewhere"]
    assert renamed.id == moved.id
    assert (await changes_since(connector, after))[0] == []


async def test_the_feed_of_a_folder_is_of_that_folder_alone_and_a_moved_folder_is_told_whole(
    connector: DropboxConnector,
) -> None:
    folder = await make_folder(connector, ROOT, "Folder")
    other = await make_folder(connector, ROOT, "Other")
    inner = await make_folder(connector, other, "Inner")
    await put(connector, inner, "file", b"x")
    cursor = await connector.changes.cursor(folder)
    await put(connector, other, "not told", b"x")
    await connector.renames.rename(inner, folder, "Inner")
    changes, _ = await changes_since(connector, cursor)
    assert _told(changes) == {"Inner": folder.id, "file": inner.id}


async def test_a_run_without_changes_costs_one_call(
    simulators: RunningFront, connector: DropboxConnector, dropbox: Dropbox, alice: Person
) -> None:
    for number in range(300):
        dropbox.put(alice, f"/folder {number % 7}/file {number}", b"")
    cursor = await connector.changes.cursor(ROOT)
    calls_of(simulators)
    assert (await changes_since(connector, cursor))[0] == []
    assert calls_of(simulators) == {"files/list_folder/continue": 1}


async def test_parents_are_asked_for_once(simulators: RunningFront, connector: DropboxConnector) -> None:
    folder = await make_folder(connector, ROOT, "Folder")
    cursor = await connector.changes.cursor(ROOT)
    await put_many(connector, folder, {f"file {number}": b"x" for number in range(20)})
    calls_of(simulators)
    changes, _ = await changes_since(connector, cursor)
    assert {change.parent_id for change in changes} == {folder.id}
    assert calls_of(simulators)["files/get_metadata"] == 1


async def test_a_feed_that_dropbox_has_forgotten_is_not_found(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    cursor = await connector.changes.cursor(ROOT)
    dropbox.forest.forget_journals()
    for one in (cursor, "rubbish", '{"path": "/", "cursor": "rubbish"}'):
        with pytest.raises(NotFound):
            await changes_since(connector, one)


async def test_a_team_has_a_feed_for_each_person_and_each_team_folder(
    business: DropboxBusinessConnector,
) -> None:
    bob, projects = EntryRef("/Users/bob@example.com"), EntryRef("/Projects")
    cursors = {top: await business.changes.cursor(top) for top in (bob, projects)}
    made = {
        top: await put(business, await make_folder(business, top, "Folder"), "file", b"x")
        for top in (bob, projects)
    }
    for top, cursor in cursors.items():
        changes, _ = await changes_since(business, cursor)
        assert {change.id for change in changes} >= {made[top].id}
        assert len(changes) == 2


async def test_a_team_is_followed_through_the_feeds_of_all_its_folders(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    root = await business.look_up("/")
    cursor = await business.changes.cursor(EntryRef("/", root.id))
    dropbox.tally.clear()
    changes, after = await changes_since(business, cursor)
    assert changes == []
    by_name = await listed(business, EntryRef("/", root.id))
    users = await listed(business, EntryRef("/Users", by_name["Users"].id))
    bob, projects = users["bob@example.com"], by_name["Projects"]
    below = await put(business, EntryRef("/Users/bob@example.com", bob.id), "file", b"x")
    folder = await make_folder(business, EntryRef("/Projects", projects.id), "Folder")
    inside = await put(business, folder, "inside", b"x")
    changes, after = await changes_since(business, after)
    assert {change.id: change.parent_id for change in changes} == {
        below.id: bob.id,
        folder.id: projects.id,
        inside.id: folder.id,
    }
    new = await business.create_folder(EntryRef("/", root.id), "New")
    changes, _ = await changes_since(business, after)
    assert [(change.id, change.parent_id) for change in changes] == [(new.id, None), (new.id, root.id)]
    for ref in (EntryRef("/", root.id), EntryRef("/Users", by_name["Users"].id), EntryRef("/Projects")):
        assert (await business.look_up(ref.path)).id == (ref.id or projects.id)


async def test_what_was_removed_in_a_team_is_told_by_its_path_in_the_connection(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    top = EntryRef("/Users/bob@example.com")
    file = await put(business, top, "File", b"x")
    cursor = await business.changes.cursor(top)
    await business.renames.rename(file, top, "Elsewhere")
    changes, _ = await changes_since(business, cursor)
    assert [change.path for change in changes if change.entry is None] == ["/Users/bob@example.com/File"]
    assert dropbox.tally.statuses[409] == 0


async def test_shared_folders_of_others_are_in_listings_once_they_are_mounted(
    connector: DropboxConnector, dropbox: Dropbox, alice: Person, simulators: RunningFront
) -> None:
    bob = dropbox.add_person("bob@example.com")
    async with account(simulators, bob) as theirs:
        folder = await make_folder(theirs, ROOT, "Bob's")
        await put(theirs, folder, "file", b"x")
        assert theirs.permissions is not None
        grant = Permission(kind=GranteeKind.PERSON, identity=alice.email, role=AccessRole.READ)
        await theirs.permissions.grant(folder, grant)
    cursor = await connector.changes.cursor(ROOT)
    assert await listed(connector, ROOT) == {}
    shared = next(each for each in dropbox.forest.namespaces.values() if each.kind == "shared")
    home = dropbox.homes[alice.id]
    simulators.inside(lambda: dropbox.forest.mount(shared, home, home.drive.root, "Bob's"))
    [found] = (await listed(connector, ROOT)).values()
    assert (found.kind, found.shared) == (EntryKind.FOLDER, True)
    changes, _ = await changes_since(connector, cursor)
    assert set(_told(changes)) == {"Bob's", "file"}
