"""The calls of S3 that Mover makes, one short method each.

Source: Amazon S3 API Reference. A method returns a `Fault` instead of raising where a caller can go on after a refusal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import unquote_to_bytes
from xml.sax.saxutils import escape

import msgspec

from mover.connectors.s3.calls import SERVICE, Call, Caller
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.objects import ObjectFacts, facts_from, read_etag
from mover.connectors.s3.xml import Document, read_document, write_document
from mover.errors import NotFound, ProtocolViolation
from mover.transport.http import HttpResponse

MOST_KEYS_A_PAGE = 1000

_ANSWER_LIMIT = 16 * 1024 * 1024  # 1,000 keys of 1,024 bytes, each byte percent-encoded, with owners
_NUMBER_DIGITS = 18


class ListedObject(msgspec.Struct, frozen=True):
    """An object in a listing. `key` stays bytes if it is no text that could be sent again."""

    key: str | bytes
    size: int
    etag: str | None


class Listing(msgspec.Struct, frozen=True):
    """A page of a bucket's listing, and the token with which it goes on."""

    objects: list[ListedObject]
    prefixes: list[str | bytes]
    token: str | None


class ListedPart(msgspec.Struct, frozen=True):
    """A part that the service holds."""

    number: int
    size: int
    etag: str
    crc64nvme: str | None


class Finished(msgspec.Struct, frozen=True):
    """What the service says about an object that it put together: ETag, and the checksum of the whole in base64."""

    etag: str | None
    crc64nvme: str | None
    plain: bool


class S3Api:
    """The calls, made through one caller."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def list_buckets(
        self, token: str | None, *, operation: str, path: str
    ) -> tuple[list[str], str | None]:
        """Return names of buckets, and the token for more of them."""
        query = (("continuation-token", token),) if token else ()
        call = Call(method="GET", bucket=None, query=query, operation=operation, path=path)
        document = await self._document(call, "ListAllMyBucketsResult", {"Bucket"})
        names = [fields["Name"] for _, fields in document.records if fields.get("Name")]
        return names, document.fields.get("ContinuationToken") or None

    async def list_objects(
        self,
        bucket: str,
        prefix: str,
        *,
        token: str | None = None,
        delimiter: str = "/",
        most: int = MOST_KEYS_A_PAGE,
        operation: str,
        path: str,
    ) -> Listing:
        """ListObjectsV2: keys that begin with a prefix, in key order."""
        query = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", str(most))]
        query += [("prefix", prefix)] if prefix else []
        query += [("delimiter", delimiter)] if delimiter else []
        query += [("continuation-token", token)] if token else []
        call = Call(method="GET", bucket=bucket, query=tuple(query), operation=operation, path=path)
        document = await self._document(call, "ListBucketResult", {"Contents", "CommonPrefixes"})
        encoded = document.fields.get("EncodingType") == "url"
        objects: list[ListedObject] = []
        prefixes: list[str | bytes] = []
        for kind, fields in document.records:
            if kind == "Contents":
                key = _key(fields.get("Key", ""), encoded=encoded)
                objects.append(
                    ListedObject(key, _number(fields.get("Size", "")), read_etag(fields.get("ETag", "")))
                )
            else:
                prefixes.append(_key(fields.get("Prefix", ""), encoded=encoded))
        next_token = document.fields.get("NextContinuationToken") or None
        if document.fields.get("IsTruncated") == "true" and next_token is None:
            raise ProtocolViolation(
                "the listing is cut off and gives no token to go on with",
                service=SERVICE,
                operation=operation,
                path=path,
            )
        return Listing(objects, prefixes, next_token)

    async def bucket_encryption(self, bucket: str, *, operation: str, path: str) -> str | Fault | None:
        """Return how new objects are encrypted by default (`AES256`, `aws:kms`, ...); None if they are not."""
        call = Call(method="GET", bucket=bucket, query=(("encryption", ""),), operation=operation, path=path)
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                if answer.code == "ServerSideEncryptionConfigurationNotFoundError":
                    return None
                return answer
            document = read_document(await answer.read(_ANSWER_LIMIT), {"ApplyServerSideEncryptionByDefault"})
        return next((fields.get("SSEAlgorithm") for _, fields in document.records), None)

    async def head_bucket(self, bucket: str, *, operation: str, path: str) -> None:
        """Raise what keeps the account from the bucket."""
        await self._headers(Call(method="HEAD", bucket=bucket, operation=operation, path=path))

    async def create_bucket(self, bucket: str, *, operation: str, path: str) -> Fault | None:
        """Create a bucket in the account's region."""
        region = self.caller.region
        body = None
        if (
            self.caller.endpoint.amazon and region != "us-east-1"
        ):  # where it is the default and must not be named
            body = write_document(
                "CreateBucketConfiguration", f"<LocationConstraint>{region}</LocationConstraint>"
            )
        call = Call(method="PUT", bucket=bucket, body=body, operation=operation, path=path)
        async with self.caller.exchange(call) as answer:
            return answer if isinstance(answer, Fault) else None

    async def head_object(self, bucket: str, key: str, *, operation: str, path: str) -> ObjectFacts:
        """Describe an object. Raises NotFound."""
        headers = {"x-amz-checksum-mode": "ENABLED"}
        call = Call(method="HEAD", bucket=bucket, key=key, headers=headers, operation=operation, path=path)
        return facts_from(await self._headers(call))

    @asynccontextmanager
    async def get_object(
        self,
        bucket: str,
        key: str,
        *,
        byte_range: str | None,
        etag: str | None,
        operation: str,
        path: str,
    ) -> AsyncIterator[HttpResponse | Fault]:
        """Open an object for reading. `byte_range` as in the header `Range`; with `etag` only if it still has that one."""
        headers = {"range": byte_range} if byte_range else {"x-amz-checksum-mode": "ENABLED"}
        if etag:
            headers["if-match"] = f'"{etag}"'
        call = Call(method="GET", bucket=bucket, key=key, headers=headers, operation=operation, path=path)
        async with self.caller.exchange(call) as answer:
            yield answer

    async def put(self, call: Call) -> ObjectFacts | Fault:
        """Send an object or a part."""
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                return answer
            headers = answer.headers
            hidden = _hidden_fault(answer, await answer.read(_ANSWER_LIMIT))
        return hidden or facts_from(headers)

    async def create_upload(
        self, bucket: str, key: str, headers: Mapping[str, str], *, operation: str, path: str
    ) -> tuple[str, bool] | Fault:
        """Begin a multipart upload; return its id and whether the service promises checksums of the whole object."""
        call = Call(
            method="POST",
            bucket=bucket,
            key=key,
            query=(("uploads", ""),),
            headers=headers,
            operation=operation,
            path=path,
        )
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                return answer
            document = read_document(await answer.read(_ANSWER_LIMIT))
            checked = answer.headers.get("x-amz-checksum-algorithm", "").upper() == "CRC64NVME"
        upload = document.fields.get("UploadId", "")
        if not upload:
            raise ProtocolViolation(
                "the service began an upload without naming it",
                service=SERVICE,
                operation=operation,
                path=path,
            )
        return upload, checked

    async def list_parts(
        self, bucket: str, key: str, upload: str, after: int, *, operation: str, path: str
    ) -> tuple[list[ListedPart], int | None]:
        """Return parts with numbers above `after`, and the number after which more of them stand."""
        call = Call(
            method="GET",
            bucket=bucket,
            key=key,
            query=(("uploadId", upload), ("part-number-marker", str(after))),
            operation=operation,
            path=path,
        )
        document = await self._document(call, "ListPartsResult", {"Part"})
        parts = [
            ListedPart(
                _number(fields.get("PartNumber", "")),
                _number(fields.get("Size", "")),
                read_etag(fields.get("ETag", "")) or "",
                fields.get("ChecksumCRC64NVME"),
            )
            for _, fields in document.records
        ]
        more = document.fields.get("IsTruncated") == "true"
        return parts, _number(document.fields.get("NextPartNumberMarker", "")) if more else None

    async def complete_upload(
        self,
        bucket: str,
        key: str,
        upload: str,
        parts: Iterable[tuple[int, str, str | None]],
        headers: Mapping[str, str],
        *,
        operation: str,
        path: str,
    ) -> Finished | Fault:
        """Put the parts (number, ETag, checksum in base64) together."""
        listed = "".join(
            [
                f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{escape(etag)}&quot;</ETag>"
                + (f"<ChecksumCRC64NVME>{escape(checksum)}</ChecksumCRC64NVME>" if checksum else "")
                + "</Part>"
                for number, etag, checksum in parts
            ]
        )
        call = Call(
            method="POST",
            bucket=bucket,
            key=key,
            query=(("uploadId", upload),),
            headers={"content-type": "application/xml", **headers},
            body=write_document("CompleteMultipartUpload", listed),
            operation=operation,
            path=path,
        )
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                return answer
            body = await answer.read(_ANSWER_LIMIT)
            if hidden := _hidden_fault(answer, body):
                return hidden
            facts = facts_from(answer.headers)
        fields = _expect(read_document(body), "CompleteMultipartUploadResult", call).fields
        whole = fields.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        return Finished(
            read_etag(fields.get("ETag", "")), fields.get("ChecksumCRC64NVME") if whole else None, facts.plain
        )

    async def abort_upload(self, bucket: str, key: str, upload: str, *, operation: str, path: str) -> None:
        """Drop an upload. Raises NotFound."""
        query = (("uploadId", upload),)
        await self._headers(
            Call(method="DELETE", bucket=bucket, key=key, query=query, operation=operation, path=path)
        )

    async def _headers(self, call: Call) -> Mapping[str, str]:
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                raise call.error(answer, self.caller.now)
            return answer.headers

    async def _document(self, call: Call, root: str, records: set[str]) -> Document:
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                raise call.error(answer, self.caller.now)
            body = await answer.read(_ANSWER_LIMIT)
            if hidden := _hidden_fault(answer, body):
                raise call.error(hidden, self.caller.now)
        try:
            return _expect(read_document(body, records), root, call)
        except (ProtocolViolation, NotFound) as error:
            raise error.at(service=SERVICE, operation=call.operation, path=call.path) from error.__cause__


def _expect(document: Document, root: str, call: Call) -> Document:
    if document.root != root:
        raise ProtocolViolation(
            f"expected {root}, and the answer is something else",
            service=SERVICE,
            operation=call.operation,
            path=call.path,
            said=document.root,
        )
    return document


def _hidden_fault(answer: HttpResponse, body: bytes) -> Fault | None:
    """Find an error in an answer whose status says success: S3 decides on long operations after it has answered."""
    if b"<Error" not in body:  # not only at the start: blanks are sent before it to keep the connection
        return None
    fault = Fault.read(answer.status, answer.headers, body)
    return fault if fault.code else None


def _key(text: str, *, encoded: bool) -> str | bytes:
    if not encoded or ("%" not in text and "+" not in text):
        return text.encode() if "\0" in text else text
    raw = unquote_to_bytes(text.replace("+", " "))
    try:
        key = raw.decode()
    except UnicodeDecodeError:
        return raw
    return raw if "\0" in key else key


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _NUMBER_DIGITS:
        raise ProtocolViolation("a number in the answer is none", said=text)
    return int(text)
