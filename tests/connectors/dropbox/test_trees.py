"""Recursive listings, with all the oddities that they may have."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import account, calls_of, changes_since, make_folder, put, put_many
from tests.contract.test_trees import apply, below, told, trees_of

from mover.connectors.dropbox.answers import Listing, Metadata
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector
from mover.connectors.dropbox.trees import TeamTrees
from mover.entries import ROOT, Entry, EntryKind, EntryRef
from mover.errors import NotFound, ProtocolViolation, Unsupported

pytestmark = pytest.mark.servers


async def _filled(connector: DropboxConnector) -> EntryRef:
    top = await make_folder(connector, ROOT, "Top")
    for name in ("One", "Two"):
        folder = await make_folder(connector, top, name)
        await put_many(connector, folder, {f"File {number}": b"x" for number in range(4)})
    return top


def _spelled(entries: dict[str, Entry]) -> list[tuple[str, str | None]]:
    return sorted((entry.name, entry.id) for entry in entries.values())


@pytest.mark.parametrize("fault", ["", "empty page", "repeat entry", "children first", "silent about itself"])
async def test_all_is_told_in_few_pages(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, fault: str
) -> None:
    async with account(simulators, alice, page=2) as connector:
        top = await _filled(connector)
        if fault:
            dropbox.faults.switch(fault, 3)
        calls_of(simulators)

        lines, cursors, _ = await told(trees_of(connector), top)

        assert set(lines) == {
            place
            for name in ("one", "two")
            for place in (f"/{name}", *(f"/{name}/file {n}" for n in range(4)))
        }
        calls = calls_of(simulators)
        assert sum(calls.values()) == len(cursors) <= (4 if fault != "empty page" else 6)
        assert _spelled(lines) == sorted((one.name, one.id) for one in await below(connector, top))


async def test_what_changes_while_it_is_read_is_told_before_it_ends(
    simulators: RunningFront, alice: Person
) -> None:
    async with account(simulators, alice, page=1) as connector:
        top = await _filled(connector)
        one = await connector.look_up("/Top/One")
        standing: dict[str, Entry] = {}
        feed, is_changed = None, False
        async with aclosing(trees_of(connector).below(top)) as pages:
            async for page in pages:
                if "/two" in standing and not is_changed:
                    is_changed = True
                    await connector.renames.rename(top.child("One", one.id), top, "Moved")
                    await put(connector, top.child("Two", standing["/two"].id), "Later", b"x")
                for line in page.lines:
                    apply(standing, line)
                feed = page.feed

        assert feed is not None
        assert _spelled(standing) == sorted((each.name, each.id) for each in await below(connector, top))
        assert {"/moved", "/moved/file 1", "/two/later"} < set(standing)
        assert (await changes_since(connector, feed))[0] == []


async def test_a_reading_goes_on_in_another_process_and_one_whose_place_is_lost_is_not_found(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    async with account(simulators, alice, page=2) as connector:
        top = await _filled(connector)
        whole, [first, *_], _ = await told(trees_of(connector), top)
    async with account(simulators, alice, page=2) as connector:
        rest, _, _ = await told(trees_of(connector), top, first)
        assert 0 < len(rest) < len(whole)
        dropbox.faults.switch("reset", 1)
        with pytest.raises(NotFound):
            await told(trees_of(connector), top, first)
        with pytest.raises(NotFound):
            await told(trees_of(connector), ROOT, first)


async def test_folders_that_are_mounted_are_in_it_with_what_is_in_them(
    connector: DropboxConnector, dropbox: Dropbox, alice: Person
) -> None:
    bob = dropbox.add_person("bob@example.com")
    dropbox.put(bob, "/Shared/inner/file", b"x")
    theirs, ours = dropbox.homes[bob.id], dropbox.homes[alice.id]
    folder = theirs.drive.at("/Shared")
    assert folder is not None
    dropbox.forest.mount(dropbox.forest.carve(theirs, folder, bob), ours, ours.drive.root, "Shared")

    lines, _, _ = await told(trees_of(connector), ROOT)
    assert set(lines) == {"/shared", "/shared/inner", "/shared/inner/file"}
    shared = EntryRef("/Shared", lines["/shared"].id)
    assert set((await told(trees_of(connector), shared))[0]) == {"/inner", "/inner/file"}


async def test_a_folder_that_goes_while_it_is_read_is_not_found(
    simulators: RunningFront, alice: Person
) -> None:
    async with account(simulators, alice, page=1) as connector:
        top = await _filled(connector)
        _, [first, *_], _ = await told(trees_of(connector), top)
        await connector.renames.rename(top, ROOT, "Elsewhere")
        with pytest.raises((NotFound, ProtocolViolation)):
            await told(trees_of(connector), EntryRef("/Top"), first)
        for cursor in ("", "{}", "no cursor"):
            with pytest.raises(NotFound):
                await told(trees_of(connector), top, cursor)


@pytest.mark.parametrize(
    "strange",
    [
        Metadata(tag="file", name="File", id="id:x", path_lower="/elsewhere/file"),
        Metadata(tag="file", name="File", id="id:x", path_lower=None),
        Metadata(tag="file", name="File", id="id:x", path_lower="/topping"),
    ],
)
async def test_what_stands_elsewhere_is_no_answer(
    connector: DropboxConnector, monkeypatch: pytest.MonkeyPatch, strange: Metadata
) -> None:
    top = await make_folder(connector, ROOT, "Top")

    async def answer(*_: object) -> Listing:
        return Listing([strange], "cursor", has_more=False)

    monkeypatch.setattr(FilesApi, "list_tree", answer)
    with pytest.raises(ProtocolViolation):
        await told(trees_of(connector), top)


async def test_people_and_team_folders_of_a_team_have_trees_and_what_stands_above_has_none(
    business: DropboxBusinessConnector,
) -> None:
    assert isinstance(business.changes, TeamTrees)
    for path in ("/Users/bob@example.com", "/Projects"):
        top = EntryRef(path, (await business.look_up(path)).id)
        folder = await make_folder(business, top, "Folder")
        await put(business, folder, "File", b"x")
        lines, _, feed = await told(business.changes, top)
        assert {place: entry.kind for place, entry in lines.items()} == {
            "/folder": EntryKind.FOLDER,
            "/folder/file": EntryKind.FILE,
        }
        assert (await changes_since(business, feed))[0] == []
    for path in ("/", "/Users"):
        with pytest.raises(Unsupported):
            await told(business.changes, EntryRef(path))
