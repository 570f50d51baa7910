"""Folders that are listed together, names that are no keys, and listings that cannot be trusted."""

from __future__ import annotations

import asyncio

import pytest
from simulators.blobs import Bytes
from simulators.front import RunningFront
from tests.contract import google as people
from tests.contract.acts import listed, names, put, ref_of

from mover.connectors.contract import Connector
from mover.entries import SLASH_IN_NAME, Entry, EntryKind, EntryRef
from mover.errors import Conflict, NotFound, ServiceFault
from simulators.google import Google

pytestmark = pytest.mark.servers

MINE = EntryRef("/My Drive", "root")


async def _folders(connector: Connector, path: str = "/My Drive") -> list[EntryRef]:
    entry = await connector.look_up(path)
    ref = EntryRef(path, entry.id)
    return [ref_of(ref, each) for each in await listed(connector, ref) if each.kind is EntryKind.FOLDER]


def _fill(front: RunningFront, google: Google, folders: int, files: int) -> None:
    drive = google.drive_of(people.ALICE)

    def work() -> None:
        for folder in range(folders):
            for file in range(files):
                google.state.add_file(drive, f"/f{folder}/file {file}")

    front.inside(work)


async def test_many_small_folders_share_calls(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    _fill(simulators, google, 60, 3)
    folders = await _folders(drive)
    google.tally.clear()
    limit = asyncio.Semaphore(8)

    async def one(ref: EntryRef) -> list[str]:
        async with limit:
            return await names(drive, ref)

    found = await asyncio.gather(*(one(ref) for ref in folders))
    assert found == [["file 0", "file 1", "file 2"]] * 60
    assert google.tally.total <= 4


async def test_the_pages_of_folders_that_share_calls_are_read_to_the_end(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    _fill(simulators, google, 30, 40)  # 1,200 entries, on pages of 460
    folders = await _folders(drive)
    google.tally.clear()
    google.faults.switch("repeat a page", 1)
    found = await asyncio.gather(*(listed(drive, ref) for ref in folders))
    assert [len({entry.id for entry in each}) for each in found] == [40] * 30
    assert [len(each) for each in found] == [40] * 30
    assert google.tally.total <= 6


async def test_large_folders_are_listed_alone_and_whole_and_no_search_too_wide_is_tried_again(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    _fill(simulators, google, 21, 300)  # more than twelve pages of 460
    folders = await _folders(drive)
    google.tally.clear()
    found = [names_of for ref in folders if (names_of := await names(drive, ref))]
    assert [len(each) for each in found] == [300] * 21
    assert google.tally.total <= 12 + 21 + 12


async def test_empty_folders_cost_no_calls_of_their_own(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    tree = google.drive_of(people.ALICE)
    simulators.inside(lambda: [tree.folder(f"/empty {number}") for number in range(30)])
    folders = await _folders(drive)
    google.tally.clear()
    for ref in folders:
        assert await listed(drive, ref) == []
    assert google.tally.total <= 2


async def test_what_was_written_is_listed_though_it_was_listed_ahead(
    google: Google, drive: Connector
) -> None:
    one, two = [ref_of(MINE, await drive.create_folder(MINE, name)) for name in ("one", "two")]
    await listed(drive, MINE)
    await listed(drive, one)  # and two with it
    await put(drive, two, "new", b"x")
    assert await names(drive, two) == ["new"]
    assert google.tally.calls["files.create.upload"] == 1


@pytest.mark.parametrize("oddity", ["", "unknown parents are empty"])
async def test_folder_that_is_gone_is_not_found_and_the_others_are_listed(
    simulators: RunningFront, google: Google, drive: Connector, oddity: str
) -> None:
    _fill(simulators, google, 3, 1)
    folders = await _folders(drive)
    tree = google.drive_of(people.ALICE)
    gone = tree.at("/f1")
    assert gone is not None
    simulators.inside(lambda: tree.remove(gone))
    if oddity:
        google.faults.switch(oddity)
    found = await asyncio.gather(*(names(drive, ref) for ref in folders), return_exceptions=True)
    assert found[0] == found[2] == ["file 0"]
    assert isinstance(found[1], NotFound) or (oddity and found[1] == [])


async def test_search_that_did_not_look_everywhere_is_no_listing(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    _fill(simulators, google, 3, 1)
    google.faults.switch("incomplete search", 1)
    with pytest.raises(ServiceFault):
        await listed(drive, MINE)
    assert len(await listed(drive, MINE)) == 3


async def test_page_that_comes_twice_is_told_once(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    _fill(simulators, google, 1, 1100)
    google.faults.switch("repeat a page", 1)
    [folder] = await _folders(drive)
    found = await names(drive, folder)
    assert len(found) == len(set(found)) == 1100


async def test_cursor_that_is_too_old_begins_again(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    _fill(simulators, google, 1, 1010)
    [folder] = await _folders(drive)
    pages = drive.list_folder(folder)
    first = await anext(pages)
    await pages.aclose()
    assert first.cursor is not None
    google.faults.switch("forget page tokens", 1)
    rest = [entry async for page in drive.list_folder(folder, first.cursor) for entry in page.entries]
    assert len(rest) == 1010


async def test_a_service_that_forgets_each_cursor_is_not_asked_for_ever(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    _fill(simulators, google, 1, 1010)
    [folder] = await _folders(drive)
    google.faults.switch("forget page tokens", 1000)
    with pytest.raises(ServiceFault):
        await asyncio.wait_for(listed(drive, folder), 20)
    assert google.tally.total < 30


async def test_entries_of_one_name_are_told_apart(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    tree = google.drive_of(people.ALICE)

    def work() -> None:
        for number in range(3):
            tree.add(tree.root, "twin", blob=Bytes(bytes([number])), created_ns=number * 10**9)

    simulators.inside(work)
    twins = await listed(drive, MINE)
    assert [each.name for each in twins] == ["twin"] * 3
    assert len({each.id for each in twins}) == 3
    assert {b"".join([piece async for piece in drive.read(ref_of(MINE, each))]) for each in twins} == {
        b"\0",
        b"\1",
        b"\2",
    }
    assert (await drive.look_up("/My Drive/twin")).id == twins[0].id
    with pytest.raises(Conflict):
        await put(drive, MINE, "twin", b"another")


async def test_slash_in_a_name_is_found_by_its_stand_in(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    tree = google.drive_of(people.ALICE)

    def work() -> None:
        inner = tree.add(tree.root, "a/b", kind="folder")
        tree.add(inner, "c", kind="folder")

    simulators.inside(work)
    [entry] = await listed(drive, MINE)
    assert entry.name == "a/b"
    assert (await drive.look_up(f"/My Drive/a{SLASH_IN_NAME}b")).id == entry.id
    assert (await drive.look_up(f"/My Drive/a{SLASH_IN_NAME}b/c")).name == "c"


async def test_shortcuts_are_told_as_such(simulators: RunningFront, google: Google, drive: Connector) -> None:
    tree = google.drive_of(people.ALICE)

    def work() -> str:
        target = google.state.add_file(tree, "/target", b"x")
        shortcut = tree.add(tree.root, "shortcut")
        shortcut.properties |= {
            "mimeType": "application/vnd.google-apps.shortcut",
            "shortcutDetails": {"targetId": target.id, "targetMimeType": "text/plain"},
        }
        return target.id

    target_id = simulators.inside(work)
    found = {entry.name: entry for entry in await listed(drive, MINE)}
    assert found["shortcut"].kind is EntryKind.SHORTCUT
    assert found["shortcut"].target == target_id


async def test_shortcuts_to_files_are_followed_on_demand(simulators: RunningFront, google: Google) -> None:
    tree = google.drive_of(people.ALICE)
    kind = "application/vnd.google-apps.shortcut"

    def work() -> None:
        targets = {
            "to file": google.state.add_file(tree, "/elsewhere/file.txt", b"content").id,
            "to plan": google.state.add_native(tree, tree.root, "Plan", "document").id,
            "to folder": tree.folder("/elsewhere").id,
            "to nothing": "1gone",
        }
        place = tree.folder("/place")
        for name, target_id in targets.items():
            found = tree.nodes.get(target_id)
            is_folder = found is not None and found.is_folder
            node = tree.add(place, name)
            node.properties["mimeType"] = kind
            node.properties["shortcutDetails"] = {
                "targetId": target_id,
                "targetMimeType": "application/vnd.google-apps.folder" if is_folder else "text/plain",
            }

    simulators.inside(work)
    following = people.connects(simulators, "google", people.single(simulators, shortcuts=True))()
    await following.sign_in()
    assert following.changes is None
    place = await following.look_up("/My Drive/place")
    ref = EntryRef("/My Drive/place", place.id)
    google.tally.clear()
    found = {entry.name: entry for entry in await listed(following, ref)}
    assert google.tally.calls["batch"] == 1
    assert {name: entry.kind for name, entry in found.items()} == {
        "to file": EntryKind.FILE,
        "to plan.docx": EntryKind.NATIVE,
        "to folder": EntryKind.SHORTCUT,
        "to nothing": EntryKind.SHORTCUT,
    }
    file = found["to file"]
    assert (
        b"".join([piece async for piece in following.read(ref_of(ref, file), version=file.version)])
        == b"content"
    )
    again = await following.refresh(ref_of(ref, file))
    assert (again.name, again.id, again.version) == (file.name, file.id, file.version)
    assert file.id != tree.at("/elsewhere/file.txt").id  # type: ignore[union-attr]
    await following.close()


async def test_trash_is_not_listed_and_not_found(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    entry = await put(drive, MINE, "file", b"x")
    tree = google.drive_of(people.ALICE)
    node = tree.nodes[entry.id or ""]
    simulators.inside(lambda: tree.trash(node))
    assert await listed(drive, MINE) == []
    with pytest.raises(NotFound):
        await drive.refresh(ref_of(MINE, entry))


async def test_root_shows_drives_and_on_demand_what_else_there_is(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    root = EntryRef("/")
    assert [entry.name for entry in await listed(drive, root)] == ["My Drive", "Shared drives"]
    bobs = google.drive_of(people.BOB)

    def work() -> None:
        shared = google.state.add_file(bobs, "/for alice", b"shared")
        google.state.grant(shared, people.ALICE, "reader")
        lost = google.state.add_file(google.drive_of(people.ALICE), "/lost", b"lost")
        mine = google.drive_of(people.ALICE)
        folder = bobs.folder("/bob's")
        mine.nodes.pop(lost.id)
        lost.parent = folder  # in a folder of somebody else, which Alice does not see
        mine.nodes[lost.id] = lost

    simulators.inside(work)
    values = people.single(simulators, shared_with_me=True, orphans=True)
    wide = people.connects(simulators, "google", values)()
    await wide.sign_in()
    found = {entry.name: entry for entry in await listed(wide, root)}
    assert list(found) == ["My Drive", "Shared drives", "Shared with me", "Orphans"]
    shared_with_me = EntryRef("/Shared with me", found["Shared with me"].id)
    orphans = EntryRef("/Orphans", found["Orphans"].id)
    assert await names(wide, shared_with_me) == ["for alice"]
    assert await names(wide, orphans) == ["lost"]
    shared: Entry = await wide.look_up("/Shared with me/for alice")
    assert b"".join([piece async for piece in wide.read(ref_of(shared_with_me, shared))]) == b"shared"
    assert (await wide.look_up("/Orphans/lost")).name == "lost"
    await wide.close()
