"""Reading, listing and looking up, with the service's oddities."""

from __future__ import annotations

import pytest
from simulators.blobs import Bytes
from simulators.faults import Answer, Corrupt, Drop
from simulators.microsoft.state import Library
from simulators.nodes import FOLDER
from tests.contract.acts import listed, names, put, read, ref_of, some_bytes

from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.entries import ROOT, EntryKind, EntryRef
from mover.errors import (
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
