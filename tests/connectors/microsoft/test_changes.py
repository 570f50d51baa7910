"""The change feed of a drive."""

from __future__ import annotations

import json

import pytest
from simulators.blobs import Bytes
from simulators.faults import Answer
from simulators.microsoft.state import Library
from tests.contract.acts import put, ref_of

from mover.connectors.contract import Change
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.entries import ROOT, EntryRef
from mover.errors import NotFound, ProtocolViolation
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers


def library_of(vendor: Microsoft) -> Library:
    return next(iter(vendor.state.drive_of.values()))


async def _since(connector: MicrosoftConnector, cursor: str) -> tuple[list[Change], str]:
    found: list[Change] = []
    async for changes, following in connector.changes.since(cursor):
        found += changes
        cursor = following
    return found, cursor


async def test_what_was_made_renamed_and_deleted_is_told(
    vendor: Microsoft, either: MicrosoftConnector
) -> None:
    gone = await put(either, ROOT, "gone", b"x")
    old = await put(either, ROOT, "old", b"x")
    cursor = await either.changes.cursor()
    assert await _since(either, cursor) != ([], "")
    folder = await either.create_folder(ROOT, "folder")
    inside = await put(either, ref_of(ROOT, folder), "inside", b"12345")
    await either.renames.rename(ref_of(ROOT, old), ref_of(ROOT, folder), "new")
    drive = library_of(vendor).drive
    drive.remove(drive.nodes[str(gone.id)])
    found, later = await _since(either, cursor)
    told = {change.id: change for change in found}
    root = await either.look_up("/")
    assert told[str(gone.id)].entry is None
    moved = told[str(old.id)].entry
    assert moved is not None
    assert (moved.name, told[str(old.id)].parent_id) == ("new", folder.id)
    fresh = told[str(inside.id)].entry
    assert fresh is not None
    assert (fresh.size, told[str(inside.id)].parent_id) == (5, folder.id)
    assert told[str(folder.id)].parent_id == root.id
    assert root.id not in told
    assert (await _since(either, later))[0] == []


async def test_a_feed_of_nothing_costs_one_call_however_many_files_there_are(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    inner = library_of(vendor).drive
    for number in range(3000):
        inner.add(inner.root, f"{number}", blob=Bytes(b"x"))
    vendor.tally.clear()
    cursor = await drive.changes.cursor()
    assert (await _since(drive, cursor))[0] == []
    assert vendor.tally.calls == {"GET delta": 2}


async def test_pages_can_be_read_on_from_each_cursor_and_may_repeat_lines(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    cursor = await drive.changes.cursor()
    inner = library_of(vendor).drive
    for number in range(2500):
        inner.add(inner.root, f"{number}", blob=Bytes(b"x"))
    vendor.faults.switch("delta repeats")
    pages = [page async for page in drive.changes.since(cursor)]
    assert [len(changes) for changes, _ in pages] == [999, 1001, 502]
    rest, _ = await _since(drive, pages[0][1])
    assert {change.id for change in rest} | {change.id for change in pages[0][0]} == {
        node.id for node in inner.nodes.values() if node is not inner.root
    }


@pytest.mark.parametrize("kind", ["resync apply", "resync upload", "forgotten", "rubbish"])
async def test_a_cursor_that_is_too_old_is_not_found(
    vendor: Microsoft, drive: MicrosoftConnector, kind: str
) -> None:
    cursor = await drive.changes.cursor()
    await put(drive, ROOT, "file", b"x")
    if kind == "forgotten":
        library_of(vendor).drive.forget_log()
        library_of(vendor).drive.forget_log()
    elif kind == "rubbish":
        cursor = "rubbish"
    else:
        vendor.faults.switch(kind, 1)
    with pytest.raises(NotFound):
        await _since(drive, cursor)


async def test_a_cursor_never_leads_elsewhere(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    with pytest.raises(ProtocolViolation):
        await _since(drive, "b!x https://evil.example/v1.0/delta")
    vendor.faults.add(
        Answer(200, {}, b'{"value": [], "@odata.deltaLink": "https://evil.example/"}'), path="delta"
    )
    with pytest.raises(ProtocolViolation):
        await drive.changes.cursor()
    vendor.faults.add(Answer(200, {}, b'{"value": []}'), path="delta")
    with pytest.raises(ProtocolViolation):
        await drive.changes.cursor()


async def test_each_library_has_its_feed(
    sites: MicrosoftConnector,
) -> None:
    folder = await sites.look_up("/Marketing/Documents")
    cursor = await sites.changes.cursor(EntryRef("/Marketing/Documents", folder.id))
    made = await put(sites, EntryRef("/Marketing/Documents", folder.id), "file", b"x")
    archive = await sites.look_up("/Marketing/Archive")
    await put(sites, EntryRef("/Marketing/Archive", archive.id), "other", b"x")
    [change], _ = await _since(sites, cursor)
    assert (change.id, change.parent_id) == (made.id, folder.id)


async def test_a_site_is_followed_through_the_feeds_of_its_libraries(
    vendor: Microsoft, sites: MicrosoftConnector
) -> None:
    site = EntryRef("/Marketing", (await sites.look_up("/Marketing")).id)
    cursor = await sites.changes.cursor(site)
    vendor.tally.clear()
    found, cursor = await _since(sites, cursor)
    assert found == []
    assert vendor.tally.calls == {"GET drives": 1, "GET sites": 1, "GET delta": 2}
    archive = await sites.look_up("/Marketing/Archive")
    made = await put(sites, EntryRef("/Marketing/Archive", archive.id), "file", b"x")
    above = next(one for one in vendor.state.sites.values() if one.name == "Marketing")
    eu = vendor.add_site("EU", above=above)
    removed = above.libraries.pop(0)
    found, cursor = await _since(sites, cursor)
    library = f"{eu.libraries[0].id}/root"
    told = [(change.id, change.parent_id) for change in found]
    assert told == [
        (f":site/{eu.id}", None),  # to be looked at afresh
        (f":site/{eu.id}", site.id),
        (library, None),
        (library, f":site/{eu.id}"),
        (f"{removed.id}/root", None),
        (made.id, archive.id),
    ]
    assert (await _since(sites, cursor))[0] == []


async def test_a_tenant_is_followed_and_a_user_whose_feed_is_lost_is_listed_afresh(
    vendor: Microsoft, tenant: MicrosoftConnector
) -> None:
    vendor.add_user("new", provisioned=False)
    ben = vendor.add_user("ben")
    cursor = await tenant.changes.cursor(EntryRef("/", (await tenant.look_up("/")).id))
    vendor.tally.clear()
    found, cursor = await _since(tenant, cursor)
    new = ":user/new@contoso.example"
    assert [(change.id, change.entry is None) for change in found] == [(new, True), (new, False)]
    assert vendor.tally.calls["GET delta"] == 4
    assert vendor.tally.calls.total() <= 10
    for person in vendor.state.accounts.people.values():
        person.provisioned = True
    ref = EntryRef("/Users/anna@contoso.example", ":user/anna@contoso.example")
    made = await put(tenant, ref, "file", b"x")
    vendor.drive_of(ben).drive.forget_log()
    await put(tenant, EntryRef(f"/Users/{ben.email}", f":user/{ben.email}"), "other", b"x")
    vendor.drive_of(ben).drive.forget_log()
    found, cursor = await _since(tenant, cursor)
    told = [(change.id, change.parent_id) for change in found]
    assert told == [
        (new, None),
        (new, ":users"),
        (made.id, ref.id),
        (f":user/{ben.email}", None),
    ]
    assert (await _since(tenant, cursor))[0] == []


@pytest.mark.parametrize("kind", ["feeds:", "feeds:{}", 'feeds:{"id": 1}', "feeds:[[[[", "feeds:\ud800"])
async def test_a_position_that_cannot_be_read_is_not_found(tenant: MicrosoftConnector, kind: str) -> None:
    with pytest.raises(NotFound):
        await _since(tenant, kind)


async def test_what_stands_in_the_root_is_told_so_though_neither_the_root_nor_a_path_comes_along(
    vendor: Microsoft, either: MicrosoftConnector
) -> None:
    cursor = await either.changes.cursor()
    library = library_of(vendor)
    made = {
        "id": "NEW",
        "name": "new",
        "size": 1,
        "file": {},
        "parentReference": {"driveId": library.id, "id": library.drive.root.id},
    }
    link = f"https://graph.microsoft.com/v1.0/drives/{library.id}/root/delta?token=later"
    body = json.dumps({"value": [made], "@odata.deltaLink": link}).encode()
    vendor.faults.add(Answer(200, {"Content-Type": "application/json"}, body), path="delta")
    [change], _ = await _since(either, cursor)
    assert (change.id, change.parent_id) == ("NEW", (await either.look_up("/")).id)
