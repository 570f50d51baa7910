"""Reading by way of another host, to which no token goes."""

from __future__ import annotations

import pytest
from simulators.blobs import Bytes
from simulators.faults import Answer, Corrupt, Drop
from simulators.nodes import Drive
from tests.contract.acts import listed, read, ref_of

from mover.connectors.box import BoxConnector
from mover.entries import ROOT, EntryKind, EntryRef
from mover.errors import (
    Changed,
    MalwareFlagged,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    ServiceFault,
    Throttled,
    Unreachable,
)
from simulators.box import Box

pytestmark = pytest.mark.servers


@pytest.fixture
async def file(drive: Drive, connector: BoxConnector) -> EntryRef:
    drive.add(drive.root, "file", blob=Bytes(b"content" * 50_000))
    [entry] = await listed(connector, ROOT)
    return ref_of(ROOT, entry)


async def test_the_token_stays_at_box(box: Box, connector: BoxConnector, file: EntryRef) -> None:
    box.tally.records = True
    assert len(await read(connector, file)) == 350_000
    asked, fetched = box.tally.exchanges
    assert (asked.host, fetched.host) == ("api.box.com", "dl.boxcloud.com")
    assert "authorization" in dict(asked.headers)
    assert "authorization" not in dict(fetched.headers)


@pytest.mark.parametrize(
    "location",
    [
        "https://dl.boxcloud.com.example/x",
        "http://dl.boxcloud.com/x",
        "https://a@evil.example/.box.com",
        "",
        "https://[",
    ],
)
async def test_nobody_elses_address_is_followed(
    box: Box, connector: BoxConnector, file: EntryRef, location: str
) -> None:
    box.faults.add(Answer(302, {"Location": location}), path="/content")
    with pytest.raises(ProtocolViolation):
        await read(connector, file)


async def test_a_file_that_was_just_uploaded_is_read_a_little_later(
    box: Box, connector: BoxConnector, file: EntryRef
) -> None:
    box.faults.switch("just uploaded", 1)
    with pytest.raises(ServiceFault) as caught:
        await read(connector, file)
    assert caught.value.retry_after_s == 2
    assert len(await read(connector, file)) == 350_000


async def test_a_link_that_has_ended_a_torn_line_and_a_throttled_host(
    box: Box, connector: BoxConnector, file: EntryRef
) -> None:
    box.faults.switch("links expire", 1)
    with pytest.raises(ServiceFault):
        await read(connector, file)
    box.faults.add(Drop(after=1000), path="/download$")
    with pytest.raises(Unreachable):
        await read(connector, file)
    box.faults.add(Answer(429, {"Retry-After": "7"}), path="/download$")
    with pytest.raises(Throttled) as caught:
        await read(connector, file)
    assert caught.value.retry_after_s == 7
    box.faults.add(Corrupt(at=10), path="/download$")
    assert await read(connector, file) != b"content" * 50_000  # the engine compares the hash


async def test_what_box_calls_malicious_and_what_may_only_be_previewed(
    box: Box, connector: BoxConnector, file: EntryRef
) -> None:
    box.faults.switch("malware", 1)
    with pytest.raises(MalwareFlagged):
        await read(connector, file)
    ben = box.organisation.drive("ben@example.org")
    theirs = ben.add(ben.root, "theirs", blob=Bytes(b"x"))
    ann = box.organisation.accounts.person_of("ann@example.org")
    assert ann is not None
    box.organisation.collaborate(theirs, ann, "previewer")
    with pytest.raises(PermissionDenied):
        await read(connector, EntryRef("/theirs", f"file-{theirs.id}"))


async def test_a_version_is_read_as_it_was_as_long_as_it_is_there(
    drive: Drive, connector: BoxConnector, file: EntryRef
) -> None:
    seen = await connector.refresh(file)
    node = drive.at("/file")
    assert node is not None
    drive.put(node, Bytes(b"new"))
    assert len(await read(connector, file, version=seen.version)) == 350_000
    drive.put(node, Bytes(b"newer"), keeps=0)
    with pytest.raises(Changed):
        await read(connector, file, version=seen.version)
    drive.trash(node)
    with pytest.raises(NotFound):
        await read(connector, file, version=seen.version)


async def test_earlier_versions_are_told_oldest_first_and_read(
    drive: Drive, connector: BoxConnector, file: EntryRef
) -> None:
    node = drive.at("/file")
    assert node is not None
    drive.put(node, Bytes(b"two"))
    drive.put(node, Bytes(b"three"), modified_ns=10**18)
    versions = await connector.versions.of(file)
    assert [version.size for version in versions] == [350_000, 3, 5]
    assert versions[-1].modified_ns == 10**18
    assert versions[0].author == "ann@example.org"
    got = [
        b"".join([piece async for piece in connector.versions.read(file, version)])
        for version in versions[1:]
    ]
    assert got == [b"two", b"three"]


async def test_notes_are_files_and_said_to_be_and_bookmarks_are_shortcuts(
    drive: Drive, connector: BoxConnector
) -> None:
    assert not connector.remarks
    drive.add(drive.root, "Plan.boxnote", blob=Bytes(b"{}"))
    link = drive.add(drive.root, "A link", kind="web_link")
    link.properties["url"] = "https://example.org/"
    note, bookmark = await listed(connector, ROOT)
    assert (note.kind, note.size) == (EntryKind.FILE, 2)
    assert "Box Notes" in connector.remarks[0]
    assert (bookmark.kind, bookmark.target) == (EntryKind.SHORTCUT, "https://example.org/")
    with pytest.raises(NotFound):
        await read(connector, ref_of(ROOT, bookmark))
