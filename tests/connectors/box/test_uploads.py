"""Small files: one call each, never twice, never over another one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from simulators.blobs import Bytes, MadeUp, content
from simulators.faults import Answer, LoseAnswer
from simulators.nodes import Drive
from tests.contents import GivenContent, hashes_of
from tests.contract.acts import listed, target

from mover.connectors.box import BoxConnector
from mover.connectors.contract import Target
from mover.entries import ROOT, Entry, HashName
from mover.errors import (
    Conflict,
    IntegrityError,
    Locked,
    MoverError,
    NameRejected,
    PermissionDenied,
    QuotaExceeded,
    ServiceFault,
    TooLarge,
    Unreachable,
)
from simulators.box import Box

pytestmark = pytest.mark.servers

UPLOAD = "POST /api/2.0/files/content"


async def put(connector: BoxConnector, name: str, data: bytes, **how: object) -> Entry:
    given = GivenContent(data, hashes=hashes_of(data, [HashName.SHA1]))
    return await connector.upload(target(ROOT, name, **how), given)  # type: ignore[arg-type] # given by tests


async def test_a_new_file_costs_one_call_and_the_answer_proves_its_arrival(
    box: Box, connector: BoxConnector
) -> None:
    for number in range(5):
        entry = await put(connector, f"file {number}", b"content %d" % number)
        assert entry.hashes == hashes_of(b"content %d" % number, [HashName.SHA1])
    assert box.tally.calls == {UPLOAD: 5}


async def test_times_of_creation_and_change_come_with_it(drive: Drive, connector: BoxConnector) -> None:
    place = Target(
        folder=ROOT,
        name="file",
        key="k",
        modified_ns=1_600_000_000_987_654_321,
        created_ns=1_500_000_000 * 10**9,
    )
    await connector.upload(place, GivenContent(b"x"))
    node = drive.at("/file")
    assert node is not None
    assert (node.modified_ns, node.created_ns) == (1_600_000_000 * 10**9, 1_500_000_000 * 10**9)
    [entry] = await listed(connector, ROOT)
    assert (entry.modified_ns, entry.created_ns) == (node.modified_ns, node.created_ns)


async def test_a_lost_answer_costs_one_more_call_and_no_second_file(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    box.faults.add(LoseAnswer(), method="POST", path="/files/content$")
    with pytest.raises(Unreachable):
        await put(connector, "file", b"content")
    entry = await put(connector, "file", b"content")
    node = drive.at("/file")
    assert node is not None
    assert entry.id == f"file-{node.id}"
    assert (entry.size, entry.hashes) == (7, hashes_of(b"content", [HashName.SHA1]))
    assert len(node.versions) == 1
    assert box.tally.calls == {UPLOAD: 2}


@pytest.mark.parametrize(("name", "data"), [("file", b"other"), ("FILE", b"content")])
async def test_another_file_in_the_way_is_a_conflict(connector: BoxConnector, name: str, data: bytes) -> None:
    await put(connector, "file", b"content")
    with pytest.raises(Conflict):
        await put(connector, name, data)


async def test_a_name_in_the_trash_is_free(drive: Drive, connector: BoxConnector) -> None:
    drive.trash(drive.add(drive.root, "file", blob=Bytes(b"old")))
    assert (await put(connector, "file", b"new")).size == 3
    assert [entry.name for entry in await listed(connector, ROOT)] == ["file"]


async def test_other_bytes_than_announced_are_refused(drive: Drive, connector: BoxConnector) -> None:
    damaged = GivenContent(b"damaged", hashes=hashes_of(b"content", [HashName.SHA1]))
    with pytest.raises(IntegrityError):
        await connector.upload(target(ROOT, "file"), damaged)
    assert drive.at("/file") is None


async def test_a_full_account_and_a_file_too_large_for_the_plan(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    drive.quota = 10
    await put(connector, "first", b"1234567")
    with pytest.raises(QuotaExceeded):
        await put(connector, "second", b"1234567")
    drive.quota = None
    box.organisation.max_upload_size = 10
    with pytest.raises(TooLarge):
        await put(connector, "third", b"12345678901")


async def test_what_others_hold_is_locked(box: Box, drive: Drive, connector: BoxConnector) -> None:
    entry = await put(connector, "file", b"one")
    node = drive.at("/file")
    assert node is not None
    node.properties["lock"] = {"created_by": {"id": "somebody"}, "is_download_prevented": False}
    with pytest.raises(Locked):
        await connector.upload(target(ROOT, "file", replaces=entry), GivenContent(b"two"))
    folder = await connector.create_folder(ROOT, "moving")
    box.organisation.blocked.add((folder.id or "").rpartition("-")[2])
    with pytest.raises(Locked):
        await connector.upload(target(ROOT.child("moving", folder.id), "file"), GivenContent(b"x"))


async def test_a_version_that_fails_leaves_the_file_as_it_was(drive: Drive, connector: BoxConnector) -> None:
    entry = await put(connector, "file", b"one")
    damaged = GivenContent(b"damaged", hashes=hashes_of(b"two", [HashName.SHA1]))
    with pytest.raises(IntegrityError):
        await connector.upload(target(ROOT, "file", replaces=entry), damaged)
    node = drive.at("/file")
    assert node is not None
    assert content(node.version.blob) == b"one"


async def test_a_read_only_folder_of_somebody_else(box: Box, connector: BoxConnector) -> None:
    ben = box.organisation.drive("ben@example.org")
    folder = ben.folder("/of ben")
    ann = box.organisation.accounts.person_of("ann@example.org")
    assert ann is not None
    box.organisation.collaborate(folder, ann, "viewer")
    [shared] = await listed(connector, ROOT)
    assert shared.owner == "ben@example.org"
    with pytest.raises(PermissionDenied):
        await connector.upload(target(ROOT.child(shared.name, shared.id), "file"), GivenContent(b"x"))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "name_temporarily_reserved", Locked),
        (400, "item_name_invalid", NameRejected),
        (500, "internal_server_error", ServiceFault),
        (503, "unavailable", ServiceFault),
        (403, "forbidden_by_policy", PermissionDenied),
    ],
)
async def test_other_refusals(
    box: Box, connector: BoxConnector, status: int, code: str, kind: type[MoverError]
) -> None:
    body = b'{"type":"error","status":%d,"code":"%s","message":null,"context_info":null}' % (
        status,
        code.encode(),
    )
    box.faults.add(Answer(status, {}, body), method="POST", path="/files/content$")
    with pytest.raises(kind) as caught:
        await put(connector, "file", b"x")
    assert (caught.value.service, caught.value.operation, caught.value.path) == ("box", "upload", "/file")


async def test_a_large_content_is_never_held_whole(drive: Drive, connector: BoxConnector) -> None:
    class Large:
        size = 40_000_000
        hashes = hashes_of(b"", [])
        repeatable = True

        async def chunks(self) -> AsyncIterator[bytes]:
            for piece in MadeUp(self.size).pieces():
                yield piece

    await connector.upload(target(ROOT, "large"), Large())
    node = drive.at("/large")
    assert node is not None
    assert node.size == 40_000_000
