"""Sending files whole: small ones with all that is said of them in one call, larger ones in a session of two.

    new, small        POST .../files?uploadType=multipart                                            1 call
    new, large        POST .../files?uploadType=resumable, PUT                                        2
    replaced          GET (is it still what it was), then as above with PATCH                         2 or 3
    of unknown size   as a small one if it proves to be one, else a session and a PUT for each MiB

The id of a new file is chosen beforehand. If the answer is lost, the next attempt is told that there is one with this id, and
finds out whether it is whole.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec

from mover.connectors.contract import Content, Target
from mover.connectors.google import documents
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import Address, address_of
from mover.connectors.google.answers import File
from mover.connectors.google.api import DriveApi
from mover.connectors.google.calls import UPLOAD, address
from mover.connectors.google.describing import FIELDS, hashes_of
from mover.connectors.google.faults import IdRefused
from mover.connectors.google.ids import IdPool
from mover.connectors.google.placing import BINARY, Placing
from mover.connectors.google.sessions import QUANTUM, Sessions
from mover.connectors.google.taken import TakenNames
from mover.entries import EntryRef, HashName
from mover.errors import Conflict, IntegrityError, MoverError, NotFound, ServiceFault, Transient

SMALL = 5 * 1024 * 1024
"""Bytes of a file that goes in one call ("Use this upload type to quickly transfer a small file (5 MB or less)")."""

_GATHERED = 256 * 1024
_PIECE = 4 * QUANTUM


class Uploads:
    """Sends whole files.

    Args:
        api: For the calls.
        acting: In whose name.
        placing: Looks before.
        taken: Learns of what was made.
        ids: For new files.
        sessions: For large ones.
    """

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

    async def upload(self, target: Target, content: Content) -> tuple[File, Address]:
        """Send a file. Returns it, and the folder that it went into."""
        path = target.ref.path
        if target.replaces is not None:
            return await self._replace(target, content, path)
        folder = await self._placing.folder(target.folder, "upload")
        async with self._taken.claimed(folder, target.name):
            if await self._placing.check_free(folder, target.name, "upload", path) is not None:
                raise Conflict("a folder of this name is there already")
            file = await self._create(target, content, folder, path)
            self._taken.added(folder, target.name, file.id, is_folder=False)
        return file, folder

    async def _create(self, target: Target, content: Content, folder: Address, path: str) -> File:
        subject = await self._acting.subject(folder, "upload", path)
        becomes = self._placing.becomes(target, content.size)
        metadata = self._placing.metadata(target, folder, becomes)
        key = f"file {folder.text}/{target.key}"
        if becomes is None:  # ids cannot be chosen for documents
            metadata["id"] = await self._ids.for_key(key, subject)
        try:
            file = await self._sent(None, metadata, content, subject, path, converted=becomes is not None)
        except Conflict:
            if "id" not in metadata:
                raise
            file = await self._arrived(metadata, target, content, subject, path)
        except IdRefused as error:
            self._ids.refused(key, subject)
            raise ServiceFault("Google did not take an id that it gave out", said=error.said) from error
        except Transient:
            raise  # the next attempt has the same id
        except MoverError:
            self._ids.forget(key)
            raise
        self._ids.forget(key)
        return file

    async def _arrived(
        self, metadata: dict[str, Any], target: Target, content: Content, subject: str | None, path: str
    ) -> File:
        """Return what an attempt before has made, whose answer was lost; sent again over it if it is something else."""
        item = str(metadata["id"])
        try:
            found = await self._api.get(item, subject=subject, operation="upload", path=path)
        except NotFound:
            raise Conflict("an entry of this name is there already") from None
        if not found.trashed and found.name == target.name and _is_same(found, content):
            return found
        if not content.repeatable and content.size is None:
            raise IntegrityError("an attempt before has left another file; it is sent once more")
        said = {
            name: value for name, value in metadata.items() if name not in {"id", "parents", "createdTime"}
        }
        return await self._sent(item, said, content, subject, path)

    async def _replace(self, target: Target, content: Content, path: str) -> tuple[File, Address]:
        assert target.replaces is not None
        ref = EntryRef(path, target.replaces.id)
        file = address_of(ref)
        if file is None:
            raise NotFound("the file to be replaced has no id")
        found = await self._placing.check_unchanged(target.replaces, file, path)
        subject = await self._acting.subject(file, "upload", path)
        folder = await self._placing.folder(target.folder, "upload")
        said = self._placing.metadata(target, None, None)
        if documents.is_document(found.mime_type):
            said.pop("mimeType")
        converted = documents.is_document(found.mime_type)
        return await self._sent(file.item, said, content, subject, path, converted=converted), folder

    async def _sent(
        self,
        item: str | None,
        metadata: dict[str, Any],
        content: Content,
        subject: str | None,
        path: str,
        *,
        converted: bool = False,
    ) -> File:
        """Send over a file (`item`), or a new one."""
        kind = metadata.get("mimeType", BINARY)
        if converted:
            kind = _office_type(path)
        size = content.size
        if size is None:
            return await self._of_unknown_size(item, metadata, content, kind, subject, path)
        if size <= SMALL:
            return await self._small(item, metadata, content.chunks(), size, kind, subject, path)
        url = await self._session(item, metadata, kind, size, subject, path)
        return await self._sessions.whole(url, content, size, path)

    async def _session(
        self,
        item: str | None,
        metadata: dict[str, Any],
        kind: str,
        size: int | None,
        subject: str | None,
        path: str,
    ) -> str:
        url = upload_address(item, "resumable")
        return await self._sessions.begin(
            url, metadata, kind, size, new=item is None, subject=subject, path=path
        )

    async def _small(
        self,
        item: str | None,
        metadata: dict[str, Any],
        chunks: AsyncIterator[bytes],
        size: int,
        kind: str,
        subject: str | None,
        path: str,
    ) -> File:
        # Nobody can know it beforehand, so that no content can hold it on purpose.
        boundary = secrets.token_hex(20)
        head, tail = _around(metadata, kind, boundary)
        pieces = _enclosed(head, chunks, tail)
        whole = len(head) + size + len(tail)
        body: bytes | AsyncIterator[bytes] = pieces
        if size <= _GATHERED:
            body = b"".join([piece async for piece in pieces])
            if len(body) != whole:
                raise IntegrityError(f"the content has not the {size} bytes that were announced")
        async with self._api.calls.request(
            "POST" if item is None else "PATCH",
            upload_address(item, "multipart"),
            subject=subject,
            headers={"Content-Type": f"multipart/related; boundary={boundary}"},
            body=body,
            size=whole,
            operation="upload",
            path=path,
        ) as answer:
            return self._api.calls.decoded(await answer.read(), File, operation="upload", path=path)

    async def _of_unknown_size(
        self,
        item: str | None,
        metadata: dict[str, Any],
        content: Content,
        kind: str,
        subject: str | None,
        path: str,
    ) -> File:
        async with aclosing(_cut(content.chunks(), _PIECE)) as pieces:
            first = await anext(pieces, b"")
            following = await anext(pieces, None) if len(first) == _PIECE else None
            if following is None:
                return await self._small(item, metadata, _one(first), len(first), kind, subject, path)
            url = await self._session(item, metadata, kind, None, subject, path)
            try:
                return await self._sessions.stream(url, [first, following], pieces, path)
            except BaseException:
                await self._sessions.drop(url)
                raise


def upload_address(item: str | None, upload_type: str) -> str:
    """Where content is sent: for a new file, or over one."""
    parts = ("files",) if item is None else ("files", item)
    return address(UPLOAD, *parts, uploadType=upload_type, fields=FIELDS, supportsAllDrives="true")


def _around(metadata: dict[str, Any], kind: str, boundary: str) -> tuple[bytes, bytes]:
    """Return what stands before and behind the content (RFC 2387)."""
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode()
        + msgspec.json.encode(metadata)
        + f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()
    )
    return head, f"\r\n--{boundary}--\r\n".encode()


async def _enclosed(head: bytes, chunks: AsyncIterator[bytes], tail: bytes) -> AsyncGenerator[bytes, None]:
    yield head
    async for piece in chunks:
        yield piece
    yield tail


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _cut(chunks: AsyncIterator[bytes], size: int) -> AsyncGenerator[bytes, None]:
    """Yield the same bytes in pieces of one size, the last one shorter."""
    held = bytearray()
    async for piece in chunks:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def _is_same(found: File, content: Content) -> bool:
    told = hashes_of(found)
    both = [name for name in content.hashes if name in told]
    return bool(both) and all(told[HashName(name)] == content.hashes[name] for name in both)


def _office_type(path: str) -> str:
    kind = documents.imported_as(path)
    export = documents.EXPORTS.get(kind or "")
    return export.media_type if export else BINARY
