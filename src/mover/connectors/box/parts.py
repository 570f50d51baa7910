"""Large files in parts that survive a crash. Source: Box guides "Chunked uploads"."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

import msgspec

from mover.connectors.box.addresses import FILE, FOLDER
from mover.connectors.box.answers import Items, Part
from mover.connectors.box.api import BoxApi, FaultError
from mover.connectors.box.chunks import ChunkCalls, ChunkStream, Upload, digest_header, digests
from mover.connectors.box.describing import Descriptions
from mover.connectors.box.faults import (
    ACCEPTED,
    NAME_IN_USE,
    OVERLAP,
    Fault,
    fault_in,
    placed,
)
from mover.connectors.box.spots import Spot, Spots, doing_at, find
from mover.connectors.box.uploads import Uploads, if_match, replaced, times_of
from mover.connectors.contract import Content, PartRules, SentPart, Target
from mover.entries import Entry, HashName
from mover.errors import NotFound, ServiceFault, Unsupported
from mover.transport.status import parse_retry_after
from mover.transport.unreadable import UNREADABLE

_MIB = 1024 * 1024
_LONGEST_ANSWER = 1024 * 1024
_GONE = frozenset({404, 410})
_SHA1 = re.compile(r"[0-9a-f]{40}")

PARTS = PartRules(
    # Box chooses chunks of 8 or 32 MiB: parts of 32 MiB hold whole ones of both.
    smallest=32 * _MIB,
    largest=1024 * _MIB,
    most=5_000,
    multiple=32 * _MIB,
    preferred=32 * _MIB,
    parallel=True,
    worthwhile_from=50_000_000,  # what Box recommends; it takes chunks from 20 MB on
    needs=HashName.SHA1,
    rationed=True,
)


class BoxPartUploads:
    """As `PartUploads`.

    Args:
        api: The calls.
        spots: Finds folders.
        descriptions: Describes what was made.
        uploads: What uploads of all sizes have in common.
    """

    def __init__(self, api: BoxApi, spots: Spots, descriptions: Descriptions, uploads: Uploads) -> None:
        self._api = api
        self._calls = ChunkCalls(api)
        self._spots = spots
        self._descriptions = descriptions
        self._uploads = uploads
        self._begun_anew: dict[str, Upload] = {}

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """See the contract. One call. Raises Unsupported for an unknown size, and where chunks do not fit into parts."""
        with placed(self._api.service, "upload", target.ref.path):
            if size is None:
                raise Unsupported("Box needs to know the size of a file before it takes it in chunks")
            folder = await self._spots.of(target.folder, "upload")
            if folder.kind != FOLDER:
                raise NotFound("this is no folder")
            file = await replaced(self._spots, target)
            doing = doing_at(folder, "upload", target.ref.path)
            try:
                upload = await self._calls.begin(
                    doing, folder=folder.id, file=file, name=target.name, size=size, part=part_size
                )
            except FaultError as error:
                raise await self._api.refusal(error.fault, doing) from None
            if part_size % upload.chunk:
                await self._calls.abort(upload)
                raise Unsupported(f"Box wants chunks of {upload.chunk} bytes, and parts have {part_size}")
            return upload.token

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """See the contract. A call for each chunk.

        A chunk that Box has already is left there; if it holds other bytes the upload is begun anew, provided that
        nothing else has been sent, and else is gone.
        """
        with placed(self._api.service, "upload", ""):
            upload = self._current(token)
            size = content.size
            if size is None or not content.repeatable:
                raise Unsupported("Box wants to know size and hash of each chunk in advance")
            chunks = list(upload.chunks(offset, size))
            known = content.hashes.get(HashName.SHA1)
            if len(chunks) == 1 and known is not None:
                sha1s = [known]
            else:
                sha1s = await digests(content, [length for _, length in chunks])
            parts = await self._put_all(upload, chunks, sha1s, content)
            if parts is None:
                upload = await self._anew(token, upload, {start for start, _ in chunks})
                parts = await self._put_all(upload, chunks, sha1s, content)
            if parts is None:
                raise NotFound("other bytes are in the way of the part; the file must be sent again")
            return SentPart(number, size, msgspec.json.encode(parts).decode())

    async def _put_all(
        self, upload: Upload, chunks: Sequence[tuple[int, int]], sha1s: Sequence[str], content: Content
    ) -> list[Part] | None:
        """Send chunks; None if Box has other bytes at one of their places.

        One that is there already tells that this part was sent before: then it is asked once what else is there.
        """
        parts: list[Part] = []
        there: dict[int, Part] = {}
        async with aclosing(_closable(content)) as pieces:
            stream = ChunkStream(pieces)
            for (start, length), sha1 in zip(chunks, sha1s, strict=True):
                await stream.begin(length)
                if start not in there:
                    sent = await self._calls.put(upload, start, length, sha1, stream.pieces())
                    if not isinstance(sent, Fault):
                        parts.append(sent)
                        continue
                    if sent.code != OVERLAP:
                        raise await self._api.refusal(sent, upload.doing)
                    there = {part.offset: part for part in await self._calls.listed(upload)}
                known = there.get(start)
                if known is None or (known.size, known.sha1) != (length, sha1):
                    return None
                parts.append(known)
        return parts

    async def _anew(self, token: str, upload: Upload, mine: set[int]) -> Upload:
        """Begin an upload anew of which nothing but one part was sent. Raises NotFound if there is more."""
        if any(part.offset not in mine for part in await self._calls.listed(upload)):
            await self._calls.abort(upload)
            raise NotFound("a part was sent before with other bytes; the file must be sent again")
        try:
            made = await self._calls.again(upload)
        except FaultError as error:
            raise await self._api.refusal(error.fault, upload.doing) from None
        self._begun_anew[token] = made
        await self._calls.abort(upload)
        return made

    async def received(self, token: str, _kept: Sequence[SentPart] = (), /) -> Sequence[SentPart]:
        """See the contract. A call for each thousand chunks."""
        with placed(self._api.service, "upload", ""):
            upload = self._current(token)
            by_offset = {part.offset: part for part in await self._calls.listed(upload)}
            found = []
            for number, offset in enumerate(range(0, upload.size, upload.part), start=1):
                size = min(upload.part, upload.size - offset)
                parts = [by_offset.get(start) for start, _ in upload.chunks(offset, size)]
                if all(part is not None and _SHA1.fullmatch(part.sha1 or "") for part in parts):
                    found.append(SentPart(number, size, msgspec.json.encode(parts).decode()))
            return found

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        """See the contract. One call; NotFound if the SHA-1 of the whole file is not known, without which Box takes none."""
        with placed(self._api.service, "upload", target.ref.path):
            upload = self._current(token)
            chunks = [chunk for part in parts for chunk in _read_receipt(part.receipt)]
            sha1 = hashes.get(HashName.SHA1) or (chunks[0].sha1 if len(chunks) == 1 else None)
            if sha1 is None:
                raise NotFound("the SHA-1 of the whole file is not known; it must be sent again")
            doing = upload.doing
            attributes = times_of(target, replaces=upload.file is not None)
            body = msgspec.json.encode({"parts": chunks, "attributes": attributes})
            headers = {
                **if_match(target),
                "Content-Type": "application/json",
                "Digest": digest_header(sha1),
            }
            async with self._api.request("POST", upload.commit, doing, headers=headers, body=body) as answer:
                accepted = answer.status == ACCEPTED
                retry_after_s = parse_retry_after(answer.headers.get("Retry-After"), now=self._api.now)
                fault = await fault_in(answer)
                if fault is None and not accepted:
                    found = self._api.read(await answer.read(_LONGEST_ANSWER), Items, doing)
                    self._begun_anew.pop(token, None)
                    return self._uploads.written(found, target, doing)
            if fault is None:
                # Either it takes a while, or the version before has the same content: then there is none to be made.
                if upload.file is not None and (entry := await self._finished(upload, target, sha1)):
                    return entry
                raise ServiceFault(
                    "the service has not put all chunks together yet", retry_after_s=retry_after_s
                )
            if fault.status in _GONE and (entry := await self._finished(upload, target, sha1)) is not None:
                return entry
            if fault.code == NAME_IN_USE:
                return await self._uploads.or_own(fault, target, sha1, upload.size, doing)
            raise await self._api.refusal(fault, doing)

    async def _finished(self, upload: Upload, target: Target, sha1: str) -> Entry | None:
        """Return the file that an earlier try made, whose answer was lost."""
        doing = upload.doing
        if upload.file is not None:
            item = await self._api.item(FILE, upload.file, doing)
        else:
            folder = Spot(upload.user, FOLDER, upload.folder or "0")
            standing = await find(self._api, folder, upload.name, doing)
            if standing is None or standing.type != FILE:
                return None
            item = await self._api.item(FILE, standing.id, doing)
        if (item.sha1 or "").lower() != sha1 or item.name != target.name:
            return None
        return self._descriptions.entry(item, in_folder=target.folder.id)

    async def abort(self, token: str) -> None:
        """See the contract. One call."""
        try:
            upload = self._current(token)
        except NotFound:
            return
        self._begun_anew.pop(token, None)
        await self._calls.abort(upload)

    def _current(self, token: str) -> Upload:
        return self._begun_anew.get(token) or Upload.read(token)


async def _closable(content: Content) -> AsyncGenerator[bytes, None]:
    async for piece in content.chunks():
        yield piece


def _read_receipt(receipt: str) -> list[Part]:
    try:
        return msgspec.json.decode(receipt, type=list[Part])
    except UNREADABLE as error:
        raise NotFound("what is kept about this upload cannot be read; it must be sent again") from error
