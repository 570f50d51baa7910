"""Uploads: whole ones, whole ones with metadata, and resumable ones ("Upload file data" of the Drive guides)."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from simulators.accounts import Person
from simulators.blobs import Blob, Bytes
from simulators.google import files
from simulators.google.calls import Call, as_object
from simulators.google.errors import Refusal, bad_request, invalid, not_found, storage_full
from simulators.google.state import DEFAULT_TYPE, State
from simulators.nodes import Drive, Node

Endpoint = Callable[[Request], Awaitable[Response]]
_QUANTUM = 256 * 1024
_WEEK_NS = 7 * 24 * 3600 * 1_000_000_000
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_ADDRESS = "https://www.googleapis.com/upload/drive/v3/files"


@dataclass(eq=False)
class Session:
    """A resumable upload."""

    me: Person
    asked: dict[str, Any]
    query: str
    content_type: str
    size: int | None
    began_ns: int
    node: Node | None
    pieces: list[bytes] = field(default_factory=list)
    received: int = 0
    done: Response | None = None


class Uploads:
    """All that goes to /upload.

    Args:
        state: Where files come to be.
        now_ns: The world's clock.
    """

    def __init__(self, state: State, now_ns: Callable[[], int]) -> None:
        self.sessions: dict[str, Session] = {}
        self._state = state
        self._now_ns = now_ns
        self._numbers = itertools.count(1)

    async def create(self, call: Call) -> Response:
        """POST /upload/drive/v3/files."""
        return await self._begun(call, None)

    async def update(self, call: Call) -> Response:
        """PATCH /upload/drive/v3/files/{id}."""
        drive, node = call.node(call.request.path_params["file_id"], needs="writer")
        return await self._begun(call, (drive, node))

    async def _begun(self, call: Call, over: tuple[Drive, Node] | None) -> Response:
        match call.asked("uploadType"):
            case "multipart":
                asked, kind, data = parts(
                    await _whole(call.request), call.request.headers.get("content-type", "")
                )
            case "media":
                asked, kind = {}, call.request.headers.get("content-type", DEFAULT_TYPE)
                data = await _whole(call.request)
            case "resumable":
                return await self._session(call, over)
            case _:
                raise invalid("uploadType")
        return _finished(call, over, asked, Bytes(data), kind)

    async def _session(self, call: Call, over: tuple[Drive, Node] | None) -> Response:
        asked = await call.body()
        headers = call.request.headers
        announced = headers.get("x-upload-content-length", "")
        size = int(announced) if announced.isdigit() else None
        if over is None:
            drive, _ = files.place(call, asked)
            files.checked_id(call, asked)
        else:
            drive = over[0]
        if size is not None and drive.quota is not None and drive.used + size > drive.quota:
            raise storage_full()
        upload_id = f"AHmUCY{next(self._numbers):08d}"
        self.sessions[upload_id] = Session(
            call.me,
            asked,
            call.request.url.query,
            headers.get("x-upload-content-type", str(asked.get("mimeType") or DEFAULT_TYPE)),
            size,
            self._now_ns(),
            over[1] if over else None,
        )
        tail = f"/{over[1].id}" if over else ""
        return Response(
            headers={
                "Location": f"{_ADDRESS}{tail}?{call.request.url.query}&upload_id={upload_id}",
                "X-GUploader-UploadID": upload_id,
            }
        )

    def or_begun(self, begin: Endpoint) -> Endpoint:
        """Take a POST or PATCH to a session's address for a PUT, as Google does."""

        async def endpoint(request: Request) -> Response:
            return await (self.put(request) if "upload_id" in request.query_params else begin(request))

        return endpoint

    async def put(self, request: Request) -> Response:
        """PUT to a session's address: content, or the question how much of it has arrived. Needs no token."""
        request.scope["operation"] = "files.upload.put"
        session = self._open(request)
        if session is None:
            await _whole(request)
            return Response("Not Found", status_code=404)
        if session.done is not None:
            await _whole(request)
            return session.done
        try:
            return await self._continued(request, session)
        except Refusal as refusal:
            return refusal.answer()
        except ClientDisconnect:
            self._keep(session)
            return Response(status_code=499)

    async def cancel(self, request: Request) -> Response:
        """DELETE of a session's address (as the upload service behind Google's storage answers it)."""
        request.scope["operation"] = "files.upload.cancel"
        if self.sessions.pop(request.query_params.get("upload_id", ""), None) is None:
            return Response("Not Found", status_code=404)
        return Response(status_code=499)

    def _open(self, request: Request) -> Session | None:
        session = self.sessions.get(request.query_params.get("upload_id", ""))
        if session is None or self._now_ns() > session.began_ns + _WEEK_NS:
            return None
        return session

    async def _continued(self, request: Request, session: Session) -> Response:
        asked = request.headers.get("content-range")
        first, total = session.received, session.size
        if asked is None:
            session.pieces.clear()
            first = session.received = 0
            await self._take(request, session, 0)
            return self._completed(request, session, session.received)
        found = _RANGE.fullmatch(asked)
        if found is None:
            await _whole(request)
            raise bad_request("Invalid Content-Range")
        if found[3] != "*":
            total = int(found[3])
        if found[1] is None:
            await _whole(request)
        else:
            first = int(found[1])
            if first > session.received:
                await _whole(request)
                raise bad_request("Invalid request. The upload has not that many bytes yet.")
            await self._take(request, session, session.received - first)
            if session.received > first and session.received < int(found[2]) + 1:
                raise bad_request(
                    "Invalid request. There were fewer bytes in the request body than announced."
                )
        if total is not None and session.received == total and found[3] != "*":
            return self._completed(request, session, total)
        self._keep(session)
        return _incomplete(session)

    async def _take(self, request: Request, session: Session, skip: int) -> None:
        async for piece in request.stream():
            passed = min(skip, len(piece))
            skip -= passed
            if passed < len(piece):
                session.pieces.append(piece[passed:])
                session.received += len(piece) - passed

    def _keep(self, session: Session) -> None:
        """Forget what is no multiple of 256 KiB: only that much is stored of an upload that is not complete."""
        kept = session.received // _QUANTUM * _QUANTUM
        if kept < session.received:
            session.pieces = [b"".join(session.pieces)[:kept]]
            session.received = kept

    def _completed(self, request: Request, session: Session, total: int) -> Response:
        if session.size is not None and session.size != total:
            raise bad_request("Invalid request. The upload has another size than was announced.")
        scope = {**request.scope, "query_string": session.query.encode()}
        call = Call(Request(scope), session.me, self._state)
        over = None
        if session.node is not None:
            found = self._state.find(session.node.id)
            if found is None:
                raise not_found(session.node.id)
            over = found
        blob = Bytes(b"".join(session.pieces))
        session.done = _finished(call, over, session.asked, blob, session.content_type)
        session.pieces = []
        return session.done


def parts(body: bytes, content_type: str) -> tuple[dict[str, Any], str, bytes]:
    """Take a multipart/related body apart: metadata, media type and content (RFC 2387). Raises Refusal."""
    head = email.parser.HeaderParser(policy=email.policy.HTTP).parsestr(f"Content-Type: {content_type}\n\n")
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/related" or not boundary:
        raise bad_request("Malformed multipart body.")
    # Lines end as RFC 2046 says, or as Google's own client for Python ends them.
    pieces = re.split(rb"\r?\n--" + re.escape(boundary.encode()), b"\n" + body)
    if len(pieces) != 4 or not pieces[3].startswith(b"--"):  # noqa: PLR2004 - nothing, metadata, content, the end
        raise bad_request("Malformed multipart body.")
    (_, metadata), (kind, content) = (_part(piece) for piece in pieces[1:3])
    return as_object(metadata), kind, content


def _part(piece: bytes) -> tuple[str, bytes]:
    head, *rest = re.split(rb"\r?\n\r?\n", piece.lstrip(b"\r\n"), maxsplit=1)
    if not rest:
        raise bad_request("Malformed multipart body.")
    content = rest[0]
    parsed = email.parser.BytesHeaderParser(policy=email.policy.HTTP).parsebytes(head + b"\r\n\r\n")
    if str(parsed.get("Content-Transfer-Encoding", "binary")).lower() == "base64":
        content = base64.b64decode(content)
    return parsed.get_content_type() if "Content-Type" in parsed else DEFAULT_TYPE, content


def _finished(
    call: Call, over: tuple[Drive, Node] | None, asked: dict[str, Any], blob: Blob, kind: str
) -> Response:
    if over is None:
        drive, node = files.made(call, asked, blob, kind)
    else:
        drive, node = files.changed(call, *over, asked, blob, str(asked.get("mimeType") or kind))
    return files.answered(call, drive, node)


def _incomplete(session: Session) -> Response:
    headers = {"X-GUploader-UploadID": "resumable"}
    if session.received:
        headers["Range"] = f"bytes=0-{session.received - 1}"
    return Response(status_code=308, headers=headers)


async def _whole(request: Request) -> bytes:
    return await request.body()
