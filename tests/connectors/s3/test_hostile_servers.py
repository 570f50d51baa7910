"""Servers that fail, lie or want to lead astray."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from tests.connectors.s3.scripted import (
    SECRET_KEY,
    Bytes,
    Reply,
    Request,
    ScriptedServer,
    connector,
    error,
    listing,
)

from mover.connectors.contract import Target
from mover.connectors.s3.connector import S3Connector
from mover.entries import ROOT, Entry, EntryKind, EntryRef, HashName
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    InvalidConfiguration,
    MoverError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
    Throttled,
    Unreachable,
    Unsupported,
)

ETAG = "5d41402abc4b2a76b9719d911017c592"
FILE = EntryRef("/file")
TARGET = Target(folder=ROOT, name="file", key="k")
NO_ENCRYPTION = Reply(404, error("ServerSideEncryptionConfigurationNotFoundError"))


@contextlib.asynccontextmanager
async def scripted(
    answer: Callable[[Request], Reply] | Sequence[Reply], **values: Any
) -> AsyncIterator[tuple[S3Connector, ScriptedServer]]:
    async with ScriptedServer(answer).running() as server:
        made = connector(server.url, **values)
        try:
            yield made, server
        finally:
            await made.close()


async def read(made: S3Connector, **how: Any) -> bytes:
    return b"".join([piece async for piece in made.read(FILE, **how)])


async def entries(made: S3Connector, path: str = "/", cursor: str | None = None) -> list[Entry]:
    return [entry async for page in made.list_folder(EntryRef(path), cursor) for entry in page.entries]


def pages(*bodies: bytes) -> list[Reply]:
    return [NO_ENCRYPTION, *(Reply(body=body) for body in bodies)]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(403, error("InvalidAccessKeyId")), SignInFailed),
        (Reply(403, error("SignatureDoesNotMatch")), SignInFailed),
        (Reply(400, error("ExpiredToken")), SignInFailed),
        (Reply(403, error("AccessDenied")), PermissionDenied),
        (Reply(404, error("NoSuchBucket")), NotFound),
        (Reply(200, error("InternalError")), ServiceFault),
        (Reply(200, b"<html/>"), ProtocolViolation),
        (Reply(200, b"not xml"), ProtocolViolation),
    ],
)
async def test_signing_in_says_what_is_wrong(reply: Reply, kind: type[MoverError]) -> None:
    async with scripted(lambda _: reply) as (made, _):
        with pytest.raises(kind) as caught:
            await made.sign_in()
    assert SECRET_KEY not in str(caught.value)
    assert caught.value.service == "s3"


async def test_slow_down_carries_the_wish_for_a_pause() -> None:
    async with scripted([Reply(503, error("SlowDown"), {"Retry-After": "3"})]) as (made, server):
        with pytest.raises(Throttled) as caught:
            await made.look_up("/file")
        assert caught.value.retry_after_s == 3
        assert len(server.requests) == 1


async def test_a_long_error_page_of_something_in_between_goes_by_its_status() -> None:
    async with scripted([Reply(503, b"<html>" + b"x" * 500_000)]) as (made, _):
        with pytest.raises(Throttled):
            await read(made)


@pytest.mark.parametrize("status", [301, 307])
async def test_credentials_are_not_sent_to_another_host(status: int) -> None:
    async with (
        ScriptedServer([]).running() as elsewhere,
        scripted(
            lambda _: Reply(
                status,
                error("PermanentRedirect", Endpoint=elsewhere.url, Bucket="bucket"),
                {"Location": elsewhere.url + "/bucket"},
            )
        ) as (made, server),
    ):
        with pytest.raises(InvalidConfiguration):
            await made.sign_in()
        assert not elsewhere.requests
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, error("AuthorizationHeaderMalformed", Region="eu-west-3")),
        Reply(301, error("PermanentRedirect"), {"x-amz-bucket-region": "eu-west-3"}),
    ],
)
async def test_the_region_that_the_service_names_is_used_from_then_on(reply: Reply) -> None:
    async with scripted([reply, Reply(body=listing()), NO_ENCRYPTION]) as (made, server):
        await made.sign_in()
        regions = [request.headers["authorization"].split("/")[2] for request in server.requests]
        assert regions == ["us-east-1", "eu-west-3", "eu-west-3"]


async def test_calls_that_were_on_their_way_together_all_learn_the_region() -> None:
    def answer(request: Request) -> Reply:
        if "/eu-west-3/" in request.headers["authorization"]:
            return Reply()
        return Reply(301, b"", {"x-amz-bucket-region": "eu-west-3"})

    async with scripted(answer) as (made, server):
        await asyncio.gather(*(made.look_up(f"/{name}") for name in "abcd"))
        assert len(server.requests) == 8


async def test_calls_that_were_on_their_way_together_all_learn_the_clock() -> None:
    theirs = 1_700_000_000

    def answer(request: Request) -> Reply:
        date = {"Date": email.utils.formatdate(theirs, usegmt=True)}
        right = request.headers["x-amz-date"] == "20231114T221320Z"
        return Reply(200, headers=date) if right else Reply(403, error("RequestTimeTooSkewed"), date)

    async with scripted(answer, now=lambda: theirs - 3600.0) as (made, server):
        await asyncio.gather(*(made.look_up(f"/{name}") for name in "abcd"))
        assert len(server.requests) == 8


async def test_a_service_that_keeps_changing_the_region_is_given_up() -> None:
    regions = iter(["a-1", "b-1", "c-1", "d-1", "e-1"])
    async with scripted(
        lambda _: Reply(400, error("AuthorizationHeaderMalformed", Region=next(regions)))
    ) as (made, server):
        with pytest.raises(SignInFailed):
            await made.sign_in()
        assert len(server.requests) == 3


async def test_a_region_that_is_none_is_not_used() -> None:
    async with scripted(
        lambda _: Reply(400, error("AuthorizationHeaderMalformed", Region="evil.example.com/"))
    ) as (made, server):
        with pytest.raises(SignInFailed):
            await made.sign_in()
        assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", error("RequestTimeTooSkewed")])
async def test_a_wrong_clock_is_corrected_by_the_service_s(body: bytes) -> None:
    theirs = 1_700_000_000

    def answer(request: Request) -> Reply:
        date = {"Date": email.utils.formatdate(theirs, usegmt=True)}
        return (
            Reply(200, headers=date)
            if request.headers["x-amz-date"] == "20231114T221320Z"
            else Reply(403, body, date)
        )

    async with scripted(answer, now=lambda: theirs - 3600.0) as (made, server):
        await made.look_up("/file")
        await made.look_up("/file")
        assert len(server.requests) == 3


async def test_a_refusal_with_a_right_clock_is_not_tried_again() -> None:
    theirs = 1_700_000_000
    reply = Reply(403, b"", {"Date": email.utils.formatdate(theirs, usegmt=True)})
    async with scripted(lambda _: reply, now=lambda: theirs + 1.0) as (made, server):
        with pytest.raises(PermissionDenied):
            await made.look_up("/file")
        assert len(server.requests) == 1


async def test_a_body_that_breaks_off_is_not_the_end_of_the_file() -> None:
    async with scripted([Reply(200, b"half", announce=8)]) as (made, _):
        with pytest.raises(Unreachable):
            await read(made)


async def test_a_body_with_another_checksum_than_announced_is_noticed() -> None:
    headers = {"x-amz-checksum-crc32c": "AAAAAA=="}
    async with scripted([Reply(200, b"data", headers)]) as (made, _):
        with pytest.raises(IntegrityError):
            await read(made)


async def test_a_body_with_the_announced_checksum_is_read() -> None:
    headers = {"x-amz-checksum-crc32c": "rth90Q=="}
    async with scripted([Reply(200, b"data", headers)]) as (made, _):
        assert await read(made) == b"data"


async def test_another_version_than_asked_for_is_noticed_even_if_the_condition_is_ignored() -> None:
    async with scripted(lambda _: Reply(200, b"data", {"ETag": '"other"'})) as (made, server):
        with pytest.raises(Changed):
            await read(made, version=ETAG)
        assert server.requests[0].headers["if-match"] == f'"{ETAG}"'


async def test_a_refused_version_means_that_the_file_changed() -> None:
    async with scripted([Reply(412, error("PreconditionFailed"))]) as (made, _):
        with pytest.raises(Changed):
            await read(made, version=ETAG)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, b"whole file"), ProtocolViolation),
        (Reply(206, b"ole", {"Content-Range": "bytes 0-2/10"}), ProtocolViolation),
        (Reply(206, b"o", {"Content-Range": "bytes 2-2/3"}), IntegrityError),
        (Reply(206, b"ol", {"Content-Range": "bytes 2-4/10"}), IntegrityError),
        (Reply(416, error("InvalidRange")), IntegrityError),
    ],
)
async def test_a_range_that_is_not_the_one_asked_for_is_noticed(reply: Reply, kind: type[Exception]) -> None:
    async with scripted([reply]) as (made, _):
        with pytest.raises(kind):
            await read(made, offset=2, length=3)


async def test_less_than_the_rest_is_not_the_end_of_the_file() -> None:
    async with scripted([Reply(206, b"234", {"Content-Range": "bytes 2-4/10"})]) as (made, _):
        with pytest.raises(IntegrityError):
            await read(made, offset=2)


async def test_an_archived_object_is_unsupported_and_says_why() -> None:
    async with scripted([Reply(403, error("InvalidObjectState"))]) as (made, _):
        with pytest.raises(Unsupported, match="restore"):
            await read(made)


@pytest.mark.parametrize(
    "bodies",
    [
        [listing(["a"], token="t"), listing(["b"], token="t")],
        [listing(["a"], token="t"), listing(["a"], token="u")],
        [listing([], ["p/"], token="t"), listing([], ["p/"], token="u")],
    ],
)
async def test_a_listing_that_comes_round_again_is_ended(bodies: list[bytes]) -> None:
    async with scripted(pages(*bodies)) as (made, _):
        with pytest.raises(ProtocolViolation):
            await entries(made)


async def test_a_token_on_the_last_page_does_not_begin_the_listing_again() -> None:
    last = listing(["a"], token="t").replace(b">true<", b">false<")
    async with scripted(pages(last)) as (made, _):
        assert [entry.name for entry in await entries(made)] == ["a"]


async def test_a_listing_of_empty_pages_without_end_is_ended() -> None:
    tokens = (str(number) for number in range(10_000))
    first = iter([NO_ENCRYPTION])
    async with scripted(lambda _: next(first, None) or Reply(body=listing(token=next(tokens)))) as (made, _):
        with pytest.raises(ProtocolViolation):
            await entries(made)


@pytest.mark.parametrize(
    "body",
    [
        listing(["elsewhere/x"]),
        listing(["d/deeper/x"]),
        listing(["d/../x"]),
        listing([], ["d/deeper/and-deeper/"]),
        listing([], ["elsewhere/"]),
        listing([], ["d/"]),
        listing([], ["d/no-slash"]),
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>d/a</Key><Size>many</Size></Contents></ListBucketResult>",
    ],
)
async def test_a_listing_that_makes_no_sense_is_refused(body: bytes) -> None:
    async with scripted(pages(body)) as (made, _):
        with pytest.raises(ProtocolViolation):
            await entries(made, "/d")


async def test_keys_that_are_no_names_are_listed_under_names_that_lead_back() -> None:
    page = listing(
        ["d/", "d/plain", "d/a%2Bb+c", "d/.", "d/bad%FF", "d/nul%00", "d/x"], ["d//", "d/../", "d/x/"], size=0
    )
    async with scripted(pages(page)) as (made, server):
        found = await entries(made, "/d")
        files = [entry for entry in found if entry.kind is EntryKind.FILE]
        assert [entry.name for entry in files][:2] == ["plain", "a+b c"]
        assert len([entry for entry in found if entry.kind is EntryKind.SPECIAL]) == 2
        assert len({entry.name for entry in found}) == len(found) == 9
        for entry in files:
            server._answer = lambda _: Reply(200)
            await made.look_up(f"/d/{entry.name}")
        asked = [request.path for request in server.requests[2:]]
        assert asked == ["/bucket/d/plain", "/bucket/d/a+b c", "/bucket/d/.", "/bucket/d/x"]


async def test_a_prefix_beside_an_object_keeps_its_own_name_on_a_later_page() -> None:
    async with scripted(pages(listing(["a", "a!"], token="t"), listing([], ["a/", "b/"]))) as (made, server):
        first = await anext(made.list_folder(ROOT))
        assert first.cursor is not None
        rest = [page async for page in made.list_folder(ROOT, first.cursor)]
        folder, other = rest[0].entries
        assert other.name == "b"
        assert folder.name not in {"a", "b"}
        server._answer = lambda _: Reply(body=listing(["a/x"]))
        assert [entry.name for entry in await entries(made, f"/{folder.name}")] == ["x"]
        assert server.requests[-1].query["prefix"] == "a/"


async def test_a_folder_marker_with_content_is_not_dropped_silently() -> None:
    async with scripted(pages(listing(["d/"], size=5))) as (made, _):
        (entry,) = await entries(made, "/d")
        assert (entry.kind, entry.size) == (EntryKind.SPECIAL, 5)


async def test_an_empty_answer_means_that_there_is_no_folder() -> None:
    async with scripted(pages(listing())) as (made, _):
        with pytest.raises(NotFound):
            await entries(made, "/d")


async def test_etags_are_no_hashes_in_a_bucket_under_kms() -> None:
    kms = (
        b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
        b"<SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    )
    async with scripted([Reply(body=listing(["a"])), Reply(body=kms), Reply(body=listing(["a"]))]) as (
        made,
        _,
    ):
        await made.sign_in()
        assert not made.capabilities.listed_hashes
        assert not made.capabilities.returned_hashes
        (entry,) = await entries(made)
        assert not entry.hashes
        assert entry.version == ETAG


async def test_where_the_default_may_not_be_asked_for_one_object_stands_for_all() -> None:
    headers = {"x-amz-server-side-encryption": "aws:kms", "ETag": ETAG}
    replies = [
        Reply(body=listing(["a"])),
        Reply(403, error("AccessDenied")),
        Reply(body=listing(["a"])),
        Reply(headers=headers),
    ]
    async with scripted(replies) as (made, _):
        await made.sign_in()
        assert not made.capabilities.listed_hashes


async def test_an_error_in_place_of_the_default_is_no_default() -> None:
    replies = [
        Reply(200, error("InternalError")),
        Reply(body=listing(["d/a"])),
        Reply(200, b"", {"x-amz-server-side-encryption": "aws:kms"}),
        Reply(body=listing(["d/a"])),
    ]
    async with scripted(replies) as (made, _):
        assert [entry.hashes for entry in await entries(made, "/d")] == [{}]


async def test_an_object_under_kms_ends_the_trust_in_etags() -> None:
    replies = pages(listing(["a"]))
    replies += [
        Reply(headers={"x-amz-server-side-encryption": "aws:kms", "ETag": ETAG}),
        Reply(body=listing(["a"])),
    ]
    async with scripted(replies) as (made, _):
        assert (await entries(made))[0].hashes
        await made.look_up("/a")
        assert not (await entries(made))[0].hashes


async def test_an_upload_that_is_refused_for_its_digest_is_an_integrity_error() -> None:
    async with scripted([Reply(404), Reply(400, error("BadDigest"))]) as (made, server):
        with pytest.raises(IntegrityError):
            await made.upload(TARGET, Bytes(b"data", HashName.MD5))
        assert server.requests[-1].headers["content-md5"] == "jXd/OF09/siBXSD3SWAm3A=="


async def test_a_success_that_carries_an_error_is_one() -> None:
    async with scripted([Reply(404), Reply(200, error("InternalError"))]) as (made, _):
        with pytest.raises(ServiceFault):
            await made.upload(TARGET, Bytes(b"data"))


async def test_over_plain_http_the_body_is_signed() -> None:
    async with scripted(lambda request: Reply(404 if request.method == "HEAD" else 200)) as (made, server):
        await made.upload(TARGET, Bytes(b"data"))
        sent = next(request for request in server.requests if request.method == "PUT")
        assert sent.headers["x-amz-content-sha256"].startswith("3a6eb0790f39ac87")


async def test_a_content_of_another_size_than_announced_is_not_sent() -> None:
    async with scripted([Reply(404)]) as (made, server):
        with pytest.raises(IntegrityError):
            await made.upload(TARGET, Bytes(b"data", size=5))
        assert all(request.method == "HEAD" for request in server.requests)


class Store:
    """One object, by a server that may honour conditions, ignore them, or say that it has none."""

    def __init__(self, *, conditions: str) -> None:
        self.conditions = conditions
        self.object: bytes | None = None
        self.etag = ""

    def __call__(self, request: Request) -> Reply:
        wanted = request.headers.get("if-none-match") or request.headers.get("if-match")
        match request.method, self.conditions:
            case "HEAD", _:
                return Reply(404) if self.object is None else Reply(200, headers={"ETag": f'"{self.etag}"'})
            case "PUT", "none" if wanted:
                return Reply(501, error("NotImplemented"))
            case "PUT", "honoured" if wanted == "*" and self.object is not None:
                return Reply(412, error("PreconditionFailed"))
            case "PUT", "honoured" if wanted not in {None, "*", f'"{self.etag}"'}:
                return Reply(412, error("PreconditionFailed"))
            case _:
                self.object = request.body
                self.etag = f"etag-of-{request.body.decode()}"
                return Reply(200, headers={"ETag": f'"{self.etag}"'})


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("conditions", "exclusive"), [("honoured", True), ("ignored", False), ("none", False)]
)
async def test_nothing_is_overwritten_whatever_the_service_makes_of_conditions(
    conditions: str,
    exclusive: bool,  # noqa: FBT001 - pytest passes by name
) -> None:
    store = Store(conditions=conditions)
    async with scripted(store) as (made, _):
        first = await made.upload(TARGET, Bytes(b"first"))
        assert made.capabilities.exclusive_create is exclusive
        with pytest.raises(Conflict):
            await made.upload(TARGET, Bytes(b"second"))
        assert store.object == b"first"
        replacing = Target(folder=ROOT, name="file", key="k", replaces=first)
        second = await made.upload(replacing, Bytes(b"second"))
        with pytest.raises(Changed):
            await made.upload(replacing, Bytes(b"third"))
        assert store.object == b"second"
        store.object = None
        if conditions != "honoured":
            with pytest.raises(Changed):
                await made.upload(
                    Target(folder=ROOT, name="file", key="k", replaces=second), Bytes(b"fourth")
                )
            assert store.object is None


async def test_a_service_that_honours_conditions_costs_one_call_a_file() -> None:
    store = Store(conditions="honoured")
    async with scripted(store) as (made, _):
        await made.upload(TARGET, Bytes(b"first"))
        store.object = None
        before = made.calls
        await made.upload(TARGET, Bytes(b"second"))
        assert made.calls - before == 1


async def test_an_object_that_is_gone_is_not_replaced() -> None:
    gone = Entry(name="file", kind=EntryKind.FILE, version=ETAG)
    async with scripted([Reply(200, headers={"ETag": ETAG}), Reply(404, error("NoSuchKey"))]) as (made, _):
        with pytest.raises(Changed):
            await made.upload(Target(folder=ROOT, name="file", key="k", replaces=gone), Bytes(b"data"))


async def test_the_account_s_secret_is_never_sent() -> None:
    async with scripted(lambda _: Reply(200, listing()), session_token="a-token") as (made, server):
        await entries(made)
        assert all(SECRET_KEY not in str(request) for request in server.requests)
        assert server.requests[0].headers["x-amz-security-token"] == "a-token"
