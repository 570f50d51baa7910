"""The calls of multipart uploads, one short method each.

Source: Amazon S3 API Reference, from CreateMultipartUpload to AbortMultipartUpload; UploadPart is `S3Api.put`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

import msgspec

from mover.connectors.s3.api import ANSWER_LIMIT, S3Api, expect, hidden_fault, number
from mover.connectors.s3.calls import SERVICE, Call
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.objects import facts_from, read_etag
from mover.connectors.s3.xml import read_document, write_document
from mover.errors import ProtocolViolation


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


class MultipartApi:
    """The calls, made through the same caller as all others."""

    def __init__(self, api: S3Api) -> None:
        self._api = api

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
        async with self._api.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                return answer
            body = await answer.read(ANSWER_LIMIT)
            if hidden := hidden_fault(answer, body):
                return hidden
            document = read_document(body)
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
        document = await self._api.document(call, "ListPartsResult", {"Part"})
        parts = [
            ListedPart(
                number(fields.get("PartNumber", "")),
                number(fields.get("Size", "")),
                read_etag(fields.get("ETag", "")) or "",
                fields.get("ChecksumCRC64NVME"),
            )
            for _, fields in document.records
        ]
        more = document.fields.get("IsTruncated") == "true"
        return parts, number(document.fields.get("NextPartNumberMarker", "")) if more else None

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
        async with self._api.caller.exchange(call) as answer:
            if isinstance(answer, Fault):
                return answer
            body = await answer.read(ANSWER_LIMIT)
            if hidden := hidden_fault(answer, body):
                return hidden
            facts = facts_from(answer.headers)
        fields = expect(read_document(body), "CompleteMultipartUploadResult", call).fields
        whole = fields.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        return Finished(
            read_etag(fields.get("ETag", "")), fields.get("ChecksumCRC64NVME") if whole else None, facts.plain
        )

    async def abort_upload(self, bucket: str, key: str, upload: str, *, operation: str, path: str) -> None:
        """Drop an upload. Raises NotFound."""
        query = (("uploadId", upload),)
        await self._api.headers_of(
            Call(method="DELETE", bucket=bucket, key=key, query=query, operation=operation, path=path)
        )
