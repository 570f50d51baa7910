"""Reading, listing and looking up, with the service's oddities."""

from __future__ import annotations

import pytest
from simulators.blobs import Bytes
from simulators.faults import Answer, Corrupt, Drop
from simulators.microsoft.state import Library
from simulators.nodes import FOLDER
from tests.contract.acts import listed, names, put, read, ref_of, some_bytes

from mover.connectors.microsoft.addressing import Address
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.microsoft.told_links import ToldLink, ToldLinks
from mover.entries import ROOT, Entry, EntryKind, EntryRef
from mover.errors import (
    Changed,
    IntegrityError,
    Locked,
    MalwareFlagged,
    MoverError,
    NotFound,
    ProtocolViolation,
    ServiceFault,
    Unreachable,
    Unsupported,
)
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers

DATA = some_bytes(300_000)


def library_of(vendor: Microsoft) -> Library:
    return next(iter(vendor.state.drive_of.values()))


async def test_reading_costs_two_calls_and_shows_no_token_where_the_bytes_are_since_that_is_refused(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    file = ref_of(ROOT, await put(drive, ROOT, "file", DATA))
    vendor.tally.clear()
    assert await read(drive, file, offset=10, length=1000) == DATA[10:1010]
    assert vendor.tally.calls == {"GET item": 1, "download": 1}


async def _as_listed(drive: MicrosoftConnector) -> Entry:
    [entry] = await listed(drive, ROOT)
    return entry


async def test_what_was_listed_just_now_is_read_in_one_call_and_the_next_time_in_two(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    await put(drive, ROOT, "file", DATA)
    entry = await _as_listed(drive)
    vendor.tally.clear()
    file = ref_of(ROOT, entry)
    assert await read(drive, file, version=entry.version) == DATA
    assert vendor.tally.calls == {"download": 1}
    assert await read(drive, file, version=entry.version) == DATA
    assert vendor.tally.calls == {"download": 2, "GET item": 1}


async def test_a_part_of_what_was_listed_is_read_in_two_calls(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    await put(drive, ROOT, "file", DATA)
    file = ref_of(ROOT, await _as_listed(drive))
    vendor.tally.clear()
    assert await read(drive, file, offset=10, length=1000) == DATA[10:1010]
    assert vendor.tally.calls == {"GET item": 1, "download": 1}


@pytest.mark.parametrize("now", [some_bytes(300_000, seed=1), some_bytes(300_001), b"short"])
async def test_what_changed_since_it_was_listed_is_noticed_by_its_hash(
    vendor: Microsoft, drive: MicrosoftConnector, now: bytes
) -> None:
    await put(drive, ROOT, "file", DATA)
    entry = await _as_listed(drive)
    library = library_of(vendor)
    node = library.drive.at("/file")
    assert node is not None
    library.drive.put(node, Bytes(now))
    file = ref_of(ROOT, entry)
    vendor.tally.clear()
    with pytest.raises(Changed):
        await read(drive, file, version=entry.version)
    assert vendor.tally.calls == {"download": 1}
    assert await read(drive, file) == now


async def test_another_version_than_the_listed_one_is_asked_for_anew(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    await put(drive, ROOT, "file", DATA)
    file = ref_of(ROOT, await _as_listed(drive))
    vendor.tally.clear()
    with pytest.raises(Changed):
        await read(drive, file, version="another")
    assert vendor.tally.calls == {"GET item": 1}


async def test_a_listed_link_that_has_expired_costs_no_more_than_a_call(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    await put(drive, ROOT, "file", DATA)
    file = ref_of(ROOT, await _as_listed(drive))
    vendor.faults.add(Answer(401, {}, b""), path="download.aspx")
    vendor.tally.clear()
    assert await read(drive, file) == DATA
    assert (vendor.tally.calls["GET item"], vendor.tally.total) == (1, 3)


async def test_listed_links_are_few_and_for_minutes() -> None:
    now = [0.0]
    links = ToldLinks(lambda: now[0])
    told = ToldLink(Secret("https://x"), frozenset({"1", None}), 1, "00")
    number = 0
    while links.has_room:
        links.put("drive", str(number), told)
        number += 1
    links.put("drive", "late", told)
    assert links.take(Address("drive", "late"), None) is None
    assert links.take(Address("drive", "0"), "1") is told
    now[0] = 300.0
    assert links.take(Address("drive", "1"), "1") is None
    assert links.has_room


async def test_without_a_link_in_the_description_the_redirection_is_followed(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    file = ref_of(ROOT, await put(drive, ROOT, "file", DATA))
    vendor.faults.switch("no download url")
    assert await read(drive, file) == DATA
    assert vendor.tally.calls["GET content"] == 1


async def test_a_redirection_of_the_content_is_followed_to_https_only(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    file = ref_of(ROOT, await put(drive, ROOT, "file", DATA))
    vendor.faults.add(Answer(302, {"Location": "http://contoso.sharepoint.com/x"}), path="download.aspx")
    with pytest.raises(ProtocolViolation):
        await read(drive, file)
    vendor.faults.add(Answer(302, {"Location": "/loop/download.aspx"}), path="download.aspx", times=9)
    with pytest.raises(ProtocolViolation, match="redirections"):
        await read(drive, file)


async def test_an_expired_link_and_a_torn_download_can_be_tried_again(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    file = ref_of(ROOT, await put(drive, ROOT, "file", DATA))
    vendor.faults.add(Answer(401, {}, b""), path="download.aspx")
    with pytest.raises(ServiceFault, match="expired"):
        await read(drive, file)
    vendor.faults.add(Drop(after=1000), path="download.aspx")
    with pytest.raises((Unreachable, IntegrityError)):
        await read(drive, file)
    assert await read(drive, file) == DATA


async def test_another_range_than_was_asked_for_is_noticed(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    file = ref_of(ROOT, await put(drive, ROOT, "file", DATA))
    for headers, status in (({"Content-Range": "bytes 0-9/300000"}, 206), ({}, 200)):
        vendor.faults.add(Answer(status, headers, DATA[:10]), path="download.aspx")
        with pytest.raises((ProtocolViolation, ServiceFault)):
            await read(drive, file, offset=10, length=10)


async def test_what_cannot_be_read_says_why(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    library = library_of(vendor)
    root = library.drive.root
    cases: list[tuple[str, dict[str, object], type[MoverError]]] = [
        ("virus.exe", {"malware": True}, MalwareFlagged),
        ("theirs.txt", {"remote": {"name": "theirs.txt", "webUrl": "https://x.example/theirs"}}, Unsupported),
    ]
    for name, properties, kind in cases:
        node = library.drive.add(root, name, blob=Bytes(DATA))
        node.properties.update(properties)
        with pytest.raises(kind):
            await read(drive, EntryRef(f"/{name}", node.id))
    with pytest.raises(NotFound):
        await read(drive, EntryRef("/", None))
    found = {entry.name: entry for entry in await listed(drive, ROOT)}
    assert (found["theirs.txt"].kind, found["theirs.txt"].target) == (
        EntryKind.SHORTCUT,
        "https://x.example/theirs",
    )


async def test_a_notebook_is_a_folder_of_sections_at_work_and_a_document_of_its_own_at_home(
    vendor: Microsoft, drive: MicrosoftConnector, personal: MicrosoftConnector
) -> None:
    for library in vendor.state.drive_of.values():
        notebook = library.drive.add(library.drive.root, "Notes", kind=FOLDER)
        notebook.properties["package"] = True
        library.drive.add(notebook, "Section.one", blob=Bytes(DATA))
    [at_work] = await listed(drive, ROOT)
    assert at_work.kind is EntryKind.FOLDER
    [section] = await listed(drive, ref_of(ROOT, at_work))
    assert await read(drive, ref_of(ref_of(ROOT, at_work), section)) == DATA
    [at_home] = await listed(personal, ROOT)
    assert (at_home.kind, at_home.size, at_home.internal) == (EntryKind.NATIVE, None, None)
    assert at_home.version is not None
    with pytest.raises(Unsupported, match="OneNote"):
        await read(personal, ref_of(ROOT, at_home))


async def test_hashes_may_be_missing(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    vendor.faults.switch("no hashes")
    await put(drive, ROOT, "file", DATA)
    [entry] = await listed(drive, ROOT)
    assert (entry.size, entry.hashes) == (len(DATA), {})


async def test_an_empty_folder_that_was_listed_before_costs_one_call(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    await drive.create_folder(ROOT, "empty")
    [entry] = await listed(drive, ROOT)
    vendor.tally.clear()
    assert await listed(drive, ref_of(ROOT, entry)) == []
    assert vendor.tally.calls == {"GET children": 1}


async def test_a_listing_that_lags_shows_in_time_what_was_made(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    library_of(vendor).drive.lag_ns = 30 * 10**9
    await put(drive, ROOT, "file", DATA)
    assert await names(drive, ROOT) == []
    assert (await drive.look_up("/file")).size == len(DATA)
    vendor.state.clock.advance(31)
    assert await names(drive, ROOT) == ["file"]


async def test_a_locked_site_is_told_as_such(vendor: Microsoft, sites: MicrosoftConnector) -> None:
    site = next(site for site in vendor.state.sites.values() if site.name == "Marketing")
    site.libraries[0].is_locked = True
    with pytest.raises(Locked):
        await listed(sites, EntryRef("/Marketing/Documents"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b'{"value": null}',
        b'{"value": [{"name": "x"}]}',
        b'{"value": [{"id": 7}]}',
        b'{"value": [{"id": "1", "name": "x", "size": "big", "file": {}}]}',
        b'{"value": [], "@odata.nextLink": "https://evil.example/"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
async def test_rubbish_instead_of_a_listing_is_no_empty_folder(
    vendor: Microsoft, drive: MicrosoftConnector, body: bytes
) -> None:
    vendor.faults.add(Answer(200, {}, body), path="children")
    with pytest.raises(ProtocolViolation):
        await listed(drive, ROOT)


async def test_a_damaged_listing_is_noticed(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    await put(drive, ROOT, "file", DATA)
    vendor.faults.add(Corrupt(at=0), path="children")
    with pytest.raises(ProtocolViolation):
        await listed(drive, ROOT)


async def test_absurd_numbers_and_dates_are_forgotten(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    body = (
        b'{"value": [{"id": "1", "name": "x", "size": -5, "file": {"hashes": {"quickXorHash": "!!"}},'
        b'"fileSystemInfo": {"lastModifiedDateTime": "yesterday", "createdDateTime": "0000-99-99T00:00:00Z"}}]}'
    )
    vendor.faults.add(Answer(200, {}, body), path="children")
    [entry] = await listed(drive, ROOT)
    assert (entry.size, entry.modified_ns, entry.created_ns, entry.hashes) == (None, None, None, {})
