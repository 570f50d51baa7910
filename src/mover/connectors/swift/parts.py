"""Large objects in segments: tokens and receipts that survive a crash, and a finish that can be repeated.

Source: Swift "Large Object Support", static large objects. Each segment is sent with its MD5, which Swift compares; the
manifest names each with size and MD5, which Swift compares again; and what Swift makes of it is compared here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from mover.connectors.bodies import body_of
from mover.connectors.contract import Content, SentPart, Target
from mover.connectors.keys import Place
from mover.connectors.swift.api import SwiftApi
from mover.connectors.swift.calls import Call
from mover.connectors.swift.containers import Containers
from mover.connectors.swift.faults import SERVICE, Fault
from mover.connectors.swift.info import Info
from mover.connectors.swift.objects import (
    Make,
    ObjectFacts,
    is_md5,
    large_object_etag,
    object_headers,
    written_entry,
)
from mover.connectors.swift.placing import Placing
from mover.connectors.swift.segments import Segments, Upload
from mover.entries import Entry, HashName
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    MoverError,
    NotFound,
    ProtocolViolation,
    ServiceFault,
    Unsupported,
)
from mover.hashing import s3_etag
from mover.transport.unreadable import UNREADABLE

_BAD_REQUEST = 400
# Of a segment in a refused manifest: what the service met when it looked at it, and may not meet again.
_PASSING = re.compile(r"""[\s"'](?:401|408|413|429|498|499|5[0-9]{2}) """)


class _ManifestLine(msgspec.Struct, frozen=True):
    path: str
    etag: str
    size_bytes: int


class SwiftPartUploads:
    """Uploads in parts; as `PartUploads`.

    Args:
        api: The calls.
        info: What the cluster can do.
        containers: Makes those that are needed.
        placing: Writes without replacing anything else.
        locate: Finds where a target goes; raises NameRejected, PathTooLong.
        new_id: Returns 32 random hexadecimal digits.
    """

    def __init__(
        self,
        api: SwiftApi,
        info: Info,
        containers: Containers,
        placing: Placing,
        *,
        locate: Callable[[Target], Place],
        new_id: Callable[[], str],
    ) -> None:
        self._api = api
        self._segments = Segments(api, info)
        self._containers = containers
        self._placing = placing
        self._longest = info.swift.max_object_name_length
        self._locate = locate
        self._new_id = new_id
        self._open: set[str] = set()

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """See the contract. Three calls, and some for the first file of a container.

        One looks at the place, so that a conflict shows before gigabytes are sent; what an earlier attempt left behind
        is removed.
        """
        del part_size  # the manifest tells sizes
        place = self._locate(target)
        container, path = place.bucket, target.ref.path
        assert container is not None
        await self._containers.make_sure(container, path)
        segments = await self._containers.make_sure_of_segments(container, path)
        upload = Upload.of(
            target,
            size,
            container=container,
            key=place.key,
            segments=segments,
            new_id=self._new_id(),
            longest=self._longest,
        )
        await self._placing.look_first(target, self._manifest_call(upload, {}, b""))
        left = await self._segments.marked_id(upload)
        if left is not None:
            await self._drop(msgspec.structs.replace(upload, id=left))
        with self._containers.expected(segments):
            await self._segments.put_mark(upload)
        token = msgspec.json.encode(upload).decode()
        self._open.add(token)
        return token

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """See the contract. One call, and one more for the first part after a restart."""
        del offset  # the number says where a part belongs
        upload = _read(token)
        await self._check_open(token, upload)
        size = content.size
        if size is None:
            raise Unsupported(
                "Swift needs to know the size of a segment in advance",
                service=SERVICE,
                operation="upload",
                path=upload.path,
            )
        md5 = content.hashes.get(HashName.MD5)
        call = Call(
            method="PUT",
            container=upload.segments,
            key=upload.segment(number),
            headers={"Content-Type": "application/octet-stream"} | ({"ETag": md5} if md5 else {}),
            body=await body_of(content, size),
            size=size,
            repeatable=content.repeatable,
            operation="upload",
            path=upload.path,
        )
        facts = await self._api.put(call)
        if isinstance(facts, Fault):
            with self._containers.expected(upload.segments):
                raise call.error(facts, self._api.caller.now)
        if facts.etag is None or not is_md5(facts.etag):
            raise ProtocolViolation(
                "the service took a segment without an MD5 of it",
                service=SERVICE,
                operation="upload",
                path=upload.path,
            )
        if md5 is not None and facts.etag != md5:
            raise _damaged(f"part {number} arrived as other bytes than were sent", upload.path)
        return SentPart(number, size, facts.etag)

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> Sequence[SentPart]:
        """See the contract. One call for each 1,000 segments, and one to see that the upload is still wanted."""
        upload = _read(token)
        self._open.discard(token)
        await self._check_open(token, upload)
        return await self._segments.stored(upload)

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        """See the contract. Three calls: the manifest, a look at what Swift made of it, and the end of the mark."""
        del hashes  # Swift knows none of the whole
        upload = _read(token)
        size = sum(part.size for part in parts)
        numbers = [part.number for part in parts]
        if not parts or upload.size not in {None, size} or numbers != list(range(1, len(parts) + 1)):
            raise _damaged(
                "parts are missing", upload.path
            )  # Swift would make a file of those that are there
        etags = [part.receipt for part in parts]
        if not all(map(is_md5, etags)):
            raise NotFound(
                "what is kept about this upload cannot be read; it must be sent again", service=SERVICE
            )
        etag = large_object_etag(etags)
        manifest = [
            _ManifestLine(f"/{upload.segments}/{upload.segment(part.number)}", part.receipt, part.size)
            for part in parts
        ]
        headers = {**object_headers(target), "ETag": etag, "Accept": "application/json"}
        call = self._manifest_call(upload, headers, msgspec.json.encode(manifest))
        try:
            with self._containers.expected(upload.container, upload.segments):
                await self._placing.put(target, call, lambda fault: self._refused(call, fault))
            facts = await self._look(upload)
        except (Conflict, Changed):
            # The answer to an earlier try may have been lost: then what it made is in the way.
            facts = await self._look(upload)
            if not _is(facts, etag, size):
                raise
        if not _is(facts, etag, size):
            raise _damaged("what the service made of the segments is not what was sent", upload.path)
        await self._segments.remove_mark(upload)
        self._open.discard(token)
        # Swift's own MD5s of the segments, which it has just compared with the manifest, are those of an S3 ETag.
        return written_entry(target, size, etag, {HashName.S3_ETAG: s3_etag(etags)})

    async def abort(self, token: str) -> None:
        """See the contract. Segments that a finished object consists of stay."""
        upload = _read(token)
        self._open.discard(token)
        await self._drop(upload)
        if await self._segments.marked_id(upload) == upload.id:
            await self._segments.remove_mark(upload)

    async def _drop(self, upload: Upload) -> None:
        if not await self._segments.belong_to_an_object(upload):
            await self._segments.remove(upload)

    async def _check_open(self, token: str, upload: Upload) -> None:
        if token in self._open:
            return
        if await self._segments.marked_id(upload) != upload.id:
            raise NotFound("the upload is gone", service=SERVICE, operation="upload", path=upload.path)
        self._open.add(token)

    async def _look(self, upload: Upload) -> ObjectFacts:
        return await self._api.head_object(
            upload.container, upload.key, newest=True, operation="upload", path=upload.path
        )

    def _manifest_call(self, upload: Upload, headers: Mapping[str, str], body: bytes) -> Call:
        return Call(
            method="PUT",
            container=upload.container,
            key=upload.key,
            query=(("multipart-manifest", "put"),),
            headers=headers,
            body=body,
            operation="upload",
            path=upload.path,
        )

    def _refused(self, call: Call, fault: Fault) -> MoverError:
        if fault.status == _BAD_REQUEST and _PASSING.search(fault.said):
            return ServiceFault(
                "the service could not look at all segments",
                service=SERVICE,
                operation=call.operation,
                path=call.path,
                said=fault.said,
            )
        if fault.status == _BAD_REQUEST:
            return NotFound(
                "segments are gone or no longer what was sent; the file must be sent again",
                service=SERVICE,
                operation=call.operation,
                path=call.path,
                said=fault.said,
            )
        return call.error(fault, self._api.caller.now)


def _is(facts: ObjectFacts, etag: str, size: int) -> bool:
    return facts.make is Make.STATIC and facts.etag == etag and facts.size == size


def _read(token: str) -> Upload:
    try:
        return msgspec.json.decode(token, type=Upload)
    except UNREADABLE as error:
        raise NotFound(
            "what is kept about this upload cannot be read; it must be sent again", service=SERVICE
        ) from error


def _damaged(message: str, path: str) -> IntegrityError:
    return IntegrityError(message, service=SERVICE, operation="upload", path=path)
