"""Uploads in parts: a resumable upload that survives a crash, and that becomes a file only when all is there.

Drive makes the file visible with its last byte. So up to 256 KiB of the last part are held back in memory until `finish`; after
a crash they are gone, `received` says that the last part has not arrived, and it is sent again.

Parts go one after the other. What Drive has it keeps: a part that is sent again is read and compared with what was sent, and
if the first one is another by then, all begins anew in a session of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from mover.connectors.bounded import Bounded
from mover.connectors.contract import Content, PartRules, SentPart, Target
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import Address, address_of
from mover.connectors.google.answers import File
from mover.connectors.google.api import DriveApi
from mover.connectors.google.ids import IdPool
from mover.connectors.google.part_state import OpenUpload, PartBody, PartToken, read_token
from mover.connectors.google.placing import BINARY, Placing
from mover.connectors.google.sessions import QUANTUM, Sessions, skipping
from mover.connectors.google.taken import TakenNames
from mover.connectors.google.uploads import upload_address
from mover.entries import EntryRef, HashName
from mover.errors import Conflict, IntegrityError, NotFound, ProtocolViolation

_MIB = 1024 * 1024
RULES = PartRules(
    smallest=QUANTUM,
    largest=5 * 1024 * _MIB,
    most=10_000,
    multiple=QUANTUM,
    preferred=64 * _MIB,
    parallel=False,
    worthwhile_from=64 * _MIB,
    rationed=True,
)
_MOST_OPEN = 200


class Parts:
    """Satisfies `PartUploads`."""

    def __init__(
        self,
        api: DriveApi,
        acting: Acting,
        placing: Placing,
        taken: TakenNames,
        ids: IdPool,
        sessions: Sessions,
    ) -> None:
        self._api = api
        self._acting = acting
        self._placing = placing
        self._taken = taken
        self._ids = ids
        self._sessions = sessions
        self._open: Bounded[str, OpenUpload] = Bounded(_MOST_OPEN)
        self._begun: Bounded[str, tuple[Target, str]] = Bounded(_MOST_OPEN)

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """Begin an upload; one call, two where a file is replaced."""
        path = target.ref.path
        folder = await self._placing.folder(target.folder, "begin")
        if target.replaces is None and await self._placing.check_free(folder, target.name, "begin", path):
            raise Conflict("a folder of this name is there already")
        file = await self._replaced(target, path)
        where = file or folder
        subject = await self._acting.subject(where, "begin", path)
        item = file.item if file else await self._ids.fresh(subject)
        url = await self._session(target, folder, file, item, size, subject)
        token = msgspec.json.encode(PartToken(url, part_size, size, item, where.user, where.drive)).decode()
        self._open.put(token, OpenUpload(url, {}, set()))
        self._begun.put(token, (target, item))
        return token

    async def _replaced(self, target: Target, path: str) -> Address | None:
        if target.replaces is None:
            return None
        file = address_of(EntryRef(path, target.replaces.id))
        if file is None:
            raise NotFound("the file to be replaced has no id")
        await self._placing.check_unchanged(target.replaces, file, path)
        return file

    async def _session(
        self,
        target: Target,
        folder: Address,
        file: Address | None,
        item: str,
        size: int | None,
        subject: str | None,
    ) -> str:
        metadata = self._placing.metadata(target, None if file else folder, None)
        if file is None:
            metadata["id"] = item
        kind = str(metadata.get("mimeType", BINARY))
        url = upload_address(item if file else None, "resumable")
        return await self._sessions.begin(
            url, metadata, kind, size, new=file is None, subject=subject, path=target.ref.path
        )

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """Send a part; one call, two if Drive may have some of it already."""
        known = read_token(token)
        size = content.size
        assert size is not None, "the size of a part is known"
        upload = self._upload(token, known)
        if number in upload.sent and offset == 0:
            await self._anew(token, upload)
        arrived = offset
        if number in upload.tried or (number > 1 and number - 1 not in upload.sent):
            arrived = await self._arrived(upload.url)
        if arrived < offset:
            raise NotFound("the parts before this one are lost; the upload must begin again")
        is_last = size != known.part_size or (known.size is not None and offset + size >= known.size)
        if upload.tail is not None and upload.last == number:
            upload.tail = None
        upload.tried.add(number)
        receipt = await self._sent(
            upload, known.size, number, offset, size, content, arrived, is_last=is_last
        )
        if upload.sent.get(number, receipt) != receipt:
            await self._sessions.drop(upload.url)
            raise NotFound("a part that Drive has already is another one by now; the upload must begin again")
        upload.sent[number] = receipt
        return SentPart(number, size, receipt)

    def _upload(self, token: str, known: PartToken) -> OpenUpload:
        upload = self._open.get(token)
        if upload is None:
            upload = OpenUpload(known.url, {}, set())
            self._open.put(token, upload)
        return upload

    async def _anew(self, token: str, upload: OpenUpload) -> None:
        """Begin another session: the first part is sent again, and Drive does not take bytes back."""
        begun = self._begun.get(token)
        if begun is None:
            raise NotFound("the upload must begin again")
        target, item = begun
        known = read_token(token)
        await self._sessions.drop(upload.url)
        path = target.ref.path
        folder = await self._placing.folder(target.folder, "send")
        file = Address(item, known.drive, known.user) if target.replaces is not None else None
        subject = await self._acting.subject(file or folder, "send", path)
        upload.url = await self._session(target, folder, file, item, known.size, subject)
        upload.sent.clear()
        upload.tried.clear()
        upload.tail = None

    async def _arrived(self, url: str) -> int:
        status = await self._sessions.status(url, "")
        if isinstance(status, File):
            raise NotFound("the upload is complete already")
        return status

    async def _sent(
        self,
        upload: OpenUpload,
        total: int | None,
        number: int,
        offset: int,
        size: int,
        content: Content,
        arrived: int,
        *,
        is_last: bool,
    ) -> str:
        """Send what Drive has not of a part, hold the end of the last one back, and return the part's MD5."""
        kept = (size - 1) % QUANTUM + 1 if is_last and size else size % QUANTUM
        body_end = offset + size - kept
        skip = min(max(arrived - offset, 0), size - kept)
        part = PartBody(content, size, size - kept)
        if skip < size - kept:
            took = size - kept - skip
            body = skipping(
                part.pieces(), skip, took
            )  # closed by the request, which may be reading it when it ends
            reached = await self._sessions.send(upload.url, offset + skip, body, took, total, "")
            if reached != body_end:
                raise IntegrityError("Google has not received all of the part", operation="send")
        else:
            await part.consume()
        if kept or is_last:
            upload.tail, upload.tail_offset, upload.last = bytes(part.tail), body_end, number
        receipt = part.digest.hexdigest()
        announced = content.hashes.get(HashName.MD5)
        if announced is not None and announced != receipt:
            await self._sessions.drop(upload.url)  # Drive has the wrong bytes, and keeps what it has
            raise IntegrityError("the part is not what was announced", operation="send")
        return receipt

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> Sequence[SentPart]:
        """Ask which parts have arrived whole; one call."""
        known = read_token(token)
        upload = self._upload(token, known)
        status = await self._sessions.status(upload.url, "")
        if isinstance(status, File):
            raise NotFound("the upload is complete already")
        reached = status
        if upload.tail is not None and reached == upload.tail_offset:
            reached += len(upload.tail)
        found = []
        for number in range(1, reached // known.part_size + 2):
            offset = (number - 1) * known.part_size
            size = min(known.part_size, reached - offset)
            is_end = upload.last == number and upload.tail is not None
            if size == known.part_size or (is_end and size > 0):
                found.append(SentPart(number, size, upload.sent.get(number, "")))
        return found

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> tuple[File, Address]:
        """Send what was held back: with it the file appears; one call, two where a file is replaced."""
        known = read_token(token)
        upload = self._upload(token, known)
        path = target.ref.path
        total = sum(part.size for part in parts)
        folder = await self._placing.folder(target.folder, "finish")
        async with self._taken.claimed(folder, target.name):
            file = await self._ended(target, upload, known, folder, total, path)
            self._taken.added(folder, target.name, file.id, is_folder=False)
        self._open.pop(token)
        self._begun.pop(token)
        del hashes  # Drive takes none; the answer has those of what arrived
        return file, folder

    async def _ended(
        self, target: Target, upload: OpenUpload, known: PartToken, folder: Address, total: int, path: str
    ) -> File:
        if upload.tail is None:
            done = await self._sessions.status(upload.url, path)
            if isinstance(done, File):
                return done  # finished before, and the answer was lost
            if done != total:
                raise NotFound("the last part is lost; the upload must begin again")
            upload.tail, upload.tail_offset = b"", total
        if target.replaces is None:
            if await self._placing.check_free(folder, target.name, "finish", path) is not None:
                raise Conflict("a folder of this name is there already")
        else:
            assert known.item is not None
            address = Address(known.item, known.drive, known.user)
            await self._placing.check_unchanged(target.replaces, address, path)
        if upload.tail_offset + len(upload.tail) != total:
            raise ProtocolViolation("the parts are not those of this upload")
        file = await self._sessions.end(upload.url, upload.tail_offset, upload.tail, path)
        if file is None:
            raise NotFound("parts are lost; the upload must begin again")
        return file

    async def abort(self, token: str) -> None:
        """Cancel an upload; one call."""
        known = read_token(token)
        upload = self._open.pop(token)
        self._begun.pop(token)
        await self._sessions.drop(upload.url if upload else known.url)
