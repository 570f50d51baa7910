"""The stream of events: repeated, out of order, sparse, and silent about what is too old."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from simulators.front import RunningFront
from simulators.nodes import Drive
from tests.contents import GivenContent
from tests.contract.acts import target
from tests.servers.box import BEN, connected, enterprise, person

from mover.connectors.box import BoxConnector
from mover.connectors.contract import Change, Connector
from mover.entries import ROOT, Entry, EntryRef
from mover.errors import NotFound
from simulators.box import Box

pytestmark = pytest.mark.servers


async def since(connector: Connector, cursor: str) -> tuple[dict[str, Change], str]:
    """The last line of each id, and the cursor at the end."""
    assert connector.changes is not None
    found: dict[str, Change] = {}
    async with aclosing(connector.changes.since(cursor)) as pages:
        async for changes, following in pages:
            cursor = following
            for change in changes:
                found[change.id] = change
    return found, cursor


async def put(
    connector: BoxConnector, folder: EntryRef, name: str, data: bytes = b"x", **how: object
) -> Entry:
    return await connector.upload(target(folder, name, **how), GivenContent(data))  # type: ignore[arg-type] # given by tests


async def test_nothing_changed_costs_one_call(box: Box, connector: BoxConnector) -> None:
    await put(connector, ROOT, "file")
    cursor = await connector.changes.cursor()
    box.tally.clear()
    assert (await since(connector, cursor))[0] == {}
    assert box.tally.calls == {"GET /2.0/events": 1}


async def test_changes_tell_what_listings_tell(connector: BoxConnector) -> None:
    cursor = await connector.changes.cursor()
    made = await connector.create_folder(ROOT, "folder")
    folder = ROOT.child("folder", made.id)
    first = await put(connector, folder, "file", modified_ns=10**18)
    found, cursor = await since(connector, cursor)
    assert found.keys() == {made.id, first.id}
    seen = await connector.refresh(folder.child("file", first.id))
    change = found[str(first.id)]
    assert change.entry is not None
    assert change.parent_id == made.id
    assert (change.entry.version, change.entry.hashes, change.entry.modified_ns) == (
        seen.version,
        seen.hashes,
        seen.modified_ns,
    )
    await connector.rename(folder.child("file", first.id), ROOT, "moved")
    found, _ = await since(connector, cursor)
    moved = found[str(first.id)]
    assert (moved.entry and moved.entry.name, moved.parent_id) == ("moved", "folder-0")


@pytest.mark.parametrize("oddity", ["events twice", "events out of order", "sparse events", "short events"])
async def test_oddities_change_nothing_of_the_outcome(box: Box, connector: BoxConnector, oddity: str) -> None:
    cursor = await connector.changes.cursor()
    first = await put(connector, ROOT, "one")
    await connector.rename(ROOT.child("one", first.id), ROOT, "two")
    await connector.rename(ROOT.child("two", first.id), ROOT, "three")
    other = await put(connector, ROOT, "other", b"12345")
    box.faults.switch(oddity)
    found, _ = await since(connector, cursor)
    entries = {key: change.entry for key, change in found.items()}
    assert entries.keys() == {first.id, other.id}
    assert entries[str(first.id)].name == "three"  # type: ignore[union-attr] # else the test fails as well
    assert entries[str(other.id)].size == 5  # type: ignore[union-attr] # likewise
    assert entries[str(other.id)].hashes == other.hashes  # type: ignore[union-attr] # likewise


async def test_what_is_trashed_is_gone_and_what_comes_back_brings_all_that_is_in_it(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    made = await connector.create_folder(ROOT, "folder")
    folder = ROOT.child("folder", made.id)
    inner = await connector.create_folder(folder, "inner")
    file = await put(connector, folder.child("inner", inner.id), "file")
    cursor = await connector.changes.cursor()
    node = drive.at("/folder")
    assert node is not None
    ann = person(box)
    drive.trash(node)
    box.organisation.record("ITEM_TRASH", _spelled(box, "folder", node.id), frozenset({ann.id}), ann)
    found, cursor = await since(connector, cursor)
    assert found == {str(made.id): Change(str(made.id), None)}
    drive.restore(node)
    box.organisation.record(
        "ITEM_UNDELETE_VIA_TRASH", _spelled(box, "folder", node.id), frozenset({ann.id}), ann
    )
    found, _ = await since(connector, cursor)
    assert {key: change.parent_id for key, change in found.items()} == {
        made.id: "folder-0",
        inner.id: made.id,
        file.id: inner.id,
    }


def _spelled(box: Box, kind: str, node_id: str) -> dict[str, object]:
    from simulators.box.views import Views  # noqa: PLC0415 - only for events behind the connector's back

    node = box.organisation.drives[person(box).id].nodes[node_id]
    assert node.kind == kind
    return Views(box.organisation).item(node, person(box))


async def test_what_somebody_shares_comes_into_sight_and_goes_again(
    simulators: RunningFront, box: Box, connector: BoxConnector
) -> None:
    async with connected(simulators, email=BEN) as ben:
        made = await ben.create_folder(ROOT, "of ben")
        file = await put(ben, ROOT.child("of ben", made.id), "file")
        cursor = await connector.changes.cursor()
        from mover.entries import AccessRole, GranteeKind, Permission  # noqa: PLC0415 - only here

        ann = Permission(kind=GranteeKind.PERSON, identity="ann@example.org", role=AccessRole.READ)
        await ben.permissions.grant(ROOT.child("of ben", made.id), ann)
        found, cursor = await since(connector, cursor)
        assert {key: change.parent_id for key, change in found.items()} == {
            made.id: "folder-0",
            file.id: made.id,
        }
        await ben.permissions.revoke(ROOT.child("of ben", made.id), ann)
        found, _ = await since(connector, cursor)
        assert found == {str(made.id): Change(str(made.id), None)}
    assert not box.sharing.notified


async def test_a_cursor_older_than_the_events_is_not_found(simulators: RunningFront, box: Box) -> None:
    now = [1_000_000_000.0]
    async with connected(simulators, now=lambda: now[0]) as connector:
        cursor = await connector.changes.cursor()
        await put(connector, ROOT, "file")
        box.organisation.forget_events()
        now[0] += 12 * 24 * 3600
        await since(connector, cursor)  # Box tells nothing of what it forgot; it promises two weeks
        now[0] += 2 * 24 * 3600
        with pytest.raises(NotFound):
            await since(connector, cursor)
        with pytest.raises(NotFound):
            await since(connector, "rubbish")


async def test_each_user_of_an_enterprise_has_a_stream(simulators: RunningFront) -> None:
    async with enterprise(simulators) as connector:
        folder = EntryRef(f"/Users/{BEN}")
        cursor = await connector.changes.cursor(folder)
        entry = await connector.upload(target(folder, "file"), GivenContent(b"x"))
        found, _ = await since(connector, cursor)
        root = await connector.look_up(folder.path)
        assert found[str(entry.id)].parent_id == root.id


async def test_an_enterprise_is_followed_through_the_streams_of_all_users(simulators: RunningFront) -> None:
    async with enterprise(simulators) as connector:
        cursor = await connector.changes.cursor(EntryRef("/", (await connector.look_up("/")).id))
        entry = await connector.upload(target(EntryRef(f"/Users/{BEN}"), "file"), GivenContent(b"x"))
        found, after = await since(connector, cursor)
        root = await connector.look_up(f"/Users/{BEN}")
        assert {change.id: change.parent_id for change in found.values()} == {str(entry.id): root.id}
        assert (await since(connector, after))[0] == {}
