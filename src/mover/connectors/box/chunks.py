"""The calls of an upload in chunks, and the chunks into which a part is cut.

Box decides the size of the chunks when an upload begins (8 MiB and 32 MiB are seen), wants the SHA-1 of each before its
bytes, and never lets one be sent again. Parts are multiples of chunks.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec

from mover.connectors.box.addresses import its_own, number
from mover.connectors.box.answers import Part, Parts, Session, UploadedPart
from mover.connectors.box.api import BoxApi, Doing, session_url
from mover.connectors.box.faults import Fault, fault_in
from mover.connectors.contract import Content
from mover.errors import IntegrityError, NotFound, ProtocolViolation
from mover.transport.unreadable import UNREADABLE

_LISTED = 1000
_LONGEST_ANSWER = 4 * 1024 * 1024
_GONE = frozenset({404, 410})


class Upload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An upload, as its token keeps it.

    Attributes:
        user: Box's id of the user in whose name it was begun.
        folder: Box's id of the folder; None where a file is replaced.
        file: Box's id of the file that is replaced.
        name: Of the file.
        size: In bytes, as is `chunk`.
        part: Size of the engine's parts.
        upload_part: Where chunks go; the other addresses are those of the session too.
    """

    user: str | None
    folder: str | None
    file: str | None
    name: str
    path: str
    size: int
    part: int
    chunk: int
    upload_part: str
    commit: str
    list_parts: str
    abort: str

    @property
    def token(self) -> str:
        """The text for the ledger."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, token: str) -> Upload:
        """Read a token. Raises NotFound for what is none."""
        try:
            found = msgspec.json.decode(token, type=cls)
        except UNREADABLE as error:
            raise NotFound("what is kept about this upload cannot be read; it must be sent again") from error
        for url in (found.upload_part, found.commit, found.list_parts, found.abort):
            its_own(url)
        return found

    @property
    def doing(self) -> Doing:
        """What its calls are for."""
        return Doing(user=self.user, operation="upload", path=self.path)

    def chunks(self, offset: int, size: int) -> Iterator[tuple[int, int]]:
        """Cut a part into chunks: offset in the file, and size."""
        for start in range(offset, offset + size, self.chunk):
            yield start, min(self.chunk, offset + size - start)


def digest_header(sha1: str) -> str:
    """Spell a SHA-1 in hexadecimal as `Digest` has it (RFC 3230)."""
    return "sha=" + base64.b64encode(bytes.fromhex(sha1)).decode("ascii")


async def digests(content: Content, sizes: Sequence[int]) -> list[str]:
    """Read a content once, and return the SHA-1 of each of its chunks. Raises IntegrityError if it has another size."""
    found: list[str] = []
    hasher = hashlib.sha1(usedforsecurity=False)
    waiting = list(sizes)
    left = waiting.pop(0)
    async for arrived in content.chunks():
        view = memoryview(arrived)
        while view:
            if not left:
                if not waiting:
                    raise IntegrityError("the part is longer than was announced")
                found.append(hasher.hexdigest())
                hasher, left = hashlib.sha1(usedforsecurity=False), waiting.pop(0)
            piece = view[:left]
            await asyncio.to_thread(hasher.update, piece)
            left -= len(piece)
            view = view[len(piece) :]
    if left or waiting:
        raise IntegrityError("the part is shorter than was announced")
    return [*found, hasher.hexdigest()]


class ChunkStream:
    """Hands out a content chunk by chunk; what one request left over is passed over before the next chunk begins."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self._left = 0

    async def begin(self, size: int) -> None:
        """Begin the next chunk, at its first byte."""
        async for _ in self.pieces():
            pass
        self._left = size

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what is left of the chunk."""
        while self._left:
            if not self._rest:
                self._rest = memoryview(await anext(self._chunks, b""))
                if not self._rest:
                    return  # the transport notices that bytes are missing
            piece = self._rest[: self._left]
            self._rest = self._rest[len(piece) :]
            self._left -= len(piece)
            yield bytes(piece)


class ChunkCalls:
    """The calls.

    Args:
        api: Sends them.
    """

    def __init__(self, api: BoxApi) -> None:
        self.api = api

    async def begin(
        self, doing: Doing, *, folder: str, file: str | None, name: str, size: int, part: int
    ) -> Upload:
        """Begin an upload. Raises FaultError."""
        asked: dict[str, object] = {"file_size": size, "file_name": name}
        if file is None:
            asked["folder_id"] = number(folder)
        session = await self.api.call("POST", session_url(file), doing, Session, asked=asked)
        ends = session.session_endpoints
        if session.part_size <= 0:
            raise ProtocolViolation("the service wants chunks without any bytes")
        return Upload(
            user=doing.user,
            folder=folder if file is None else None,
            file=file,
            name=name,
            path=doing.path,
            size=size,
            part=part,
            chunk=session.part_size,
            upload_part=its_own(ends.upload_part),
            commit=its_own(ends.commit),
            list_parts=its_own(ends.list_parts),
            abort=its_own(ends.abort),
        )

    async def again(self, upload: Upload) -> Upload:
        """Begin the same upload anew. Raises FaultError."""
        return await self.begin(
            upload.doing,
            folder=upload.folder or "0",
            file=upload.file,
            name=upload.name,
            size=upload.size,
            part=upload.part,
        )

    async def put(
        self, upload: Upload, offset: int, size: int, sha1: str, body: AsyncIterator[bytes]
    ) -> Part | Fault:
        """Send one chunk."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"bytes {offset}-{offset + size - 1}/{upload.size}",
            "Digest": digest_header(sha1),
        }
        doing = upload.doing
        async with self.api.request(
            "PUT", upload.upload_part, doing, headers=headers, body=body, size=size
        ) as answer:
            if (fault := await fault_in(answer)) is not None:
                return fault
            part = self.api.read(await answer.read(_LONGEST_ANSWER), UploadedPart, doing).part
        if (part.offset, part.size) != (offset, size) or part.sha1 not in {None, sha1}:
            raise IntegrityError("the service took another chunk than was sent")
        return Part(part.part_id, offset, size, sha1)

    async def listed(self, upload: Upload) -> list[Part]:
        """All chunks that Box has. Raises NotFound."""
        found: list[Part] = []
        while True:
            url = f"{upload.list_parts}?limit={_LISTED}&offset={len(found)}"
            page = await self.api.done("GET", url, upload.doing, Parts)
            found += page.entries or ()
            if not page.entries or len(found) >= (page.total_count or 0):
                return found

    async def abort(self, upload: Upload) -> None:
        """Drop an upload; one that is gone already is no error."""
        async with self.api.request("DELETE", upload.abort, upload.doing) as answer:
            fault = await fault_in(answer)
        if fault is not None and fault.status not in _GONE:
            raise await self.api.refusal(fault, upload.doing)
