"""Uploads, whole and in chunks, and downloads (/pubapi/v1/fs-content, /pubapi/v1/fs-content-chunked)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from simulators.accounts import Person
from simulators.blobs import Blob, Bytes, Joined
from simulators.clock import SECOND_NS, Clock
from simulators.egnyte.answers import checksum_of, http_date, read_date, refused, refused_input
from simulators.egnyte.directory import EDITOR
from simulators.egnyte.files import Files, path_of
from simulators.nodes import Drive, Node, OverQuotaError

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_UPLOAD_LIFE_NS = 24 * 3600 * SECOND_NS
_MIB = 1024 * 1024


@dataclass
class Chunked:
    """An upload of which chunks have arrived."""

    path: str
    began_ns: int
    chunks: dict[int, tuple[str, Blob]] = field(default_factory=dict)


class Contents:
    """Answers for the bytes of files.

    Attributes:
        least_chunk: Bytes of every chunk but the last; 10 MB as documented.
    """

    def __init__(self, drive: Drive, files: Files, clock: Clock) -> None:
        self.least_chunk = 10_000_000
        self._drive = drive
        self._files = files
        self._clock = clock
        self._uploads: dict[str, Chunked] = {}
        self._numbers = count(1)

    def forget_uploads(self) -> None:
        """Let all uploads that are not finished expire."""
        self._uploads.clear()

    async def download(self, request: Request, person: Person) -> Response:
        """GET: all of it, or a range; of a version with `entry_id`."""
        request.scope["operation"] = "download"
        node = self._files.find(request, person)
        if node.is_folder:
            raise refused(400, "This is a folder")
        wanted = request.query_params.get("entry_id")
        found = [version for version in node.versions if wanted in {None, version.id}]
        if not found:
            raise refused(404, "Version does not exist")
        version = found[-1]
        blob = version.blob
        headers = {
            "ETag": f'"{version.id}"',
            "X-Sha512-Checksum": checksum_of(version),
            "Last-Modified": http_date(version.modified_ns),
            "Accept-Ranges": "bytes",
        }
        asked = _RANGE.fullmatch(request.headers.get("range", ""))
        if asked is None:
            headers["Content-Length"] = str(blob.size)
            return StreamingResponse(_pieces(blob, 0, blob.size), headers=headers)
        first = int(asked[1])
        last = min(int(asked[2]) if asked[2] else blob.size - 1, blob.size - 1)
        if first >= blob.size or last < first:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{blob.size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{blob.size}"
        headers["Content-Length"] = str(last - first + 1)
        return StreamingResponse(_pieces(blob, first, last - first + 1), status_code=206, headers=headers)

    async def upload(self, request: Request, person: Person) -> Response:
        """POST: a whole file; over one that is there it becomes the next version."""
        request.scope["operation"] = "upload"
        node, parent, name = self._place(path_of(request), person)
        data = await request.body()
        claimed = request.headers.get("x-sha512-checksum")
        if claimed is not None and claimed.lower() != hashlib.sha512(data).hexdigest():
            raise refused(400, "Checksum of the uploaded content does not match")
        put = self._put(
            node, parent, name, Bytes(data), person, read_date(request.headers.get("last-modified"))
        )
        return _answer(put, {})

    async def chunk(self, request: Request, person: Person) -> Response:
        """POST: one chunk; the last one makes the file."""
        request.scope["operation"] = "chunk"
        path = path_of(request)
        node, parent, name = self._place(path, person)
        data = await request.body()
        try:
            number = int(request.headers["x-egnyte-chunk-num"])
        except (KeyError, ValueError):
            raise refused_input(400, "INVALID_CHUNK", "X-Egnyte-Chunk-Num is missing") from None
        digest = hashlib.sha512(data).hexdigest()
        told = {"X-Egnyte-Chunk-Num": str(number), "X-Egnyte-Chunk-Sha512-Checksum": digest}
        claimed = request.headers.get("x-egnyte-chunk-sha512-checksum")
        if claimed is not None and claimed.lower() != digest:
            raise refused(400, "Checksum of the chunk does not match", headers=told)
        upload_id, upload = self._begun(request, path, number)
        upload.chunks[number] = (digest, Bytes(data))
        told["X-Egnyte-Upload-Id"] = upload_id
        if request.headers.get("x-egnyte-last-chunk", "").lower() != "true":
            if len(data) < self.least_chunk:
                raise refused(400, "Chunk is too small", headers=told)
            return JSONResponse({}, headers=told)
        return self._finish(request, upload_id, upload, (node, parent, name), person, told)

    def _finish(
        self,
        request: Request,
        upload_id: str,
        upload: Chunked,
        place: tuple[Node | None, Node, str],
        person: Person,
        told: dict[str, str],
    ) -> Response:
        if sorted(upload.chunks) != list(range(1, len(upload.chunks) + 1)):
            raise refused(400, "Chunks are missing", headers=told)
        chunks = [upload.chunks[number] for number in sorted(upload.chunks)]
        sizes = {blob.size for _, blob in chunks[:-1]}
        if len(sizes) > 1 or (sizes and chunks[-1][1].size > max(sizes)):
            raise refused(400, "Chunks have to be of equal size", headers=told)
        joined = hashlib.sha512("".join(digest for digest, _ in chunks).encode()).hexdigest()
        whole = f"2-{len(chunks)}-{chunks[0][1].size}-{joined}"
        claimed = request.headers.get("x-sha512-checksum")
        if claimed is not None and claimed != whole:
            raise refused(400, "Checksum of the uploaded content does not match", headers=told)
        modified_ns = read_date(request.headers.get("last-modified"))
        put = self._put(*place, Joined([blob for _, blob in chunks]), person, modified_ns)
        put.version.properties["checksum"] = whole
        del self._uploads[upload_id]
        return _answer(put, told)

    def _begun(self, request: Request, path: str, number: int) -> tuple[str, Chunked]:
        given = request.headers.get("x-egnyte-upload-id")
        now = self._clock.now_ns()
        if given is None:
            if number != 1:
                raise refused(400, "X-Egnyte-Upload-Id is missing")
            given = f"upload-{next(self._numbers):06d}"
            self._uploads[given] = Chunked(path, now)
        found = self._uploads.get(given)
        if found is None or found.path != path or now - found.began_ns > _UPLOAD_LIFE_NS:
            raise refused(400, "Upload does not exist or has expired")
        return given, found

    def _place(self, path: str, person: Person) -> tuple[Node | None, Node, str]:
        node = self._drive.at(path)
        if node is None:
            parent, name = self._files.parent_for(path, person)
            return None, parent, name
        if node.is_folder or node.parent is None:
            raise refused(400, "A folder of this name exists")
        self._files.need(node, person, EDITOR)
        if node.properties.get("lock") not in {None, person.id}:
            raise refused(403, "File is locked by another user")
        return node, node.parent, node.name

    def _put(
        self, node: Node | None, parent: Node, name: str, blob: Blob, person: Person, modified_ns: int | None
    ) -> Node:
        try:
            if node is None:
                return self._drive.add(
                    parent, name, blob=blob, owner=person, author=person, modified_ns=modified_ns
                )
            self._drive.put(node, blob, modified_ns=modified_ns, author=person)
        except OverQuotaError:
            raise refused(403, "Storage limit of the domain is reached") from None
        return node


def _answer(node: Node, headers: dict[str, str]) -> Response:
    checksum = checksum_of(node.version)
    return JSONResponse(
        {"checksum": checksum, "group_id": node.id, "entry_id": node.version.id},
        headers={
            "ETag": f'"{node.version.id}"',
            "X-Sha512-Checksum": checksum,
            "Last-Modified": http_date(node.modified_ns),
            **headers,
        },
    )


async def _pieces(blob: Blob, offset: int, length: int) -> AsyncIterator[bytes]:
    for piece in blob.pieces(offset, length):
        yield piece
