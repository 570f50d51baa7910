"""What is Egnyte's own: its limits, its checksum of chunks, its dates and errors, its folders' permissions."""

from __future__ import annotations

import hashlib
from contextlib import aclosing

import pytest
from simulators.accounts import Person
from simulators.blobs import Bytes
from simulators.faults import Answer
from tests.connectors.egnyte.conftest import Connect
from tests.contents import GivenContent

from mover.connectors.contract import Change, PlaceKind, Target
from mover.connectors.egnyte import CONNECTOR_TYPE, EgnyteConnector
from mover.connectors.egnyte.faults import error_from
from mover.connectors.egnyte.listing import when
from mover.connectors.egnyte.pace import CallsASecond
from mover.connectors.egnyte.parts import checksum_of
from mover.entries import AccessRole, EntryRef, GranteeKind, HashName, Permission
from mover.errors import (
    ApiQuotaExceeded,
    Conflict,
    IntegrityError,
    InvalidConfiguration,
    Locked,
    MoverError,
    NotFound,
    PathTooLong,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    SignInFailed,
    Throttled,
    UserNotFound,
)
from simulators.egnyte import Egnyte

pytestmark = pytest.mark.servers

SHARED = EntryRef("/Shared")
MB = 1_000_000


def to(folder: EntryRef, name: str, key: str = "k1") -> Target:
    return Target(folder=folder, name=name, key=key)


async def test_small_files_into_a_folder_of_ones_own_cost_one_call_each(
    connector: EgnyteConnector, vendor: Egnyte
) -> None:
    folder = SHARED.child("new", (await connector.create_folder(SHARED, "new")).id)
    vendor.tally.clear()
    for number in range(5):
        await connector.upload(to(folder, f"{number}"), GivenContent(b"x"))
    assert vendor.tally.calls == {"upload": 5}
    with pytest.raises(Conflict):  # a repetition after a lost answer has to look
        await connector.upload(to(folder, "3"), GivenContent(b"x"))
    assert vendor.drive.at("/Shared/new/3").size == 1  # type: ignore[union-attr]


async def test_calls_over_the_limit_of_a_second_are_throttled_by_its_own_word(
    connector: EgnyteConnector, vendor: Egnyte
) -> None:
    vendor.gate.limits.per_second = 0  # somebody else uses the token
    with pytest.raises(Throttled) as caught:
        await connector.look_up("/Shared")
    assert caught.value.retry_after_s == 1


async def test_calls_begin_as_far_apart_as_the_service_grants() -> None:
    now = 100.0
    begun: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = CallsASecond(lambda: now, sleep)
    for told in ("", "rubbish", "0", "-1", "٢", "9" * 50, "2", "2", "4"):
        await pace.turn()
        begun.append(now)
        pace.learn({"X-Accesstoken-Qps-Allotted": told})
    assert begun == pytest.approx([100.0] * 7 + [100.55, 101.1])
    await pace.turn()
    await pace.turn()
    assert now == pytest.approx(101.65 + 0.275)


async def test_a_call_that_waits_for_its_turn_waits_longer_when_another_is_refused() -> None:
    now = 100.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now < 101:  # while it slept
            pace.refused(5)

    pace = CallsASecond(lambda: now, sleep)
    pace.learn({"X-Accesstoken-Qps-Allotted": "2"})
    await pace.turn()
    assert now == pytest.approx(100.55 + 5)
    await pace.turn()
    assert now == pytest.approx(100.55 + 5 + 0.55)


async def test_an_upload_that_was_not_let_in_needs_no_look_the_next_time(
    connector: EgnyteConnector, vendor: Egnyte
) -> None:
    folder = SHARED.child("new", (await connector.create_folder(SHARED, "new")).id)
    vendor.gate.limits.per_second = 0
    with pytest.raises(Throttled):
        await connector.upload(to(folder, "1"), GivenContent(b"x"))
    vendor.gate.limits.per_second = None
    vendor.tally.clear()
    await connector.upload(to(folder, "1"), GivenContent(b"x"))
    assert vendor.tally.calls == {"upload": 1}


async def test_the_limit_of_a_day_does_not_end_by_waiting(connector: EgnyteConnector, vendor: Egnyte) -> None:
    vendor.gate.limits.per_day = 1
    await connector.look_up("/Shared")
    with pytest.raises(ApiQuotaExceeded) as caught:
        await connector.look_up("/Shared")
    assert "day" in caught.value.advice


async def test_a_revoked_token_and_a_suspended_user_are_told(
    connector: EgnyteConnector, vendor: Egnyte, owner: Person
) -> None:
    await connector.sign_in()
    owner.is_active = False
    with pytest.raises(SignInFailed):
        await connector.look_up("/Shared")
    owner.is_active = True
    vendor.accounts.revoke_all(owner)
    with pytest.raises(SignInFailed):
        await connector.look_up("/Shared")


async def test_a_full_domain_ends_uploads(connector: EgnyteConnector, vendor: Egnyte) -> None:
    vendor.drive.quota = 10
    with pytest.raises(QuotaExceeded):
        await connector.upload(to(SHARED, "large"), GivenContent(b"x" * 11))


async def test_a_locked_file_is_told_as_locked(connector: EgnyteConnector, vendor: Egnyte) -> None:
    made = await connector.upload(to(SHARED, "minutes"), GivenContent(b"one"))
    vendor.drive.at("/Shared/minutes").properties["lock"] = "somebody else"  # type: ignore[union-attr]
    seen = await connector.refresh(SHARED.child("minutes", made.id))
    with pytest.raises(Locked):
        await connector.upload(
            Target(folder=SHARED, name="minutes", key="k", replaces=seen), GivenContent(b"two")
        )


async def test_what_arrived_damaged_is_refused(connector: EgnyteConnector, vendor: Egnyte) -> None:
    lie = {HashName.SHA512: hashlib.sha512(b"other").hexdigest()}
    with pytest.raises(IntegrityError):
        await connector.upload(to(SHARED, "file"), GivenContent(b"content", hashes=lie))
    assert vendor.drive.at("/Shared/file") is None


async def test_the_checksum_of_chunks_proves_what_was_put_together(
    connector: EgnyteConnector, vendor: Egnyte
) -> None:
    data = bytes(range(200)) * 60_000
    whole = {HashName.SHA512: hashlib.sha512(data).hexdigest()}
    target, uploads = to(SHARED, "large"), connector.part_uploads
    token = await uploads.begin(target, len(data), 10 * MB)
    parts = [
        await uploads.send(token, 1, 0, GivenContent(data[: 10 * MB])),
        await uploads.send(token, 2, 10 * MB, GivenContent(data[10 * MB :])),
    ]
    made = await uploads.finish(token, target, parts, whole)
    assert made.hashes == whole
    node = vendor.drive.at("/Shared/large")
    assert node is not None
    assert node.version.properties["checksum"] == checksum_of(
        10 * MB, [part.receipt.partition(" ")[0] for part in parts]
    )
    listed = await connector.look_up("/Shared/large")
    assert listed.hashes == {}  # what is listed is no hash of the content


async def test_chunks_that_were_put_together_wrongly_are_noticed(
    connector: EgnyteConnector, vendor: Egnyte
) -> None:
    data = b"x" * (11 * MB)
    target, uploads = to(SHARED, "large"), connector.part_uploads
    token = await uploads.begin(target, len(data), 10 * MB)
    first = await uploads.send(token, 1, 0, GivenContent(data[: 10 * MB]))
    last = await uploads.send(token, 2, 10 * MB, GivenContent(data[10 * MB :]))
    wrong = type(first)(1, first.size, f"{'0' * 128} {first.receipt.partition(' ')[2]}")
    with pytest.raises(IntegrityError):
        await uploads.finish(token, target, [wrong, last], {})
    assert vendor.drive.at("/Shared/large") is None  # it still has its temporary name


async def test_an_upload_that_expired_is_begun_anew(connector: EgnyteConnector, vendor: Egnyte) -> None:
    uploads, target = connector.part_uploads, to(SHARED, "large")
    token = await uploads.begin(target, 20 * MB, 10 * MB)
    await uploads.send(token, 1, 0, GivenContent(b"x" * (10 * MB)))
    vendor.contents.forget_uploads()
    with pytest.raises(NotFound):
        await uploads.send(token, 2, 10 * MB, GivenContent(b"x" * (10 * MB)))


async def test_the_feed_tells_what_changed_and_what_is_gone(
    connector: EgnyteConnector, vendor: Egnyte
) -> None:
    kept = await connector.upload(to(SHARED, "kept"), GivenContent(b"1"))
    gone = await connector.upload(to(SHARED, "gone"), GivenContent(b"1"))
    cursor = await connector.changes.cursor(SHARED)
    made = await connector.create_folder(SHARED, "made")
    await connector.rename(SHARED.child("kept", kept.id), SHARED.child("made", made.id), "renamed")
    vendor.drive.trash(vendor.drive.at("/Shared/gone"))  # type: ignore[arg-type]
    found: dict[str, Change] = {}
    async with aclosing(connector.changes.since(cursor)) as pages:
        async for changes, position in pages:
            found |= {change.id: change for change in changes}
            cursor = position
    assert found[kept.id].entry.name == "renamed"  # type: ignore[index,union-attr]
    assert found[kept.id].parent_id == made.id  # type: ignore[index]
    assert found[gone.id].entry is None  # type: ignore[index]
    async with aclosing(connector.changes.since(cursor)) as pages:
        assert [page async for page in pages] == []
    vendor.drive.forget_log()
    vendor.drive.forget_log()
    with pytest.raises(NotFound):
        await anext(connector.changes.since(cursor))


async def test_versions_are_read_as_they_were(connector: EgnyteConnector) -> None:
    for content in (b"one", b"two", b"three"):
        seen = None
        if content != b"one":
            seen = await connector.look_up("/Shared/plan")
        await connector.upload(
            Target(folder=SHARED, name="plan", key="k", replaces=seen), GivenContent(content)
        )
    file = SHARED.child("plan", (await connector.look_up("/Shared/plan")).id)
    versions = await connector.versions.of(file)
    contents = []
    for version in versions:
        async with aclosing(connector.versions.read(file, version)) as pieces:
            contents.append(b"".join([piece async for piece in pieces]))
    assert contents == [b"one", b"two", b"three"]
    assert [version.size for version in versions] == [3, 3, 5]


async def test_permissions_of_a_file_are_those_of_its_folder(
    connector: EgnyteConnector, vendor: Egnyte
) -> None:
    folder = SHARED.child("team", (await connector.create_folder(SHARED, "team")).id)
    file = await connector.upload(to(folder, "file"), GivenContent(b"x"))
    vendor.share(vendor.drive.nodes[(folder.id or "")[2:]], "ann", "Full")
    [lines] = await connector.permissions.of([folder.child("file", file.id)])
    [ann] = [line for line in lines if line.identity == "ann@acme.example"]
    assert (ann.role, ann.service_role, ann.inherited) == (AccessRole.WRITE, "Full", True)
    with pytest.raises(UserNotFound):
        await connector.permissions.grant(
            folder,
            Permission(kind=GranteeKind.PERSON, identity='x" or email co "', role=AccessRole.READ),
        )


async def test_places_are_users_and_the_top_of_shared(connector: EgnyteConnector) -> None:
    await connector.create_folder(SHARED, "Sales")
    found = [place async for page in connector.places.all() for place in page]
    assert [(place.path, place.kind, place.email) for place in found] == [
        ("/Private/ann", PlaceKind.PERSON, "ann@acme.example"),
        ("/Private/olivia", PlaceKind.PERSON, "olivia@acme.example"),
        ("/Shared/Sales", PlaceKind.SITE, None),
    ]


async def test_one_who_administers_nothing_cannot_list_users(
    vendor: Egnyte,
    owner: Person,  # noqa: ARG001 - makes ann
    connect: Connect,
) -> None:
    ann = vendor.accounts.person_of("ann@acme.example")
    connector = connect(vendor.sign_in(ann).value)  # type: ignore[arg-type]
    with pytest.raises(PermissionDenied):
        await anext(connector.places.all())


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"is_folder": "maybe"}', b"[" * 100_000, b"\xff\xfe"])
async def test_rubbish_is_not_taken_for_an_answer(
    connector: EgnyteConnector, vendor: Egnyte, body: bytes
) -> None:
    vendor.faults.add(Answer(200, {}, body))
    with pytest.raises(ProtocolViolation):
        await connector.look_up("/Shared")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, b'{"errorMessage":"Folder already exists at this location"}', Conflict),
        (400, b'{"inputErrors":{"path":[{"code":"X","msg":"Path is too long"}]}}', PathTooLong),
        (400, b'{"errors":[{"code":"X","msg":"User does not exist: x"}]}', UserNotFound),
        (409, b'{"message":"An item of this name exists at the destination"}', Conflict),
        (403, b'{"code":4,"msg":"File is locked by another user"}', Locked),
        (403, b"<h1>Forbidden</h1>", PermissionDenied),
        (404, b"", NotFound),
        (500, b"<h1>Oops</h1>", MoverError),
    ],
)
def test_errors_are_understood_in_every_shape(status: int, body: bytes, error: type[MoverError]) -> None:
    found = error_from(status, {}, body, operation="upload", path="/Shared/x")
    assert isinstance(found, error)
    assert (found.service, found.operation, found.path) == ("egnyte", "upload", "/Shared/x")
    assert "<" not in found.said


@pytest.mark.parametrize(
    ("told", "ns"),
    [
        ("Sun, 26 Aug 2012 03:55:29 GMT", 1_345_953_329_000_000_000),
        ("2012-08-26T03:55:29Z", 1_345_953_329_000_000_000),
        ("2012-08-26T03:55:29.000Z", 1_345_953_329_000_000_000),
        (1_345_953_329_000, 1_345_953_329_000_000_000),
        ("1345953329000", 1_345_953_329_000_000_000),
        ("2012-08-26", None),
        ("yesterday", None),
        (True, None),
        (None, None),
        ({"$date": 1}, None),
    ],
)
def test_times_are_read_in_every_form(told: object, ns: int | None) -> None:
    assert when(told) == ns


@pytest.mark.parametrize("domain", ["acme", "ACME.egnyte.com", "https://acme.egnyte.com/"])
def test_a_domain_is_understood(domain: str) -> None:
    config = CONNECTOR_TYPE.config.model_validate({"domain": domain})
    assert config.model_dump()["domain"] == "acme"


@pytest.mark.parametrize(
    "domain", ["", "acme.example.com", "a/b", "acme@evil", "x.egnyte.com.evil.com", "-a"]
)
def test_tokens_are_shown_to_egnyte_only(domain: str) -> None:
    with pytest.raises((ValueError, InvalidConfiguration)):
        CONNECTOR_TYPE.config.model_validate({"domain": domain})


@pytest.mark.parametrize("is_resumed", [False, True], ids=["at once", "resumed"])
async def test_what_is_removed_while_a_folder_is_listed_hides_nothing(
    connector: EgnyteConnector, vendor: Egnyte, *, is_resumed: bool
) -> None:
    folder = vendor.drive.add(vendor.shared, "large", kind="folder")
    nodes = [vendor.drive.add(folder, f"{number:04}", blob=Bytes()) for number in range(600)]
    ref = EntryRef("/Shared/large")
    names: list[str] = []
    async with aclosing(connector.list_folder(ref)) as pages:
        first = await anext(pages)
        names += [entry.name for entry in first.entries]
        for node in nodes[10:20]:
            vendor.drive.trash(node)
        rest = connector.list_folder(ref, first.cursor) if is_resumed else pages
        async for page in rest:
            names += [entry.name for entry in page.entries]
    assert set(names) >= {f"{number:04}" for number in range(600) if not 10 <= number < 20}


async def test_a_folder_that_stays_as_it_is_is_told_once(connector: EgnyteConnector, vendor: Egnyte) -> None:
    folder = vendor.drive.add(vendor.shared, "large", kind="folder")
    for number in range(600):
        vendor.drive.add(folder, f"{number:04}", blob=Bytes())
    vendor.tally.clear()
    async with aclosing(connector.list_folder(EntryRef("/Shared/large"))) as pages:
        names = [entry.name async for page in pages for entry in page.entries]
    assert names == [f"{number:04}" for number in range(600)]
    assert vendor.tally.calls == {"list": 2}
