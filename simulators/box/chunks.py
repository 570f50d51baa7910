"""Uploads in chunks (guides "Chunked uploads")."""

from __future__ import annotations

import base64
import hashlib
import json
import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.accounts import Person
from simulators.blobs import Bytes, Joined, content
from simulators.box import errors
from simulators.box.callers import Callers
from simulators.box.content import UPLOAD_HOST, Contents
from simulators.box.items import Items, read_json
from simulators.box.organisation import EDITS, Organisation, Session
from simulators.box.views import sha1_of, spell_time
from simulators.faults import FaultScript
from simulators.nodes import FOLDER

MIB = 1024 * 1024
_LIVES_NS = 7 * 24 * 3600 * 1_000_000_000
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")
_MOST_PARTS = 10_000
_MOST_LISTED = 1000


class Chunks:
    """The routes of upload sessions.

    Args:
        organisation: The state.
        callers: Who calls.
        items: What all entries have in common.
        contents: Makes the files.
        faults: Switches "commit takes a while" (202), "parts mismatch", "other hosts" (sessions elsewhere).
    """

    def __init__(
        self,
        organisation: Organisation,
        callers: Callers,
        items: Items,
        contents: Contents,
        faults: FaultScript,
    ) -> None:
        self._organisation = organisation
        self._callers = callers
        self._items = items
        self._contents = contents
        self._faults = faults

    def routes(self) -> list[Route]:
        """Return them."""
        base = "/api/2.0/files/upload_sessions"
        return [
            Route(base, self._create, methods=["POST"]),
            Route("/api/2.0/files/{id}/upload_sessions", self._create_version, methods=["POST"]),
            Route(base + "/{session}", self._status, methods=["GET"]),
            Route(base + "/{session}", self._put, methods=["PUT"]),
            Route(base + "/{session}", self._abort, methods=["DELETE"]),
            Route(base + "/{session}/parts", self._parts, methods=["GET"]),
            Route(base + "/{session}/plan", self._plan, methods=["POST"]),
            Route(base + "/{session}/commit", self._commit, methods=["POST"]),
        ]

    async def _create(self, request: Request) -> Response:
        person = self._callers.who(request, upload=True)
        asked = await read_json(request)
        if "folder_id" not in asked:
            raise errors.bad_request("No folder_id was provided", "missing_destination")
        folder = self._items.parent(person, {"id": asked["folder_id"]})
        name = self._items.check_name(asked.get("file_name"))
        size = self._size(asked)
        self._contents.check_room(folder, name, size, person)
        return self._begun(Session(self._new_id(), person, folder, name, size, self._part_size(size), 0))

    async def _create_version(self, request: Request) -> Response:
        person = self._callers.who(request, upload=True)
        node = self._organisation.find(person, "file", request.path_params["id"])
        self._organisation.demand(person, node, EDITS)
        self._items.check_not_locked(person, node)
        assert node.parent is not None
        asked = await read_json(request)
        size = self._size(asked)
        if size > self._organisation.max_upload_size:
            raise errors.too_large()
        name = self._items.check_name(asked["file_name"]) if asked.get("file_name") else node.name
        made = Session(
            self._new_id(), person, node.parent, name, size, self._part_size(size), 0, replaces=node
        )
        return self._begun(made)

    def _size(self, asked: dict[str, object]) -> int:
        size = asked.get("file_size")
        if not isinstance(size, int):
            code = "missing_file_size" if size is None else "invalid_file_size"
            raise errors.bad_request("File size is missing or invalid", code)
        if size < self._organisation.smallest_session:
            raise errors.bad_request("The file size is too small for this API", "file_size_too_small")
        return size

    def _part_size(self, size: int) -> int:
        """8 MiB are seen for files up to a gigabyte or so, 32 MiB above (issues of rclone and of box-java-sdk)."""
        part = self._organisation.part_size or (8 * MIB if size < 1000 * MIB else 32 * MIB)
        while -(-size // part) > _MOST_PARTS:
            part *= 2
        return part

    def _new_id(self) -> str:
        return hashlib.sha256(self._organisation.new_id().encode()).hexdigest()[:32].upper()

    def _begun(self, session: Session) -> Response:
        session.expires_ns = self._organisation.clock.now_ns() + _LIVES_NS
        self._organisation.sessions[session.id] = session
        return JSONResponse(self._view(session), 201)

    def _view(self, session: Session) -> dict[str, object]:
        host = "elsewhere.example" if self._faults.take("other hosts") else UPLOAD_HOST
        base = f"https://{host}/api/2.0/files/upload_sessions/{session.id}"
        return {
            "id": session.id,
            "type": "upload_session",
            "num_parts_processed": len(session.parts),
            "part_size": session.part_size,
            "session_endpoints": {
                "abort": base,
                "commit": f"{base}/commit",
                "list_parts": f"{base}/parts",
                "log_event": f"{base}/log",
                "plan": f"{base}/plan",
                "status": base,
                "upload_part": base,
            },
            "session_expires_at": spell_time(session.expires_ns),
            "total_parts": -(-session.size // session.part_size),
        }

    def _found(self, request: Request, *, upload: bool = False) -> tuple[Session, Person]:
        person = self._callers.who(request, upload=upload)
        session = self._organisation.sessions.get(request.path_params["session"])
        if session is None:
            raise errors.not_found()
        if session.expires_ns <= self._organisation.clock.now_ns():
            raise errors.BoxError(410, "session_expired", "The upload session has expired")
        if session.person is not person:
            raise errors.BoxError(403, "forbidden", "Only the user who began the session may upload to it")
        return session, person

    async def _status(self, request: Request) -> Response:
        session, _ = self._found(request)
        return JSONResponse(self._view(session))

    async def _abort(self, request: Request) -> Response:
        session, _ = self._found(request)
        del self._organisation.sessions[session.id]
        return Response(status_code=204)

    async def _parts(self, request: Request) -> Response:
        session, _ = self._found(request)
        asked = request.query_params
        start, limit = int(asked.get("offset", "0")), min(int(asked.get("limit", "1000")), _MOST_LISTED)
        every = [_part(offset, *session.parts[offset]) for offset in sorted(session.parts)]
        return JSONResponse(
            {
                "entries": every[start : start + limit],
                "total_count": len(every),
                "offset": start,
                "limit": limit,
                "order": [{"by": "offset", "direction": "ASC"}],
            }
        )

    async def _put(self, request: Request) -> Response:
        session, _ = self._found(request, upload=True)
        asked = _CONTENT_RANGE.fullmatch(request.headers.get("content-range", ""))
        sent = await request.body()
        if asked is None:
            raise errors.bad_request("Content-Range is missing or invalid")
        start, end, total = (int(number) for number in asked.groups())
        expected = min(session.part_size, session.size - start)
        if total != session.size or start % session.part_size or end - start + 1 != expected:
            raise errors.BoxError(
                416, "invalid_range", "The range does not fit the session"
            )  # code unconfirmed
        if len(sent) != expected:
            raise errors.bad_request("Request body size didn't match Content-Length", "request_size_mismatch")
        digest = hashlib.sha1(sent, usedforsecurity=False)
        if request.headers.get("digest") != _digest_header(digest.digest()):
            raise errors.BoxError(412, "digest_mismatch", "The digest does not match")  # code unconfirmed
        if request.path_params["session"] not in self._organisation.sessions:
            raise errors.not_found()  # aborted while the part was on its way
        standing = session.parts.get(start)
        if standing is not None:
            # As recorded by rclone (issue 2054); the description says 409.
            part = f'{{id: "{standing[0]}", "offset": {start}, "size": {len(standing[2])}}}'
            status = 409 if self._faults.take("overlap is 409") else 416
            raise errors.BoxError(
                status,
                "range_overlaps_existing_part",
                f"Part overlaps with previously uploaded part: {part}",
            )
        session.parts[start] = (self._new_part_id(session, start), digest.hexdigest(), sent)
        return JSONResponse({"part": _part(start, *session.parts[start])})

    async def _plan(self, request: Request) -> Response:
        """Take over chunks that the version before has at the same place (Box's SDK asks for that; no description)."""
        session, _ = self._found(request)
        asked = await read_json(request)
        before = content(session.replaces.version.blob) if session.replaces is not None else b""
        hits, misses = [], []
        for part in asked.get("parts", []):
            start, size = int(part["offset"]), int(part["size"])
            piece = before[start : start + size]
            if len(piece) == size and hashlib.sha512(piece).hexdigest() == part.get("sha512"):
                known = session.parts[start] = (self._new_part_id(session, start), _sha1(piece), piece)
                hits.append({**part, "part_id": known[0]})
            else:
                misses.append(part)
        return JSONResponse({"upload_session_id": session.id, "hits": hits, "misses": misses})

    def _new_part_id(self, session: Session, start: int) -> str:
        return hashlib.sha256(f"{session.id}/{start}".encode()).hexdigest()[:8].upper()

    async def _commit(self, request: Request) -> Response:
        session, person = self._found(request)
        asked = await read_json(request)
        given = asked.get("parts")
        if not isinstance(given, list):
            raise errors.bad_request()
        if self._faults.take("commit takes a while"):
            return Response(status_code=202, headers={"Retry-After": "3"})
        offset = 0
        for part in sorted(given, key=lambda part: int(part["offset"])):
            known = session.parts.get(offset)
            if known is None or part.get("part_id") != known[0] or self._faults.take("parts mismatch"):
                message = f"No matching part found on server for {json.dumps(part)}"
                raise errors.bad_request(message, "parts_mismatch")
            offset += len(known[2])
        if offset != session.size:
            raise errors.bad_request("The parts do not make the whole file", "parts_mismatch")
        blob = Joined([Bytes(session.parts[start][2]) for start in sorted(session.parts)])
        whole = hashlib.sha1(usedforsecurity=False)
        for start in sorted(session.parts):
            whole.update(session.parts[start][2])
        if request.headers.get("digest") != _digest_header(whole.digest()):
            raise errors.BoxError(412, "digest_mismatch", "The digest does not match")  # code unconfirmed
        attributes = asked.get("attributes") or {}
        node = session.replaces
        if node is None:
            folder = self._organisation.find(person, FOLDER, session.folder.id)
            made = self._contents.create(folder, session.name, blob, person, attributes)
        else:
            self._items.check_unchanged(request, node)
            if whole.hexdigest() == sha1_of(node.version):
                # Seen in Box's SDK: "commit responds with 202 because the file did not change".
                del self._organisation.sessions[session.id]
                return Response(status_code=202)
            made = self._contents.replace(node, blob, person, attributes)
        made.version.properties["sha1"] = whole.hexdigest()
        del self._organisation.sessions[session.id]
        return JSONResponse(self._contents.files(made, person), 201)


def _part(offset: int, part_id: str, sha1: str, content: bytes) -> dict[str, object]:
    return {"part_id": part_id, "offset": offset, "size": len(content), "sha1": sha1}


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _digest_header(digest: bytes) -> str:
    return "sha=" + base64.b64encode(digest).decode()
