"""What goes wrong at Dropbox, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.faults import Answer, Corrupt, Drop, LoseAnswer
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import (
    MIB,
    account,
    content,
    listed,
    make_folder,
    put,
    put_in_parts,
    put_many,
    read,
    target,
)
from tests.contents import hashes_of

from mover.connectors.dropbox.connector import DropboxConnector
from mover.connectors.dropbox.faults import Fault
from mover.connectors.paced import Paced
from mover.entries import ROOT, EntryRef, HashName
from mover.errors import (
    Conflict,
    IntegrityError,
    Locked,
    MoverError,
    NameRejected,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    Throttled,
    TimedOut,
    TooLarge,
    Transient,
    Unreachable,
    Unsupported,
    UserNotFound,
)
from mover.transport.pacing import Pacer

pytestmark = pytest.mark.servers


def _refusal(status: int, body: object, **headers: str) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/plain" if isinstance(body, str) else "application/json"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"Content-Type": kind, **named}, text.encode())


_SLOW = {"error_summary": "too_many_requests/..", "error": {"reason": {".tag": "too_many_requests"}}}


@pytest.mark.parametrize("body", [_SLOW, "too_many_requests/.."])
async def test_the_pause_that_dropbox_wishes_stands_in_a_header(
    connector: DropboxConnector, dropbox: Dropbox, body: object
) -> None:
    dropbox.faults.add(_refusal(429, body, Retry_After="17"))
    with pytest.raises(Throttled) as caught:
        await connector.look_up("/file")
    assert caught.value.retry_after_s == 17
    assert "too_many_requests" in caught.value.said


async def test_no_call_comes_before_the_pause_is_over(connector: DropboxConnector, dropbox: Dropbox) -> None:
    dropbox.limits = replace(dropbox.limits, calls_per_s=2.0, burst=3, pause_s=5)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        dropbox.clock.advance(seconds)

    clock = dropbox.clock.now_s
    paced = Paced(connector, Pacer(4, 8, clock=clock, sleep=sleep), clock=clock, sleep=sleep)
    for number in range(12):
        await paced.create_folder(ROOT, f"folder {number}")
    assert len(await listed(paced, ROOT)) == 12
    assert dropbox.tally.statuses[429] > 0
    assert dropbox.tally.early == 0
    assert max(slept) >= 5


async def test_an_operation_of_several_calls_sends_none_while_dropbox_wants_a_pause(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    dropbox.faults.add(_refusal(429, _SLOW, Retry_After="30"), path="get_metadata")
    folder = await make_folder(connector, ROOT, "folder")
    with pytest.raises(Throttled):
        await connector.refresh(folder)
    dropbox.tally.clear()
    with pytest.raises(Throttled) as caught:
        await put(connector, ROOT, "file")
    assert caught.value.retry_after_s is not None
    assert 25 < caught.value.retry_after_s <= 30
    assert dropbox.tally.total == 0
    dropbox.clock.advance(30)
    await put(connector, ROOT, "file")


async def test_many_uploads_at_once_do_not_get_into_each_others_way(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    dropbox.limits = replace(dropbox.limits, write_s=0.002, lock_patience_s=0.0)
    folder = await make_folder(connector, ROOT, "folder")
    files = {f"file {number}": bytes(number * 9000) for number in range(50)}
    await put_many(connector, folder, files)
    assert {name: entry.size for name, entry in (await listed(connector, folder)).items()} == {
        name: len(data) for name, data in files.items()
    }


async def test_a_refused_batch_is_said_to_have_done_nothing_and_the_next_one_is_a_batch_again(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    dropbox.faults.add(_refusal(429, _SLOW, Retry_After="3"), path="append_batch")
    files = {f"file {number}": b"content %d" % number for number in range(20)}
    puts = [put(connector, ROOT, name, data) for name, data in files.items()]
    for error in await asyncio.gather(*puts, return_exceptions=True):
        assert isinstance(error, Throttled)
        assert error.in_turn
        assert error.did_nothing
        assert error.retry_after_s
        assert 2 < error.retry_after_s <= 3
    dropbox.clock.advance(3)
    assert not await listed(connector, ROOT)
    dropbox.tally.clear()
    await put_many(connector, ROOT, files)
    assert dropbox.tally.calls["files/upload"] == 0
    assert dropbox.tally.total <= 4


async def test_a_tree_that_others_write_to_is_throttling(
    connector: DropboxConnector, dropbox: Dropbox, alice: Person
) -> None:
    dropbox.limits = replace(dropbox.limits, write_s=0.001, lock_patience_s=0.0)
    home = dropbox.homes[alice.id]
    home.is_writing = True
    for attempt in (
        put(connector, ROOT, "small"),
        connector.upload(target(ROOT, "middle"), content(bytes(MIB))),
        connector.create_folder(ROOT, "folder"),
    ):
        with pytest.raises(Throttled, match="too many changes at once"):
            await attempt
    home.is_writing = False
    await put(connector, ROOT, "small")


async def test_storage_that_fills_up_is_told_as_such(
    connector: DropboxConnector, dropbox: Dropbox, alice: Person
) -> None:
    home = dropbox.homes[alice.id].drive
    home.quota = home.used + 2_000
    outcomes = await asyncio.gather(
        *(put(connector, ROOT, f"file {number}", bytes(900)) for number in range(6)), return_exceptions=True
    )
    refused = [each for each in outcomes if isinstance(each, BaseException)]
    assert len(refused) == 4
    assert all(isinstance(each, QuotaExceeded) for each in refused)
    assert {each.path for each in refused if isinstance(each, MoverError)} <= {
        f"/file {number}" for number in range(6)
    }
    with pytest.raises(QuotaExceeded):
        await put_in_parts(connector, target(ROOT, "large"), bytes(5 * MIB))


async def test_a_lost_answer_to_an_upload_shows_as_a_conflict(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    dropbox.faults.add(LoseAnswer(), path="files/upload$")
    with pytest.raises(Unreachable):
        await put(connector, ROOT, "file", b"x")
    with pytest.raises(Conflict):
        await put(connector, ROOT, "file", b"x")


async def test_a_lost_answer_to_the_end_of_an_upload_in_parts_is_found_again(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    data = bytes(range(256)) * 4096 * 5
    place = target(ROOT, "large")
    hashes = hashes_of(data, {HashName.DROPBOX})
    uploads = connector.part_uploads
    token = await uploads.begin(place, len(data), 4 * MIB)
    parts = [
        await uploads.send(token, 1, 0, content(data[: 4 * MIB])),
        await uploads.send(token, 2, 4 * MIB, content(data[4 * MIB :])),
    ]
    dropbox.faults.add(LoseAnswer(), path="finish_batch_v2")
    with pytest.raises(Unreachable):
        await uploads.finish(token, place, parts, hashes)
    entry = await uploads.finish(token, place, parts, hashes)
    assert entry.hashes == hashes
    with pytest.raises(NotFound):
        await uploads.finish(token, place, parts, {})


async def test_a_session_that_dropbox_has_forgotten_is_begun_anew_by_whoever_asks(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    place = target(ROOT, "large")
    token = await connector.part_uploads.begin(place, 5 * MIB, 4 * MIB)
    dropbox.clock.advance(8 * 86_400)
    with pytest.raises(NotFound):
        await connector.part_uploads.send(token, 1, 0, content(bytes(4 * MIB)))
    with pytest.raises(NotFound):
        await connector.part_uploads.received("rubbish")


async def test_a_failed_round_tells_each_of_its_own_file(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    dropbox.faults.add(Answer(503, {}, b"oops"), path="append_batch")
    outcomes = await asyncio.gather(
        *(put(connector, ROOT, f"file {number}", b"x") for number in range(8)), return_exceptions=True
    )
    failed = [each for each in outcomes if isinstance(each, ServiceFault)]
    assert len(failed) >= 5
    assert len({each.path for each in failed}) == len(failed)
    assert len(await listed(connector, ROOT)) == 8 - len(failed)


async def test_bytes_that_were_damaged_on_the_way_up_are_refused(connector: DropboxConnector) -> None:
    wrong = content(b"what is meant")
    wrong.data = b"what arrives"
    with pytest.raises(IntegrityError):
        await connector.upload(target(ROOT, "small"), wrong)
    large = content(bytes(MIB))
    large.data = b"\1" * MIB
    with pytest.raises(IntegrityError):
        await connector.upload(target(ROOT, "middle"), large)
    assert await listed(connector, ROOT) == {}


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Corrupt(at=5), IntegrityError), (Drop(after=10), (Unreachable, IntegrityError))],
)
async def test_a_broken_download_is_no_file(
    connector: DropboxConnector,
    dropbox: Dropbox,
    fault: Corrupt | Drop,
    error: type[MoverError] | tuple[type[MoverError], ...],
) -> None:
    file = await put(connector, ROOT, "file", b"some content")
    dropbox.faults.add(fault, path="files/download")
    with pytest.raises(error):
        await read(connector, file)
    assert await read(connector, file) == b"some content"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>welcome to the hotel</html>",
        b"[" * 50_000,
        b'{"entries": 7, "cursor": null}',
        b'{"name": 7}',
        b"\xff\xfe",
        b"null",
    ],
)
async def test_rubbish_for_an_answer_is_told_as_such(
    connector: DropboxConnector, dropbox: Dropbox, body: bytes
) -> None:
    for attempt in (
        lambda: connector.look_up("/file"),
        lambda: listed(connector, ROOT),
        lambda: connector.create_folder(ROOT, "new"),
        lambda: put(connector, ROOT, "file"),
        lambda: connector.upload(target(ROOT, "middle"), content(bytes(MIB))),
        connector.quota.free_bytes,
        lambda: read(connector, EntryRef("/file")),
    ):
        dropbox.faults.add(Answer(200, {"Content-Type": "application/json"}, body))
        with pytest.raises((ProtocolViolation, IntegrityError)) as caught:
            await attempt()
        assert caught.value.service == "dropbox"


async def test_rubbish_in_errors_and_batches_is_told_as_such(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    for body in (b"", b"{}", b'{"error": 7}', b'{"error": {".tag": {"a": 1}}}', b"[" * 9999):
        dropbox.faults.add(Answer(409, {}, body))
        with pytest.raises(ProtocolViolation):
            await connector.look_up("/file")
    dropbox.faults.add(Answer(200, {}, b'{"entries": []}'), path="finish_batch_v2")
    await _upload_three_in_vain(connector)
    three = b'{"entries": [{".tag": "success"}, {".tag": "success"}, {".tag": "success"}]}'
    dropbox.faults.add(Answer(200, {}, three), path="finish_batch_v2")
    await _upload_three_in_vain(connector)


async def _upload_three_in_vain(connector: DropboxConnector) -> None:
    """Upload so many at once that they share calls, none of which is answered as it should be."""
    told = await asyncio.gather(
        *(connector.upload(target(ROOT, f"file {number}"), content(b"some")) for number in range(3)),
        return_exceptions=True,
    )
    assert [type(error) for error in told] == [ProtocolViolation] * 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ProtocolViolation),
        (403, PermissionDenied),
        (422, PermissionDenied),
        (500, ServiceFault),
        (503, ServiceFault),
        (504, TimedOut),
        (302, ProtocolViolation),
    ],
)
async def test_statuses(
    connector: DropboxConnector, dropbox: Dropbox, status: int, error: type[MoverError]
) -> None:
    dropbox.faults.add(Answer(status, {"Location": "https://elsewhere.example/"}, b"words"))
    with pytest.raises(error) as caught:
        await connector.look_up("/file")
    assert (caught.value.service, caught.value.operation, caught.value.path) == (
        "dropbox",
        "look_up",
        "/file",
    )


@pytest.mark.parametrize(
    ("tags", "error"),
    [
        ("path/conflict/file", Conflict),
        ("path/conflict/file_ancestor", Conflict),
        ("path/disallowed_name", NameRejected),
        ("path/malformed_path", NameRejected),
        ("path/insufficient_space", QuotaExceeded),
        ("path/no_write_permission", PermissionDenied),
        ("path/team_folder", Unsupported),
        ("path/restricted_content", PermissionDenied),
        ("path/locked", Locked),
        ("path/too_many_write_operations", Throttled),
        ("payload_too_large", TooLarge),
        ("lookup_failed/incorrect_offset", IntegrityError),
        ("lookup_failed/not_found", NotFound),
        ("bad_member/invalid_email", UserNotFound),
        ("bad_path/inside_shared_folder", Unsupported),
        ("path/something_new", ProtocolViolation),
    ],
)
def test_meanings(tags: str, error: type[MoverError]) -> None:
    union: object = None
    for tag in reversed(tags.split("/")):
        union = {".tag": tag, **({} if union is None else {tag: union})}
    fault = Fault.of_union(union)
    assert fault.tags == tuple(tags.split("/"))
    assert type(fault.error(service="dropbox", operation="upload", path="/x")) is error


async def test_words_of_the_service_are_made_safe_and_tokens_are_not_shown(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    token = dropbox.token_of(alice)
    async with account(simulators, alice, token=token) as connector:
        dropbox.faults.add(Answer(400, {}, b"bad\x1b[31m\r\nwords " + b"x" * 5000))
        with pytest.raises(ProtocolViolation) as caught:
            await connector.look_up("/file")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert token not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize("route", ["append_batch", "finish_batch"])
async def test_a_small_file_whose_session_dropbox_has_lost_is_to_be_sent_again(
    connector: DropboxConnector, dropbox: Dropbox, route: str
) -> None:
    lost = {".tag": "not_found"}
    failure = lost if route == "append_batch" else {".tag": "lookup_failed", "lookup_failed": lost}
    entries = [{".tag": "failure", "failure": failure} for _ in range(3)]
    dropbox.faults.add(_refusal(200, {"entries": entries}), path=route)
    stored = await asyncio.gather(
        *(put(connector, ROOT, name) for name in ("one", "two", "three")), return_exceptions=True
    )
    assert all(isinstance(each, Transient) for each in stored), stored
