"""Multipart uploads against servers that lose answers, change their mind or say success and mean failure."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
from collections.abc import AsyncIterator

import pytest
from tests.connectors.s3.scripted import Bytes, Reply, Request, ScriptedServer, connector, error

from mover.connectors.contract import SentPart, Target
from mover.connectors.s3.connector import S3Connector
from mover.connectors.s3.parts import S3PartUploads
from mover.entries import ROOT, HashName
from mover.errors import (
    Conflict,
    IntegrityError,
    MoverError,
    NotFound,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    Throttled,
)
from mover.hashing import s3_etag

TARGET = Target(folder=ROOT, name="file", key="k", modified_ns=1_500_000_000)
PARTS = [b"first part", b"second"]
SIZE = sum(map(len, PARTS))
ETAGS = [hashlib.md5(part, usedforsecurity=False).hexdigest() for part in PARTS]


class Multipart:
    """A service with one upload; `on_complete` is what it answers to CompleteMultipartUpload, time after time."""

    def __init__(self, *on_complete: Reply) -> None:
        self.on_complete = list(on_complete)
        self.finished = False
        self.etag = s3_etag(ETAGS)

    def __call__(self, request: Request) -> Reply:
        match request.method:
            case "HEAD" if self.finished:
                headers = {"ETag": f'"{self.etag}"', "Content-Length": str(SIZE)}
                return Reply(200, b"x" * SIZE, {"ETag": headers["ETag"]})
            case "HEAD":
                return Reply(404)
            case "POST" if "uploads" in request.query:
                return Reply(
                    body=b"<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>"
                )
            case "PUT":
                etag = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
                return Reply(headers={"ETag": f'"{etag}"'})
            case "POST":
                return self.on_complete.pop(0)
            case _:
                return Reply(404, error("NoSuchUpload"))


def completed(etag: str) -> Reply:
    body = f"<CompleteMultipartUploadResult><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>"
    return Reply(body=body.encode())


@contextlib.asynccontextmanager
async def uploading(
    service: Multipart,
) -> AsyncIterator[tuple[S3PartUploads, str, list[SentPart], ScriptedServer]]:
    async with ScriptedServer(service).running() as server:
        made: S3Connector = connector(server.url)
        uploads = made.part_uploads
        try:
            token = await uploads.begin(TARGET, SIZE, len(PARTS[0]))
            sent = [
                await uploads.send(token, number, 0, Bytes(part, HashName.MD5))
                for number, part in enumerate(PARTS, start=1)
            ]
            yield uploads, token, sent, server
        finally:
            await made.close()


async def test_a_finished_upload_tells_the_etag_that_the_parts_make() -> None:
    async with uploading(Multipart(completed(s3_etag(ETAGS)))) as (uploads, token, sent, server):
        entry = await uploads.finish(token, TARGET, sent, {})
        assert entry.hashes == {HashName.S3_ETAG: s3_etag(ETAGS)}
        assert (entry.size, entry.modified_ns) == (SIZE, TARGET.modified_ns)
        begun = next(request for request in server.requests if "uploads" in request.query)
        assert begun.headers["x-amz-meta-mtime"] == "1.5"
        finished = server.requests[-1]
        assert finished.query["uploadId"] == "u&1"
        assert finished.headers["if-none-match"] == "*"
        assert all(etag.encode() in finished.body for etag in ETAGS)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, b"   \n" * 1000 + error("InternalError")), ServiceFault),
        (Reply(200, error("QuotaExceeded")), QuotaExceeded),
        (Reply(200, b"<Other/>"), ProtocolViolation),
        (Reply(400, error("InvalidPart")), IntegrityError),
        (Reply(412, error("PreconditionFailed")), Conflict),
        (Reply(409, error("ConditionalRequestConflict")), Conflict),
        (Reply(404, error("NoSuchUpload")), NotFound),
    ],
)
async def test_a_finish_that_fails_says_why(reply: Reply, kind: type[MoverError]) -> None:
    async with uploading(Multipart(reply)) as (uploads, token, sent, _):
        with pytest.raises(kind):
            await uploads.finish(token, TARGET, sent, {})


@pytest.mark.parametrize(
    "again", [Reply(404, error("NoSuchUpload")), Reply(412, error("PreconditionFailed"))]
)
async def test_finishing_again_after_a_lost_answer_finds_the_file(again: Reply) -> None:
    service = Multipart(again)
    async with uploading(service) as (uploads, token, sent, _):
        service.finished = True
        entry = await uploads.finish(token, TARGET, sent, {})
        assert entry.version == s3_etag(ETAGS)


async def test_another_file_in_its_place_is_not_taken_for_the_upload() -> None:
    service = Multipart(Reply(404, error("NoSuchUpload")))
    async with uploading(service) as (uploads, token, sent, _):
        service.finished = True
        service.etag = s3_etag(reversed(ETAGS))
        with pytest.raises((NotFound, Conflict)):
            await uploads.finish(token, TARGET, sent, {})


async def test_a_part_that_arrived_as_other_bytes_is_noticed() -> None:
    service = Multipart()
    async with uploading(service) as (uploads, token, _, _):
        damaged = Bytes(b"damaged", HashName.MD5)
        damaged.hashes = Bytes(b"original", HashName.MD5).hashes
        with pytest.raises(IntegrityError):
            await uploads.send(token, 1, 0, damaged)


async def test_an_upload_whose_beginning_carries_an_error_says_which() -> None:
    async with ScriptedServer([Reply(404), Reply(200, error("SlowDown"))]).running() as server:
        made = connector(server.url)
        with pytest.raises(Throttled):
            await made.part_uploads.begin(TARGET, SIZE, len(PARTS[0]))
        await made.close()


async def test_nothing_is_begun_where_something_stands() -> None:
    service = Multipart()
    service.finished = True
    with pytest.raises(Conflict):
        async with uploading(service):
            pytest.fail("begun")


@pytest.mark.parametrize("kept", [slice(1), slice(1, 2)])
async def test_missing_parts_are_noticed_before_the_service_makes_a_file_of_the_others(kept: slice) -> None:
    async with uploading(Multipart()) as (uploads, token, sent, _):
        with pytest.raises(IntegrityError):
            await uploads.finish(token, TARGET, sent[kept], {})


async def test_a_list_of_parts_that_never_ends_is_ended() -> None:
    page = (
        b"<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>"
        b"<Part><PartNumber>1</PartNumber><Size>3</Size><ETag>abc</ETag></Part></ListPartsResult>"
    )
    service = Multipart()
    async with uploading(service) as (uploads, token, _, server):
        server._answer = lambda _: Reply(body=page)
        with pytest.raises(ProtocolViolation):
            await uploads.received(token)


async def test_a_list_of_more_parts_than_an_upload_can_have_is_ended() -> None:
    pages = itertools.count(1)
    part = b"<Part><PartNumber>1</PartNumber><Size>3</Size><ETag>abc</ETag></Part>"

    def page(_: Request) -> Reply:
        number = next(pages)
        assert number < 100
        marker = b"<NextPartNumberMarker>%d</NextPartNumberMarker>" % number
        return Reply(
            body=b"<ListPartsResult><IsTruncated>true</IsTruncated>"
            + marker
            + part * 1000
            + b"</ListPartsResult>"
        )

    async with uploading(Multipart()) as (uploads, token, _, server):
        server._answer = page
        with pytest.raises(ProtocolViolation):
            await uploads.received(token)


@pytest.mark.parametrize("token", ["", "{}", "[1,2]", '["b","k"]'])
async def test_a_token_that_cannot_be_read_means_that_the_upload_is_gone(token: str) -> None:
    made = connector("http://127.0.0.1:1")
    with pytest.raises(NotFound):
        await made.part_uploads.received(token)


async def test_neither_token_nor_receipts_hold_secrets() -> None:
    async with uploading(Multipart()) as (_, token, sent, _):
        assert "secret" not in token
        assert all("secret" not in str(dataclasses.asdict(TARGET)) + part.receipt for part in sent)
