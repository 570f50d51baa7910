"""Uploads, whole and in parts, when something goes wrong on the way."""

from __future__ import annotations

from typing import Any

import pytest
from simulators.blobs import Bytes, content
from simulators.faults import Answer, Drop, DropRequest, LoseAnswer
from simulators.microsoft.state import Library
from tests.connectors.microsoft.conftest import Connects
from tests.contents import GivenContent, hashes_of
from tests.contract.acts import put, read, ref_of, some_bytes, target

from mover.connectors.contract import Target
from mover.connectors.microsoft import CONNECTOR_TYPE
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.microsoft.sessions import LARGEST_FRAGMENT, UNIT
from mover.entries import ROOT, HashName
from mover.errors import (
    Conflict,
    IntegrityError,
    NameRejected,
    NotFound,
    PathTooLong,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    Throttled,
    Unreachable,
    Unsupported,
)
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers

DATA = some_bytes(2 * UNIT + 1000)
MOMENT = 1_600_000_000_123_000_000


def library_of(vendor: Microsoft) -> Library:
    return next(iter(vendor.state.drive_of.values()))


async def test_times_come_with_the_content_and_make_no_second_version(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    place = Target(folder=ROOT, name="file", key="k", modified_ns=MOMENT, created_ns=MOMENT - 10**12)
    entry = await drive.upload(place, GivenContent(DATA))
    node = library_of(vendor).drive.at("/file")
    assert node is not None
    assert len(node.versions) == 1
    assert (entry.modified_ns, entry.created_ns) == (1_600_000_000 * 10**9, 1_599_999_000 * 10**9)
    assert entry.owner == "anna@contoso.example"
    assert vendor.tally.calls == {"GET drive": 1, "POST createUploadSession": 1, "PUT uploadUrl": 1}


async def test_a_personal_drive_keeps_milliseconds(personal: MicrosoftConnector) -> None:
    entry = await personal.upload(
        Target(folder=ROOT, name="file", key="k", modified_ns=MOMENT, created_ns=MOMENT), GivenContent(DATA)
    )
    assert (entry.modified_ns, entry.created_ns) == (MOMENT, MOMENT)
    assert entry.owner == "paul@outlook.example"


@pytest.mark.parametrize("modified_ns", [-(10**20), 10**24])
async def test_a_time_that_no_drive_can_keep_is_left_out(drive: MicrosoftConnector, modified_ns: int) -> None:
    entry = await drive.upload(target(ROOT, "file", modified_ns=modified_ns), GivenContent(b"x"))
    assert entry.modified_ns is not None
    assert entry.modified_ns > MOMENT


async def test_a_file_whose_answer_was_lost_is_found(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    vendor.faults.add(LoseAnswer(), method="PUT", path="uploadSession")
    entry = await drive.upload(target(ROOT, "file"), GivenContent(DATA))
    assert entry.hashes == hashes_of(DATA, {HashName.QUICKXOR})
    assert await read(drive, ref_of(ROOT, entry)) == DATA


@pytest.mark.parametrize("status", [404, 410])
async def test_a_whole_file_whose_session_is_gone_is_to_be_sent_again(
    vendor: Microsoft, drive: MicrosoftConnector, status: int
) -> None:
    body = b'{"error": {"code": "itemNotFound", "message": "The upload session was not found"}}'
    vendor.faults.add(
        Answer(status, {"Content-Type": "application/json"}, body), method="PUT", path="uploadSession"
    )
    with pytest.raises(ServiceFault):
        await put(drive, ROOT, "file", b"content")
    await put(drive, ROOT, "file", b"content")


async def test_an_upload_that_breaks_leaves_no_session_behind(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    vendor.faults.add(DropRequest(after=1), method="PUT", path="uploadSession")
    with pytest.raises(Unreachable):
        await drive.upload(target(ROOT, "file"), GivenContent(DATA))
    assert not vendor.state.sessions
    await put(drive, ROOT, "file", DATA)


async def test_a_name_taken_during_the_upload_is_a_conflict(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    library = library_of(vendor)

    class Racing(GivenContent):
        async def chunks(self) -> Any:
            library.drive.add(library.drive.root, "file", blob=Bytes(b"theirs"))
            yield self.data

    with pytest.raises(Conflict):
        await drive.upload(target(ROOT, "file"), Racing(DATA))
    node = library.drive.at("/file")
    assert node is not None
    assert content(node.version.blob) == b"theirs"
    assert not vendor.state.sessions


async def test_a_full_drive_says_so(vendor: Microsoft, either: MicrosoftConnector) -> None:
    library_of(vendor).drive.quota = 1000
    vendor.tally.clear()
    await either.quota.free_bytes()  # as signing in told
    assert not vendor.tally.calls
    assert await either.quota.free_bytes() == 1000
    with pytest.raises(QuotaExceeded):
        await either.upload(target(ROOT, "file"), GivenContent(DATA))
    # Only a personal drive says so before it has the bytes.
    assert vendor.tally.calls["PUT uploadUrl"] == (1 if either.capabilities.alters else 0)


async def test_a_pause_is_told_to_the_second(
    vendor: Microsoft, drive: MicrosoftConnector, connects: Connects
) -> None:
    vendor.throttle.limit = 3
    with pytest.raises(Throttled) as caught:
        await drive.upload(target(ROOT, "file"), GivenContent(DATA))
    assert caught.value.retry_after_s == 60
    assert vendor.throttle.used == 4  # nothing more was asked
    vendor.state.clock.advance(60)
    vendor.throttle.limit = 5
    another = await connects(CONNECTOR_TYPE, access_token=Secret(vendor.token(vendor.add_user("bert"))))
    await another.upload(target(ROOT, "file"), GivenContent(DATA))
    assert vendor.tally.early == 0


async def test_more_than_one_fragment_is_sent_in_order(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    data = bytes(LARGEST_FRAGMENT) + b"the rest"
    entry = await drive.upload(target(ROOT, "file"), GivenContent(data))
    assert entry.hashes == hashes_of(data, {HashName.QUICKXOR})
    assert vendor.tally.calls["PUT uploadUrl"] == 2


@pytest.mark.parametrize(
    ("name", "kind"),
    [("~$lock.docx", NameRejected), ("CON", NameRejected), ("x" * 256, PathTooLong)],
)
async def test_names_that_the_service_refuses_are_told_as_such(
    drive: MicrosoftConnector, name: str, kind: type[NameRejected]
) -> None:
    with pytest.raises(kind):
        await put(drive, ROOT, name, b"x")
    with pytest.raises(kind):
        await drive.create_folder(ROOT, name)


async def test_what_of_a_path_counts_beside_it_is_taken_off_its_length(
    drive: MicrosoftConnector, personal: MicrosoftConnector
) -> None:
    assert drive.capabilities.names.longest_path == 400 - len("personal/anna_contoso_example/Documents/")
    assert personal.capabilities.names.longest_path == 400
    parent = ROOT.child("a" * 200)
    made = await drive.create_folder(ROOT, parent.name)
    longest = drive.capabilities.names.longest_path - len(parent.name) - 1
    await put(drive, ROOT.child(parent.name, made.id), "b" * longest, b"x")
    with pytest.raises(PathTooLong):
        await put(drive, ROOT.child(parent.name, made.id), "c" * (longest + 1), b"x")


async def test_what_was_made_just_now_is_not_missing_for_good(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    vendor.faults.switch("404 after create", 1)
    folder = ROOT.child("folder", (await drive.create_folder(ROOT, "folder")).id)
    with pytest.raises(ServiceFault, match="does not know yet") as caught:
        await put(drive, folder, "file", b"x")
    assert caught.value.retry_after_s == 1
    await put(drive, folder, "file", b"x")
    with pytest.raises(NotFound):
        await drive.refresh(folder.child("never", "01NEVER"))


async def test_office_files_are_altered_on_arrival_and_the_answer_is_of_what_was_sent(
    vendor: Microsoft, sites: MicrosoftConnector, personal: MicrosoftConnector
) -> None:
    vendor.faults.switch("rewrite office files")
    folder = await sites.look_up("/Marketing/Documents")
    entry = await sites.upload(target(ROOT.child("x", folder.id), "Plan.docx"), GivenContent(DATA))
    assert entry.hashes == hashes_of(DATA, {HashName.QUICKXOR})
    seen = await sites.look_up("/Marketing/Documents/Plan.docx")
    assert seen.size is not None
    assert seen.size > len(DATA)
    assert seen.hashes != entry.hashes
    assert seen.version != entry.version
    assert seen.modified_ns == entry.modified_ns
    assert ".docx" in sites.capabilities.alters
    assert not personal.capabilities.alters


async def _begun(connector: MicrosoftConnector, size: int) -> tuple[Target, str]:
    place = target(ROOT, "file")
    return place, await connector.part_uploads.begin(place, size, UNIT)


def _part(number: int) -> GivenContent:
    return GivenContent(DATA[(number - 1) * UNIT : number * UNIT])


async def test_a_part_of_which_the_service_kept_a_piece_is_completed(
    vendor: Microsoft, either: MicrosoftConnector
) -> None:
    place, token = await _begun(either, len(DATA))
    vendor.faults.switch("partial fragment", 1)
    vendor.faults.add(DropRequest(after=200_000), method="PUT", path="uploadSession")
    with pytest.raises(Unreachable):
        await either.part_uploads.send(token, 1, 0, _part(1))
    parts = [
        await either.part_uploads.send(token, number, (number - 1) * UNIT, _part(number))
        for number in (1, 2, 3)
    ]
    entry = await either.part_uploads.finish(token, place, parts, {})
    assert entry.hashes == hashes_of(DATA, {HashName.QUICKXOR})


async def test_a_part_whose_answer_was_lost_is_not_sent_twice(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    place, token = await _begun(drive, len(DATA))
    vendor.faults.add(LoseAnswer(), method="PUT", path="uploadSession")
    with pytest.raises(Unreachable):
        await drive.part_uploads.send(token, 1, 0, _part(1))
    parts = [await drive.part_uploads.send(token, n, (n - 1) * UNIT, _part(n)) for n in (1, 2, 3)]
    assert (await drive.part_uploads.finish(token, place, parts, {})).size == len(DATA)


async def test_a_part_too_early_waits_for_the_one_before(drive: MicrosoftConnector) -> None:
    _, token = await _begun(drive, len(DATA))
    with pytest.raises(IntegrityError, match="earlier part"):
        await drive.part_uploads.send(token, 2, UNIT, _part(2))


async def test_another_content_in_the_place_of_a_later_part_begins_the_upload_again(
    drive: MicrosoftConnector,
) -> None:
    _, token = await _begun(drive, len(DATA))
    await drive.part_uploads.send(token, 1, 0, _part(1))
    await drive.part_uploads.send(token, 2, UNIT, GivenContent(bytes(UNIT)))
    with pytest.raises(NotFound, match="begin again"):
        await drive.part_uploads.send(token, 2, UNIT, _part(2))
    with pytest.raises(NotFound):
        await drive.part_uploads.received(token)


async def test_a_file_whose_making_was_not_heard_of_is_found(
    vendor: Microsoft, either: MicrosoftConnector
) -> None:
    place, token = await _begun(either, len(DATA))
    parts = [await either.part_uploads.send(token, n, (n - 1) * UNIT, _part(n)) for n in (1, 2, 3)]
    vendor.faults.add(LoseAnswer(), path="uploadSession|file")
    with pytest.raises(Unreachable):
        await either.part_uploads.finish(token, place, parts, {})
    hashes = hashes_of(DATA, {HashName.QUICKXOR})
    entry = await either.part_uploads.finish(token, place, parts, hashes)
    assert entry.hashes == hashes
    with pytest.raises(NotFound):
        await either.part_uploads.finish(token, place, parts, {HashName.QUICKXOR: "00" * 20})


async def test_a_session_that_ended_is_gone(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    _, token = await _begun(drive, len(DATA))
    vendor.state.clock.advance(8 * 24 * 3600)
    with pytest.raises(NotFound):
        await drive.part_uploads.send(token, 1, 0, _part(1))
    await drive.part_uploads.abort(token)
    for rubbish in ("", "{}", "[]", '{"url":1}', "x" * 10_000):
        with pytest.raises(NotFound):
            await drive.part_uploads.received(rubbish)
        await drive.part_uploads.abort(rubbish)


async def test_a_personal_drive_replaces_only_by_whole_uploads(personal: MicrosoftConnector) -> None:
    seen = await put(personal, ROOT, "file", b"first")
    with pytest.raises(Unsupported):
        await personal.part_uploads.begin(target(ROOT, "file", replaces=seen), len(DATA), UNIT)
    entry = await personal.upload(target(ROOT, "file", replaces=seen), GivenContent(DATA))
    assert (entry.id, entry.size) == (seen.id, len(DATA))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"uploadUrl": "http://plain.example/x"}',
        b'{"uploadUrl": 7}',
        b'{"uploadUrl": "https://x y/"}',
        b"{" * 100_000,
    ],
)
async def test_rubbish_instead_of_a_session_is_no_session(
    vendor: Microsoft, drive: MicrosoftConnector, body: bytes
) -> None:
    vendor.faults.add(Answer(200, {"Content-Type": "application/json"}, body), path="createUploadSession")
    with pytest.raises(ProtocolViolation):
        await put(drive, ROOT, "file", b"x")


async def test_an_answer_that_breaks_off_is_a_broken_connection(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    vendor.faults.add(Drop(after=10), method="POST", path="createUploadSession")
    with pytest.raises(Unreachable):
        await put(drive, ROOT, "file", b"x")
    await put(drive, ROOT, "file", b"x")
