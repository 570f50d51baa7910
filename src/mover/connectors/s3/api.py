"""The calls of S3 that Mover makes, one short method each.

Source: Amazon S3 API Reference. A method returns a `Fault` instead of raising where a caller can go on after a refusal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import unquote_to_bytes

import msgspec

from mover.connectors.s3.calls import SERVICE, Call, Caller
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.objects import ObjectFacts, facts_from, read_etag
from mover.connectors.s3.xml import Document, read_document, write_document
from mover.errors import NotFound, ProtocolViolation
from mover.transport.http import HttpResponse

ANSWER_LIMIT = 16 * 1024 * 1024  # 1,000 keys of 1,024 bytes, each byte percent-encoded, with owners
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
        document = await self.document(call, "ListAllMyBucketsResult", {"Bucket"})
        names = [fields["Name"] for _, fields in document.records if fields.get("Name")]
        return names, document.fields.get("ContinuationToken") or None

    async def list_objects(
        self,
        bucket: str,
        prefix: str,
        *,
        token: str | None = None,
        delimiter: str = "/",
        most: int,
        operation: str,
        path: str,
    ) -> Listing:
        """ListObjectsV2: keys that begin with a prefix, in key order."""
        query = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", str(most))]
        query += [("prefix", prefix)] if prefix else []
        query += [("delimiter", delimiter)] if delimiter else []
        query += [("continuation-token", token)] if token else []
        call = Call(method="GET", bucket=bucket, query=tuple(query), operation=operation, path=path)
        document = await self.document(call, "ListBucketResult", {"Contents", "CommonPrefixes"})
        encoded = document.fields.get("EncodingType") == "url"
        objects: list[ListedObject] = []
        prefixes: list[str | bytes] = []
        for kind, fields in document.records:
            if kind == "Contents":
                key = _key(fields.get("Key", ""), encoded=encoded)
                objects.append(
                    ListedObject(key, number(fields.get("Size", "")), read_etag(fields.get("ETag", "")))
                )
            else:
                prefixes.append(_key(fields.get("Prefix", ""), encoded=encoded))
        truncated = document.fields.get("IsTruncated", "")
        next_token = None if truncated == "false" else document.fields.get("NextContinuationToken") or None
        if truncated == "true" and next_token is None:
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
            body = await answer.read(ANSWER_LIMIT)
        if hidden := hidden_fault(answer, body):
            return hidden
        document = read_document(body, {"ApplyServerSideEncryptionByDefault"})
        return next((fields.get("SSEAlgorithm") for _, fields in document.records), None)

    async def head_bucket(self, bucket: str, *, operation: str, path: str) -> None:
        """Raise what keeps the account from the bucket."""
        await self.headers_of(Call(method="HEAD", bucket=bucket, operation=operation, path=path))

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
        return facts_from(await self.headers_of(call))

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
            hidden = hidden_fault(answer, await answer.read(ANSWER_LIMIT))
        return hidden or facts_from(headers)

    async def headers_of(self, call: Call) -> Mapping[str, str]:
        """Make a call of whose answer only the headers count. Raises what a refusal means."""
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                raise call.error(answer, self.caller.now)
            return answer.headers

    async def document(self, call: Call, root: str, records: set[str]) -> Document:
        """Make a call whose answer is a document of that root. Raises what a refusal means, ProtocolViolation."""
        async with self.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                raise call.error(answer, self.caller.now)
            body = await answer.read(ANSWER_LIMIT)
            if hidden := hidden_fault(answer, body):
                raise call.error(hidden, self.caller.now)
        try:
            return expect(read_document(body, records), root, call)
        except (ProtocolViolation, NotFound) as error:
            raise error.at(service=SERVICE, operation=call.operation, path=call.path) from error.__cause__


def expect(document: Document, root: str, call: Call) -> Document:
    """Return a document if it is of the kind that was asked for. Raises ProtocolViolation."""
    if document.root != root:
        raise ProtocolViolation(
            f"expected {root}, and the answer is something else",
            service=SERVICE,
            operation=call.operation,
            path=call.path,
            said=document.root,
        )
    return document


def hidden_fault(answer: HttpResponse, body: bytes) -> Fault | None:
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


def number(text: str) -> int:
    """Read a number of an answer. Raises ProtocolViolation."""
    if not text.isascii() or not text.isdigit() or len(text) > _NUMBER_DIGITS:
        raise ProtocolViolation("a number in the answer is none", said=text)
    return int(text)
