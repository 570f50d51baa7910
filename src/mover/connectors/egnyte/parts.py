"""Large files in chunks.

The last chunk makes the file visible. So a new file goes under a temporary name and is moved when all of it is there: a
move never replaces anything. A file that is replaced gets its next version with the last chunk, since only that keeps its
id; whether it still is what was to be replaced is looked at when the upload begins and before that chunk.

    token     the path that chunks go to, and the number of the last one
    receipt   <SHA-512 of the chunk>, and of the first one also the name of the upload: "<digest> <upload>"
    checksum  2-<chunks>-<bytes a chunk>-<SHA-512 of the chunks' digests, in hexadecimal, one after the other>
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

import msgspec

from mover.connectors.contract import Content, SentPart, Target, temporary_name
from mover.connectors.egnyte.addresses import FILE, id_of
from mover.connectors.egnyte.api import EgnyteApi, Stored, read_stored
from mover.connectors.egnyte.faults import SERVICE
from mover.connectors.egnyte.listing import Item, entry_of
from mover.connectors.egnyte.uploads import Uploads, path_of, stored_entry, time_header
from mover.entries import Entry, EntryRef, HashName
from mover.errors import Changed, Conflict, IntegrityError, NotFound, ProtocolViolation, Unsupported

_CHUNK_DIGEST = "X-Egnyte-Chunk-Sha512-Checksum"
_UPLOAD_ID = "X-Egnyte-Upload-Id"
_MOST_DROPPED = 1_000


class Token(msgspec.Struct, frozen=True):
    """What an upload needs to go on, here or in another process."""

    path: str
    last: int
    modified: str | None
    replaces: str | None = None

    def text(self) -> str:
        """As the ledger keeps it."""
        return msgspec.json.encode(self).decode()


class ChunkedUploads:
    """Uploads in chunks to one domain. Satisfies `contract.PartUploads`."""

    def __init__(self, api: EgnyteApi, uploads: Uploads) -> None:
        self._api = api
        self._uploads = uploads
        self._names: dict[str, str] = {}
        self._stored: dict[str, Stored] = {}
        self._dropped = deque[str](maxlen=_MOST_DROPPED)

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """See the contract. Only the last chunk may be marked as the last one, so the size has to be known."""
        if size is None or size == 0:
            raise Unsupported("chunks are for files whose size is known in advance")
        await self._uploads.check_place(target, operation="begin")
        where = target.folder.child(
            target.name if target.replaces is not None else temporary_name(target.key)
        )
        token = Token(
            path=where.path,
            last=-(-size // part_size),
            modified=time_header(target).get("Last-Modified"),
            replaces=target.replaces.version if target.replaces is not None else None,
        ).text()
        self._forget(token)
        if token in self._dropped:
            self._dropped.remove(token)
        return token

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:  # noqa: ARG002 - chunks have numbers
        """See the contract."""
        upload = msgspec.json.decode(token, type=Token)
        size = content.size
        assert size is not None, "parts have a size"
        headers = {"X-Egnyte-Chunk-Num": str(number)}
        if number > 1:
            if token not in self._names:
                raise NotFound("the upload's first chunk is not known any more", path=upload.path)
            headers[_UPLOAD_ID] = self._names[token]
        if (known := content.hashes.get(HashName.SHA512)) is not None:
            headers[_CHUNK_DIGEST] = known
        if number == upload.last:
            await self._check_unchanged(upload)
            headers["X-Egnyte-Last-Chunk"] = "true"
            if upload.modified is not None:
                headers["Last-Modified"] = upload.modified
        watched = _Watched(content)
        async with self._api.chunk(upload.path, watched.chunks(), size, headers) as answer:
            text = await answer.read()
            told = (answer.headers.get(_CHUNK_DIGEST) or "").lower()
            name = answer.headers.get(_UPLOAD_ID) or ""
        sent = watched.digest()
        if told != sent:
            raise IntegrityError(
                "the service received other bytes than were sent", service=SERVICE, path=upload.path
            )
        if number == 1:
            if not name:
                raise ProtocolViolation(
                    "the service gave the upload no name", service=SERVICE, path=upload.path
                )
            self._names[token] = name
        if number == upload.last:
            self._stored[token] = read_stored(text, upload.path)
        return SentPart(number, size, f"{sent} {name}" if number == 1 else sent)

    async def received(self, token: str, kept: Sequence[SentPart] = ()) -> Sequence[SentPart] | None:
        """See the contract. The service cannot tell; the first chunk's receipt says how it calls the upload."""
        if token in self._dropped:
            raise NotFound("the upload was given up", service=SERVICE, operation="received")
        if kept and kept[0].number == 1:
            self._names[token] = kept[0].receipt.partition(" ")[2]
        return None

    async def finish(
        self,
        token: str,
        target: Target,
        parts: Sequence[SentPart],
        hashes: Mapping[HashName, str],
    ) -> Entry:
        """See the contract: compare what the service calculated of all chunks, and move the file to its place."""
        upload = msgspec.json.decode(token, type=Token)
        size = sum(part.size for part in parts)
        stored = self._stored.get(token)
        if stored is None:  # sent by a process that died before it could go on
            found = await self._found(upload, target)
            stored = Stored(
                group_id=found.group_id or "", entry_id=found.entry_id or "", checksum=found.checksum
            )
        digests = [part.receipt.partition(" ")[0] for part in parts]
        if (stored.checksum or "").lower() != checksum_of(parts[0].size, digests):
            raise IntegrityError(
                "the service put other bytes together than were sent", service=SERVICE, path=upload.path
            )
        if path_of(target) != upload.path:
            await self._place(upload, target, stored)
        self._forget(token)
        entry = stored_entry(target, stored, size)
        # Its checksum is one of the chunks that it has: it is ours, so what it has is what was sent, with this hash.
        known = {name: hashes[name] for name in (HashName.SHA512,) if name in hashes}
        return msgspec.structs.replace(entry, hashes=known) if known else entry

    async def abort(self, token: str) -> None:
        """See the contract. Chunks go by themselves after a day; a temporary file that was made is removed."""
        upload = msgspec.json.decode(token, type=Token)
        if upload.replaces is None and token in self._stored:
            with suppress(NotFound):
                await self._api.delete(upload.path, operation="abort")
        self._forget(token)
        self._dropped.append(token)

    async def _found(self, upload: Token, target: Target) -> Item:
        for path in (upload.path, path_of(target)):
            try:
                return await self._api.describe(EntryRef(path), operation="finish")
            except NotFound:
                continue
        raise NotFound("the upload is gone", service=SERVICE, operation="finish", path=upload.path)

    async def _place(self, upload: Token, target: Target, stored: Stored) -> None:
        try:
            await self._api.move(
                EntryRef(upload.path, id_of(FILE, stored.group_id)), path_of(target), operation="finish"
            )
        except Conflict:
            # Moved already, and the answer was lost?
            standing = entry_of(await self._api.describe(EntryRef(path_of(target)), operation="finish"))
            if standing.id != id_of(FILE, stored.group_id):
                raise

    async def _check_unchanged(self, upload: Token) -> None:
        if upload.replaces is None:
            return
        standing = await self._api.describe(EntryRef(upload.path), operation="send")
        if standing.entry_id != upload.replaces:
            raise Changed("the file that was to be replaced has been changed", path=upload.path)

    def _forget(self, token: str) -> None:
        self._names.pop(token, None)
        self._stored.pop(token, None)


class _Watched:
    """Passes a content on and hashes it on the way."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._hash = hashlib.sha512()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the content's bytes."""
        async for piece in self._content.chunks():
            await asyncio.to_thread(self._hash.update, piece)
            yield piece

    def digest(self) -> str:
        """SHA-512 of what went by."""
        return self._hash.hexdigest()


def checksum_of(part_size: int, digests: Sequence[str]) -> str:
    """What the service calculates of a file that came in chunks."""
    joined = hashlib.sha512("".join(digests).encode()).hexdigest()
    return f"2-{len(digests)}-{part_size}-{joined}"
