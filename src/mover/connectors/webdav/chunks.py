"""Chunked uploads, version 2, of Nextcloud; ownCloud 10 has the same without the `Destination` on every request.

An upload is a folder of the user's that holds the chunks under their numbers; moving its member `.file` to the
destination puts them together (Nextcloud developer manual, "Chunked file upload"). The folder is named by the target's
key, and expires after a day without activity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress

import msgspec

from mover.connectors.contract import Content, PartRules, SentPart, Target
from mover.connectors.webdav.api import LIVE_PROPERTIES, OWNCLOUD_PROPERTIES, DavApi
from mover.connectors.webdav.content import at_hand, safe_media_type
from mover.connectors.webdav.extensions import (
    check_received,
    checksum_header,
    hash_request,
    time_header,
    uploaded_entry,
)
from mover.connectors.webdav.listing import entry_of, etag_of, version_of, whole_number
from mover.connectors.webdav.recognition import Traits, UploadsPlace
from mover.connectors.webdav.urls import FolderHrefs, Root, target_of
from mover.entries import NO_HASHES, Entry, EntryKind, HashName
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    MoverError,
    NotFound,
    ProtocolViolation,
    Unsupported,
)

_MIB = 1024 * 1024
_SECOND_NS = 1_000_000_000
RULES = PartRules(
    smallest=5 * _MIB,
    largest=5 * 1024 * _MIB,
    most=10_000,
    preferred=32 * _MIB,
    parallel=True,
    worthwhile_from=64 * _MIB,
)

_LONGEST_TOKEN = 16 * 1024


class _Upload(msgspec.Struct, frozen=True):
    """What a token says: the folder of the chunks, and what they will be."""

    folder: str
    path: str
    size: int | None
    part_size: int

    def whole(self, number: int, size: int | None) -> bool:
        """Tell whether a chunk has the size it should have; of unknown files the last one never counts as whole."""
        if self.size is None:
            return size == self.part_size
        return size is not None and 0 < size == min(self.part_size, self.size - (number - 1) * self.part_size)

    @property
    def total(self) -> dict[str, str]:
        """The header that lets the server notice early that its quota will not do."""
        return {} if self.size is None else {"OC-Total-Length": str(self.size)}


class ChunkedUploads:
    """`PartUploads` on Nextcloud and ownCloud 10."""

    def __init__(self, api: DavApi, root: Root, place: UploadsPlace, traits: Traits) -> None:
        self._api = api
        self._root = root
        self._place = place
        self._traits = traits

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """Make the folder of the chunks, emptied if it is there already; two calls. The token is JSON."""
        path = target.ref.path
        if target.replaces is None and await self._find(path, "begin") is not None:
            raise Conflict(
                "an entry of this name is there already",
                service="webdav",
                operation="begin",
                path=path,
            )
        upload = _Upload(f"/mover-{target.key}", path, size, part_size)
        url = self._place.uploads.folder_url(upload.folder)
        headers = self._destination(upload)
        try:
            await self._api.mkcol(url, headers=headers, operation="begin", path=path)
        except Unsupported:  # it is there already
            await self._remove(upload, "begin")
            await self._api.mkcol(url, headers=headers, operation="begin", path=path)
        return msgspec.json.encode(upload).decode()

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:  # noqa: ARG002 - numbers tell the order here
        """Store one chunk; one call. Nextcloud hashes what it receives, if the content comes with its SHA-256."""
        upload = _read(token)
        body = await at_hand(content)
        headers = {**self._destination(upload), **upload.total, **hash_request(self._traits, body.hashes)}
        answer = await self._api.put(
            self._place.uploads.file_url(f"{upload.folder}/{number:05d}"),
            body,
            headers=headers,
            operation="send",
            path=upload.path,
        )
        try:
            check_received(self._traits, body.hashes if "X-Hash" in headers else NO_HASHES, answer)
        except IntegrityError as error:
            raise error.at(service="webdav", operation="send", path=upload.path) from error.__cause__
        assert content.size is not None, "parts have a known size"
        return SentPart(number, content.size, version_of(answer.get("OC-ETag") or answer.get("ETag")) or "")

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> Sequence[SentPart]:
        """List the chunks that have the size they should have; one call."""
        upload = _read(token)
        url = self._place.uploads.folder_url(upload.folder)
        hrefs = FolderHrefs(url)
        parts: list[SentPart] = []
        batches = self._api.children(url, LIVE_PROPERTIES, operation="received", path=upload.path)
        async with aclosing(batches):
            async for batch in batches:
                for resource in batch:
                    name = hrefs.name(resource.href)
                    if name is None or not name.isdigit() or len(name) > 5:  # noqa: PLR2004 - `.file`, `.target` and the like
                        continue
                    number, size = int(name), whole_number(resource.size)
                    if size is not None and upload.whole(number, size):
                        parts.append(SentPart(number, size, version_of(resource.etag) or ""))
                if len(parts) > RULES.most:
                    raise ProtocolViolation(
                        "the server lists more parts than an upload can have", service="webdav"
                    )
        return sorted(parts, key=lambda part: part.number)

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        """Have the chunks put together at the target; one call, and one more if the upload is gone."""
        upload = _read(token)
        path = target.ref.path
        total = sum(part.size for part in parts)
        if upload.size not in {None, total}:
            raise IntegrityError(
                "the parts are not the whole file", service="webdav", operation="finish", path=path
            )
        destination = self._place.files.file_url(path)
        headers = {
            "OC-Total-Length": str(total),
            **time_header(self._traits, target.modified_ns),
            **checksum_header(self._traits, hashes),
        }
        if (media_type := safe_media_type(target.media_type)) is not None:
            headers["Content-Type"] = media_type
        if target.replaces is not None and target.replaces.version is not None:
            # If-Match would speak of the chunks; a tagged list speaks of the destination (RFC 4918 section 10.4).
            headers["If"] = f"<{target_of(destination)}> ([{etag_of(target.replaces.version)}])"
        try:
            answer = await self._api.move(
                self._place.uploads.file_url(f"{upload.folder}/.file"),
                destination,
                overwrite=target.replaces is not None,
                headers=headers,
                operation="finish",
                path=path,
            )
        except Conflict as error:
            if target.replaces is None:
                raise
            raise Changed(
                "the file to be replaced is no longer the one that was seen",
                service="webdav",
                operation="finish",
                path=path,
            ) from error
        except NotFound:
            if (found := await self._finished(target, total)) is not None:
                return found
            raise
        # The chunks were hashed one by one, the whole was not, except by ownCloud, which compares OC-Checksum.
        proven = check_received(self._traits, hashes, answer)
        entry = uploaded_entry(
            self._traits, target.name, answer, modified_ns=target.modified_ns, hashes=proven
        )
        return msgspec.structs.replace(
            entry, size=total
        )  # which the server has compared with OC-Total-Length

    async def abort(self, token: str) -> None:
        """Remove the folder of the chunks; one call."""
        await self._remove(_read(token), "abort")

    def _destination(self, upload: _Upload) -> dict[str, str]:
        return {"Destination": self._place.files.file_url(upload.path)}

    async def _remove(self, upload: _Upload, operation: str) -> None:
        url = self._place.uploads.folder_url(upload.folder)
        with suppress(NotFound):  # gone already
            await self._api.delete(url, operation=operation, path=upload.path)

    async def _find(self, path: str, operation: str) -> Entry | None:
        properties = LIVE_PROPERTIES + OWNCLOUD_PROPERTIES
        try:
            resource = await self._api.resource(
                self._root.file_url(path), properties, operation=operation, path=path
            )
        except NotFound:
            return None
        return entry_of(resource, path.rpartition("/")[2])

    async def _finished(self, target: Target, size: int) -> Entry | None:
        """Find the file of an upload that is gone, perhaps because it was finished and the answer was lost.

        Its time tells it from another file of the same size that somebody put there after the upload expired.
        """
        if target.modified_ns is None:
            return None
        try:
            found = await self._find(target.ref.path, "finish")
        except MoverError:  # the first error tells the story
            return None
        if found is None or found.kind is not EntryKind.FILE or found.size != size:
            return None
        if found.modified_ns != target.modified_ns // _SECOND_NS * _SECOND_NS:
            return None
        if target.replaces is not None and found.version == target.replaces.version:
            return None
        return found


def _read(token: str) -> _Upload:
    try:
        if len(token) > _LONGEST_TOKEN:
            raise NotFound("the token is not one of an upload", service="webdav")
        return msgspec.json.decode(token, type=_Upload)
    except msgspec.DecodeError as error:
        raise NotFound("the token is not one of an upload", service="webdav") from error
