"""What goes wrong at Google: each refusal as the error that a person or the engine can do something about."""

from __future__ import annotations

import json

import pytest
from simulators.faults import Answer, Corrupt, Drop, LoseAnswer
from simulators.front import RunningFront
from tests.contents import GivenContent, hashes_of
from tests.contract import google as people
from tests.contract.acts import listed, names, put, read, ref_of, some_bytes, target

from mover.connectors.contract import Connector
from mover.entries import EntryRef, HashName
from mover.errors import (
    ApiQuotaExceeded,
    Changed,
    IntegrityError,
    MalwareFlagged,
    MoverError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Throttled,
    Unreachable,
    Unsupported,
)
from simulators.google import Google

pytestmark = pytest.mark.servers

MINE = EntryRef("/My Drive", "root")
JSON = {"Content-Type": "application/json"}


def _refusal(status: int, reason: str, **headers: str) -> Answer:
    error = {"code": status, "message": "words", "errors": [{"domain": "global", "reason": reason}]}
    return Answer(status, {**JSON, **headers}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (403, "userRateLimitExceeded", Throttled),
        (403, "rateLimitExceeded", Throttled),
        (429, "rateLimitExceeded", Throttled),
        (429, "", Throttled),
        (403, "dailyLimitExceeded", ApiQuotaExceeded),
        (403, "downloadQuotaExceeded", ApiQuotaExceeded),
        (403, "sharingRateLimitExceeded", ApiQuotaExceeded),
        (403, "storageQuotaExceeded", QuotaExceeded),
        (403, "teamDriveFileLimitExceeded", QuotaExceeded),
        (403, "numChildrenInNonRootLimitExceeded", Unsupported),  # of one folder: others have room
        (403, "cannotDownloadAbusiveFile", MalwareFlagged),
        (403, "insufficientFilePermissions", PermissionDenied),
        (403, "domainPolicy", PermissionDenied),
        (403, "accessNotConfigured", PermissionDenied),
        (403, "somethingNew", PermissionDenied),
        (404, "notFound", NotFound),
        (500, "internalError", ServiceFault),
        (503, "backendError", ServiceFault),
        (502, "", ServiceFault),
    ],
)
async def test_refusal_is_told_apart(
    google: Google, drive: Connector, status: int, reason: str, expected: type[MoverError]
) -> None:
    google.faults.add(_refusal(status, reason))
    with pytest.raises(expected) as caught:
        await drive.look_up("/My Drive/file")
    assert (caught.value.service, caught.value.operation) == ("google", "look_up")


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_wish_for_a_pause_is_passed_on_to_the_second(
    google: Google, drive: Connector, status: int
) -> None:
    google.faults.add(_refusal(status, "rateLimitExceeded", **{"Retry-After": "17"}))
    with pytest.raises(Throttled) as caught:
        await drive.refresh(EntryRef("/My Drive/file", "abc"))
    assert caught.value.retry_after_s == 17


async def test_too_many_calls_a_minute_are_throttled(google: Google, drive: Connector) -> None:
    google.pace.calls_a_minute = 3
    for _ in range(3):
        await listed(drive, MINE)
    with pytest.raises(Throttled):
        await listed(drive, MINE)
    assert google.pace.refused == 1


async def test_token_that_was_revoked_is_a_failed_sign_in(google: Google, drive: Connector) -> None:
    alice = google.accounts.person_of(people.ALICE)
    assert alice is not None
    google.accounts.revoke_all(alice)
    with pytest.raises(SignInFailed):
        await listed(drive, MINE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"files": 7}',
        b"<html>captive portal</html>",
        b'{"files": [{"name": "no id"}]}',
        b"\xff\xfe",
    ],
)
async def test_answer_that_is_none_is_a_violation(google: Google, drive: Connector, body: bytes) -> None:
    google.faults.add(Answer(200, JSON, body), times=2)
    with pytest.raises((ProtocolViolation, Unreachable)) as caught:
        await listed(drive, MINE)
    assert "captive" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'{"error": "text"}', b'{"error": {"errors": [7]}}'])
async def test_refusal_without_googles_form_goes_by_its_status(
    google: Google, drive: Connector, body: bytes
) -> None:
    google.faults.add(Answer(403, {}, body))
    with pytest.raises(PermissionDenied):
        await drive.refresh(EntryRef("/My Drive/file", "abc"))


async def test_absurd_facts_of_a_file_are_left_out(google: Google, drive: Connector) -> None:
    file = {
        "id": "x",
        "name": "odd\n/\u202e",
        "mimeType": "",
        "size": "-1",
        "modifiedTime": "yesterday",
        "createdTime": "99999-01-01T00:00:00Z",
        "md5Checksum": "zz",
        "owners": [{}],
        "unknownField": {"a": 1},
    }
    google.faults.add(Answer(200, JSON, json.dumps({"files": [file]}).encode()), path="v3/files")
    [entry] = await listed(drive, MINE)
    assert (entry.size, entry.modified_ns, entry.created_ns, entry.owner) == (None, None, None, None)
    assert entry.hashes == {}


@pytest.mark.parametrize("id_", ["../../about", "a?b", "a/b", "'", "x!y!z", ":nowhere!x", "é", ""])
async def test_id_that_cannot_be_one_is_not_found_without_a_call(
    google: Google, drive: Connector, id_: str
) -> None:
    with pytest.raises(NotFound):
        await drive.refresh(EntryRef("/My Drive/x", id_))
    assert google.tally.total == 0


async def test_lost_answer_leaves_one_file(google: Google, drive: Connector) -> None:
    place = target(MINE, "file")
    data = some_bytes(1000)
    content = GivenContent(data, hashes=hashes_of(data, frozenset({HashName.MD5})))
    google.faults.add(LoseAnswer(), path="/upload/")
    with pytest.raises(Unreachable):
        await drive.upload(place, content)
    entry = await drive.upload(place, content)
    assert await names(drive, MINE) == ["file"]
    assert await read(drive, ref_of(MINE, entry)) == data
    assert google.tally.calls["files.create.upload"] == 2


async def test_lost_answer_of_another_content_is_put_right(google: Google, drive: Connector) -> None:
    place = target(MINE, "file")
    google.faults.add(LoseAnswer(), path="/upload/")
    with pytest.raises(Unreachable):
        await drive.upload(place, GivenContent(b"old"))
    entry = await drive.upload(
        place, GivenContent(b"new", hashes=hashes_of(b"new", frozenset({HashName.MD5})))
    )
    assert await names(drive, MINE) == ["file"]
    assert await read(drive, ref_of(MINE, entry)) == b"new"


async def test_lost_answer_leaves_one_folder(google: Google, drive: Connector) -> None:
    google.faults.add(LoseAnswer(), method="POST", path="/files")
    with pytest.raises(Unreachable):
        await drive.create_folder(MINE, "folder")
    made = await drive.create_folder(MINE, "folder")
    assert [entry.id for entry in await listed(drive, MINE)] == [made.id]


async def test_lost_answer_of_a_large_file_leaves_one(google: Google, drive: Connector) -> None:
    place = target(MINE, "large")
    data = some_bytes(6_000_000)
    content = GivenContent(data, hashes=hashes_of(data, frozenset({HashName.MD5})))
    google.faults.add(LoseAnswer(), method="PUT")
    with pytest.raises(Unreachable):
        await drive.upload(place, content)
    entry = await drive.upload(place, content)
    assert await names(drive, MINE) == ["large"]
    assert entry.size == len(data)


async def test_download_that_breaks_or_is_damaged_is_noticed(google: Google, drive: Connector) -> None:
    entry = await put(drive, MINE, "file", some_bytes(300_000))
    ref = ref_of(MINE, entry)
    google.faults.add(Drop(after=100_000), path="alt=media")
    with pytest.raises((Unreachable, IntegrityError)):
        await read(drive, ref, version=entry.version)
    google.faults.add(Corrupt(at=200_000), path="alt=media")
    with pytest.raises(IntegrityError):
        await read(drive, ref, version=entry.version)
    assert await read(drive, ref, version=entry.version) == some_bytes(300_000)


async def test_range_of_a_version_is_of_that_version(google: Google, drive: Connector) -> None:
    first = await put(drive, MINE, "file", b"first one")
    ref = ref_of(MINE, first)
    await drive.upload(target(MINE, "file", replaces=first), GivenContent(b"second on"))
    assert await read(drive, ref, offset=0, length=5, version=first.version) == b"first"
    google.faults.add(_refusal(403, "insufficientFilePermissions"), path="/revisions/")
    with pytest.raises(Changed):
        await read(drive, ref, offset=0, length=5, version=first.version)


async def test_quota_that_is_reached_in_the_middle(simulators: RunningFront, google: Google) -> None:
    drive_of_carol = google.drive_of(people.CAROL)
    drive_of_carol.quota = 10_000
    token = simulators.inside(lambda: google.token(people.CAROL))
    carol = people.connects(simulators, "google", {"access_token": token})()
    await carol.sign_in()
    assert carol.quota is not None
    assert await carol.quota.free_bytes(MINE) == 10_000
    await put(carol, MINE, "fits", some_bytes(8_000))
    for size in (4_000, 6_000_000):
        with pytest.raises(QuotaExceeded):
            await put(carol, MINE, "too large", some_bytes(size))
    assert await carol.quota.free_bytes(MINE) == 2_000
    assert await names(carol, MINE) == ["fits"]
    await carol.close()


async def test_file_that_google_takes_for_malicious(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    entry = await put(drive, MINE, "virus", b"x")
    node = google.drive_of(people.ALICE).nodes[entry.id or ""]
    simulators.inside(lambda: node.properties.update(abusive=True))
    with pytest.raises(MalwareFlagged):
        await read(drive, ref_of(MINE, entry))


async def test_upload_is_never_led_to_a_stranger(google: Google, drive: Connector) -> None:
    google.faults.add(
        Answer(200, {"Location": "https://evil.example/upload/drive/v3/files?upload_id=1"}), path="resumable"
    )
    with pytest.raises(ProtocolViolation):
        await put(drive, MINE, "large", some_bytes(6_000_000))
