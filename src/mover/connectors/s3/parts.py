"""Multipart uploads: tokens and receipts that survive a crash, and a finish that can be repeated.

Source: "Uploading and copying objects using multipart upload", Amazon S3 User Guide. Amazon checks each part by
CRC64NVME and promises the checksum of the whole; elsewhere Content-MD5 and the ETags do that. An upload that is
never finished or aborted stays and costs room until a lifecycle rule of the bucket removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from mover.connectors.bodies import body_of
from mover.connectors.contract import Content, SentPart, Target
from mover.connectors.keys import Place
from mover.connectors.s3.api import S3Api
from mover.connectors.s3.calls import SERVICE, Call
from mover.connectors.s3.capabilities import PART_RULES
from mover.connectors.s3.conditions import Conditions, look_first
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.multipart import Finished, MultipartApi
from mover.connectors.s3.objects import (
    ObjectFacts,
    base64_of,
    etag_hashes,
    is_md5,
    read_checksum,
)
from mover.connectors.s3.uploads import Writing
from mover.entries import Entry, EntryKind, HashName
from mover.errors import IntegrityError, MoverError, NotFound, ProtocolViolation, Unsupported
from mover.hashing import hash_chunks, s3_etag

_UNSUPPORTED = frozenset({400, 501})
_CHECKSUM_HEADERS = {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT"}


class _Token(msgspec.Struct, frozen=True, array_like=True):
    bucket: str
    key: str
    upload: str
    checked: bool
    size: int | None
    path: str


class _Receipt(msgspec.Struct, frozen=True, array_like=True):
    etag: str
    crc64nvme: str | None = None  # in base64


_Known = TypeVar("_Known", _Token, _Receipt)


class S3PartUploads:
    """Uploads in parts; as `PartUploads`.

    Args:
        api: The calls.
        writing: How objects are written on this connection.
        conditions: What the service makes of conditions.
        locate: Finds where a target goes; raises NameRejected, PathTooLong.
        checksums: Ask the service for the CRC64NVME of the whole.
    """

    def __init__(
        self,
        api: S3Api,
        writing: Writing,
        conditions: Conditions,
        *,
        locate: Callable[[Target], Place],
        checksums: bool,
    ) -> None:
        self._api = api
        self._multipart = MultipartApi(api)
        self._writing = writing
        self._conditions = conditions
        self._locate = locate
        self._checksums = checksums

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """See the contract. Two calls: one looks at the place, so that a conflict shows before gigabytes are sent."""
        del part_size  # S3 learns it from the parts
        path = target.ref.path
        place = self._locate(target)
        assert place.bucket is not None
        await look_first(target, partial(self._look, place.bucket, place.key, path))
        headers = self._writing.object_headers(target)
        begun = await self._begin(place.bucket, place.key, headers, path)
        if isinstance(begun, Fault):
            raise self._error("upload", path, begun)
        upload, checked = begun
        return msgspec.json.encode(_Token(place.bucket, place.key, upload, checked, size, path)).decode()

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """See the contract."""
        del offset  # the number says where a part belongs
        known = _read(token, _Token)
        size = content.size
        if size is None:
            raise Unsupported(
                "S3 needs to know the size of a part in advance",
                service=SERVICE,
                operation="upload",
                path=known.path,
            )
        hashes: Mapping[HashName, str] = content.hashes
        if known.checked and HashName.CRC64NVME not in hashes and content.repeatable:
            computed, _ = await hash_chunks(content.chunks(), [HashName.CRC64NVME])
            hashes = {**hashes, **computed}
        call = Call(
            method="PUT",
            bucket=known.bucket,
            key=known.key,
            query=(("partNumber", str(number)), ("uploadId", known.upload)),
            headers=self._writing.checksum_headers(hashes),
            body=await body_of(content, size),
            size=size,
            payload=await self._writing.payload(content),
            repeatable=content.repeatable,
            operation="upload",
            path=known.path,
        )
        facts = await self._api.put(call)
        if isinstance(facts, Fault):
            raise self._error("upload", known.path, facts)
        md5 = hashes.get(HashName.MD5)
        if md5 is not None and facts.plain and is_md5(facts.etag) and facts.etag != md5:
            raise IntegrityError(
                f"part {number} arrived as other bytes than were sent",
                service=SERVICE,
                operation="upload",
                path=known.path,
            )
        if facts.etag is None:
            raise ProtocolViolation(
                "the service took a part without an ETag",
                service=SERVICE,
                operation="upload",
                path=known.path,
            )
        crc = hashes.get(HashName.CRC64NVME) if known.checked else None
        return _sent(number, size, _Receipt(facts.etag, base64_of(crc) if crc else None))

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> Sequence[SentPart]:
        """See the contract. One call for each 1,000 parts."""
        known = _read(token, _Token)
        found: list[SentPart] = []
        after = 0
        while True:
            parts, following = await self._multipart.list_parts(
                known.bucket, known.key, known.upload, after, operation="upload", path=known.path
            )
            found += [_sent(part.number, part.size, _Receipt(part.etag, part.crc64nvme)) for part in parts]
            if following is None:
                return found
            if following <= after or len(found) > PART_RULES.most:
                raise ProtocolViolation(
                    "the list of parts goes on without end",
                    service=SERVICE,
                    operation="upload",
                    path=known.path,
                )
            after = following

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        """See the contract. When the upload is gone, an object that was made of these parts is what it became."""
        known = _read(token, _Token)
        path = target.ref.path
        size = sum(part.size for part in parts)
        if known.size not in {None, size} or [part.number for part in parts] != list(
            range(1, len(parts) + 1)
        ):
            raise IntegrityError(
                "parts are missing", service=SERVICE, operation="upload", path=path
            )  # S3 would make a file of those that are there
        receipts = [(part.number, _read(part.receipt, _Receipt)) for part in parts]
        headers = {}
        if known.checked:
            headers = {"x-amz-checksum-type": "FULL_OBJECT", "x-amz-mp-object-size": str(size)}
            if HashName.CRC64NVME in hashes:
                headers["x-amz-checksum-crc64nvme"] = base64_of(hashes[HashName.CRC64NVME])

        async def send(condition: Mapping[str, str]) -> Finished | Fault:
            return await self._multipart.complete_upload(
                known.bucket,
                known.key,
                known.upload,
                [(number, receipt.etag, receipt.crc64nvme) for number, receipt in receipts],
                {**headers, **condition},
                operation="upload",
                path=path,
            )

        try:
            finished = await self._conditions.write(
                target,
                send=send,
                look=partial(self._look, known.bucket, known.key, path),
                error=partial(self._error, "upload", path),
                provable=False,
            )
        except MoverError:
            # The answer to an earlier try may have been lost: then the upload is gone, or what it became is in the way.
            entry = await self._became(known, target, size, [receipt for _, receipt in receipts], hashes)
            if entry is None:
                raise
            return entry
        found = dict(etag_hashes(finished.etag)) if finished.plain else {}
        crc = read_checksum(HashName.CRC64NVME, finished.crc64nvme or "")
        if crc is not None:
            found[HashName.CRC64NVME] = crc
        return _entry(target, size, finished.etag, found)

    async def abort(self, token: str) -> None:
        """See the contract."""
        known = _read(token, _Token)
        try:
            await self._multipart.abort_upload(
                known.bucket, known.key, known.upload, operation="abort", path=known.path
            )
        except NotFound:
            return

    async def _begin(
        self, bucket: str, key: str, headers: Mapping[str, str], path: str
    ) -> tuple[str, bool] | Fault:
        if self._checksums:
            begun = await self._multipart.create_upload(
                bucket, key, {**headers, **_CHECKSUM_HEADERS}, operation="upload", path=path
            )
            if not isinstance(begun, Fault) or begun.status not in _UNSUPPORTED:
                return begun
            self._checksums = False
        return await self._multipart.create_upload(bucket, key, headers, operation="upload", path=path)

    async def _became(
        self,
        known: _Token,
        target: Target,
        size: int,
        receipts: Sequence[_Receipt],
        hashes: Mapping[HashName, str],
    ) -> Entry | None:
        """Return the object if it certainly is what these parts became, and None if it is not."""
        try:
            facts = await self._look(known.bucket, known.key, target.ref.path)
        except MoverError:
            return None  # the refusal itself says more
        whole = facts.checksums.get(HashName.CRC64NVME)
        same_checksum = whole is not None and whole == hashes.get(HashName.CRC64NVME)
        etags = [receipt.etag for receipt in receipts]
        same_parts = facts.plain and all(map(is_md5, etags)) and facts.etag == s3_etag(etags)
        replaced = target.replaces is not None and facts.etag == target.replaces.version
        if facts.size != size or replaced or not (same_checksum or same_parts):
            return None
        return _entry(target, size, facts.etag, dict(facts.hashes))

    async def _look(self, bucket: str, key: str, path: str) -> ObjectFacts:
        return await self._api.head_object(bucket, key, operation="upload", path=path)

    def _error(self, operation: str, path: str, fault: Fault) -> MoverError:
        return fault.error(service=SERVICE, operation=operation, path=path, now=self._api.caller.now)


def _entry(target: Target, size: int, etag: str | None, hashes: Mapping[HashName, str]) -> Entry:
    return Entry(
        name=target.name,
        kind=EntryKind.FILE,
        size=size,
        modified_ns=target.modified_ns,
        version=etag,
        hashes=hashes,
        media_type=target.media_type,
    )


def _sent(number: int, size: int, receipt: _Receipt) -> SentPart:
    return SentPart(number, size, msgspec.json.encode(receipt).decode())


def _read(text: str, kind: type[_Known]) -> _Known:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise NotFound(
            "what is kept about this upload cannot be read; it must be sent again", service=SERVICE
        ) from error
