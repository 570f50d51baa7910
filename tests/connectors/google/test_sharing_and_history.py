"""Permissions with few calls and without mail, the change feed, earlier versions."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from simulators.faults import Answer
from simulators.front import RunningFront
from tests.contents import GivenContent
from tests.contract import google as people
from tests.contract.acts import listed, put, ref_of, target

from mover.connectors.contract import Change, Changes, Connector, Permissions
from mover.entries import AccessRole, EntryRef, GranteeKind, Permission
from mover.errors import NotFound, PermissionDenied, Throttled, Unsupported
from simulators.google import Google

pytestmark = pytest.mark.servers

MINE = EntryRef("/My Drive", "root")
READ, WRITE, OWNER = AccessRole.READ, AccessRole.WRITE, AccessRole.OWNER


def _permissions(connector: Connector) -> Permissions:
    assert connector.permissions is not None
    return connector.permissions


def _changes(connector: Connector) -> Changes:
    assert connector.changes is not None
    return connector.changes


def _to(email: str, role: AccessRole = READ, kind: GranteeKind = GranteeKind.PERSON) -> Permission:
    return Permission(kind=kind, identity=email, role=role)


async def _since(connector: Connector, cursor: str) -> tuple[list[Change], str]:
    found: list[Change] = []
    lines: Sequence[Change]
    async for lines, reached in _changes(connector).since(cursor):
        found += lines
        cursor = reached
    return found, cursor


async def test_hundred_entries_cost_one_call(google: Google, drive: Connector) -> None:
    refs = [ref_of(MINE, await put(drive, MINE, f"file {number}", b"x")) for number in range(100)]
    google.tally.clear()
    found = await _permissions(drive).of(refs)
    assert [line.identity for lines in found for line in lines] == [people.ALICE] * 100
    assert google.tally.calls == {"batch": 1}


async def test_throttled_part_of_a_batch_asks_for_all_again(google: Google, drive: Connector) -> None:
    refs = [ref_of(MINE, await put(drive, MINE, f"file {number}", b"x")) for number in range(3)]
    google.pace.calls_a_minute = 2  # the parts of a batch count each for itself
    with pytest.raises(Throttled):
        await _permissions(drive).of(refs)
    google.pace.calls_a_minute = None
    assert len(await _permissions(drive).of(refs)) == 3


@pytest.mark.parametrize(
    "body", [b"", b"--x\r\n", b"--x\r\nContent-ID: <response-9>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--x--"]
)
async def test_batch_that_is_not_answered_whole_is_a_violation(
    google: Google, drive: Connector, body: bytes
) -> None:
    refs = [ref_of(MINE, await put(drive, MINE, f"file {number}", b"x")) for number in range(2)]
    google.faults.add(Answer(200, {"Content-Type": "multipart/mixed; boundary=x"}, body), path="/batch/")
    with pytest.raises(Exception, match="batch"):
        await _permissions(drive).of(refs)


async def test_nobody_gets_mail(google: Google, drive: Connector) -> None:
    file = ref_of(MINE, await put(drive, MINE, "file", b"x"))
    await _permissions(drive).grant(file, _to(people.BOB))
    await _permissions(drive).grant(file, _to("sales@example.org", WRITE, GranteeKind.GROUP))
    assert google.permissions.mails == []


async def test_who_is_outside_is_told(simulators: RunningFront, google: Google, drive: Connector) -> None:
    simulators.inside(lambda: google.add_person("eve@elsewhere.example"))
    file = ref_of(MINE, await put(drive, MINE, "file", b"x"))
    for email in (people.BOB, "eve@elsewhere.example"):
        await _permissions(drive).grant(file, _to(email))
    [lines] = await _permissions(drive).of([file])
    assert {line.identity: line.external for line in lines} == {
        people.ALICE: False,
        people.BOB: False,
        "eve@elsewhere.example": True,
    }


async def test_who_may_only_look_is_denied(simulators: RunningFront, google: Google) -> None:
    bobs = google.drive_of(people.BOB)

    def share() -> str:
        node = google.state.add_file(bobs, "/for carol", b"x")
        google.state.grant(node, people.CAROL, "reader")
        return node.id

    item = simulators.inside(share)
    token = simulators.inside(lambda: google.token(people.CAROL))
    carol = people.connects(simulators, "google", {"access_token": token})()
    await carol.sign_in()
    with pytest.raises(PermissionDenied):
        await _permissions(carol).grant(EntryRef("/x", item), _to(people.ALICE))
    await carol.close()


async def test_manager_of_a_shared_drive_is_its_owner(google: Google, drive: Connector) -> None:
    team = await drive.look_up("/Shared drives/Team")
    ref = EntryRef("/Shared drives/Team", team.id)
    await _permissions(drive).grant(ref, _to(people.BOB, OWNER))
    [lines] = await _permissions(drive).of([ref])
    assert {line.identity: (line.role, line.service_role) for line in lines} == {
        people.ALICE: (OWNER, "organizer"),
        people.BOB: (OWNER, "organizer"),
    }
    file = ref_of(ref, await put(drive, ref, "file", b"x"))
    with pytest.raises(Unsupported):
        await _permissions(drive).grant(file, _to(people.CAROL, OWNER))
    assert google.permissions.mails == []


async def test_feed_tells_what_changed_and_nothing_else(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    folder = ref_of(MINE, await drive.create_folder(MINE, "folder"))
    kept, gone, trashed = [await put(drive, folder, name, b"x") for name in ("kept", "gone", "trashed")]
    cursor = await _changes(drive).cursor(MINE)
    assert (await _since(drive, cursor))[0] == []
    new = await put(drive, folder, "new", b"y")
    top = await put(drive, MINE, "top", b"z")
    tree = google.drive_of(people.ALICE)
    simulators.inside(lambda: tree.remove(tree.nodes[gone.id or ""]))
    simulators.inside(lambda: tree.trash(tree.nodes[trashed.id or ""]))
    google.tally.clear()
    changes, reached = await _since(drive, cursor)
    by_id = {change.id: change for change in changes}
    assert by_id.keys() == {new.id, top.id, gone.id, trashed.id}
    assert kept.id not in by_id
    found = by_id[new.id or ""]
    assert (found.entry, found.parent_id) == (await drive.refresh(ref_of(folder, new)), folder.id)
    assert by_id[top.id or ""].parent_id == "root"
    assert by_id[gone.id or ""].entry is None
    assert by_id[trashed.id or ""].entry is None
    assert google.tally.calls["changes.list"] == 1
    assert (await _since(drive, reached))[0] == []


async def test_feed_of_many_changes_comes_in_pages(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    cursor = await _changes(drive).cursor(MINE)
    tree = google.drive_of(people.ALICE)
    simulators.inside(lambda: [google.state.add_file(tree, f"/file {number}") for number in range(1010)])
    google.tally.clear()
    changes, _ = await _since(drive, cursor)
    assert len({change.id for change in changes}) == 1010
    assert google.tally.calls["changes.list"] == 2


async def test_feed_of_everything_tells_of_shared_drives_too(google: Google, drive: Connector) -> None:
    cursor = await _changes(drive).cursor()
    team = await drive.look_up("/Shared drives/Team")
    ref = EntryRef("/Shared drives/Team", team.id)
    inside = await put(drive, ref, "inside", b"x")
    mine = await put(drive, MINE, "mine", b"x")
    changes, reached = await _since(drive, cursor)
    assert {change.id for change in changes} == {inside.id, mine.id}
    again = next(change for change in changes if change.id == inside.id)
    assert again.parent_id == team.id
    assert (await _since(drive, reached))[0] == []
    assert google.tally.calls["changes.getStartPageToken"] == 2


async def test_feed_of_a_drive_tells_of_permissions_of_the_entry_itself(drive: Connector) -> None:
    feed = drive.sharing_changes
    assert feed is not None
    folder = ref_of(MINE, await drive.create_folder(MINE, "folder"))
    file = ref_of(folder, await put(drive, folder, "file", b"x"))
    given = [(folder, _to(people.BOB)), (file, _to(people.CAROL))]
    for ref, who in given:
        cursor = await feed.cursor(MINE)
        for change in (_permissions(drive).grant, _permissions(drive).revoke):
            await change(ref, who)
            lines = [line async for found, _ in feed.since(cursor) for line in found]
            assert {line.id for line in lines} == {ref.id}
    with pytest.raises(Unsupported):
        await feed.cursor(EntryRef("/", (await drive.look_up("/")).id))


@pytest.mark.parametrize("forgets", [True, False])
async def test_cursor_that_google_does_not_know_is_not_found(
    simulators: RunningFront,
    google: Google,
    drive: Connector,
    forgets: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    await put(drive, MINE, "file", b"x")
    cursor = await _changes(drive).cursor(MINE)
    if forgets:
        await put(drive, MINE, "another", b"x")
        simulators.inside(google.drive_of(people.ALICE).forget_log)
    else:
        cursor = json.dumps([{"token": "nonsense"}])
    with pytest.raises(NotFound):
        await _since(drive, cursor)


async def test_earlier_versions_are_told_and_read(google: Google, drive: Connector) -> None:
    assert drive.versions is not None
    entry = await put(drive, MINE, "file", b"one")
    for number, data in enumerate((b"two", b"three")):
        place = target(MINE, "file", replaces=entry, modified_ns=(number + 1) * 10**18)
        entry = await drive.upload(place, GivenContent(data))
    ref = ref_of(MINE, entry)
    google.tally.clear()
    versions = await drive.versions.of(ref)
    assert google.tally.total == 1
    assert [version.size for version in versions] == [3, 3, 5]
    assert versions[1].modified_ns == 10**18
    assert versions[-1].id == entry.version
    assert versions[0].author == people.ALICE
    contents = [b"".join([piece async for piece in drive.versions.read(ref, each)]) for each in versions]
    assert contents == [b"one", b"two", b"three"]
    part = drive.versions.read(ref, versions[2], offset=1, length=2)
    assert b"".join([piece async for piece in part]) == b"hr"


async def test_versions_of_a_document_are_exports(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    assert drive.versions is not None
    tree = google.drive_of(people.ALICE)
    simulators.inside(lambda: google.state.add_native(tree, tree.root, "Plan", "document"))
    [entry] = await listed(drive, MINE)
    [version] = await drive.versions.of(ref_of(MINE, entry))
    pieces = [piece async for piece in drive.versions.read(ref_of(MINE, entry), version)]
    assert b"".join(pieces).startswith(b"PK")
