"""Uploads: whole, in sessions, and many at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import ClientDisconnect

from simulators.blobs import Blob, Bytes
from simulators.dropbox.calls import Call, Route
from simulators.dropbox.hashes import content_hash
from simulators.dropbox.namespaces import Namespace
from simulators.dropbox.refusals import BadInputError, RouteError
from simulators.dropbox.sessions import Session
from simulators.dropbox.writing import locked, parse_commit, store
from simulators.nodes import Node

LARGEST_CALL = 150 * 1024 * 1024
_MOST_BATCHED = 1000
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_TIME_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def body_of(call: Call) -> Blob:
    """Receive the content. Raises BadInputError, RouteError(payload_too_large, content_hash_mismatch)."""
    pieces = []
    size = 0
    try:
        async for piece in call.request.stream():
            size += len(piece)
            if size > LARGEST_CALL:
                raise RouteError("payload_too_large")
            pieces.append(piece)
    except ClientDisconnect:
        raise BadInputError(call.route, "the client went away") from None
    blob = Bytes(b"".join(pieces))
    announced = call.value("content_hash")
    if announced is not None and announced != content_hash(blob):
        raise RouteError("content_hash_mismatch")
    return blob


def modified_ns(call: Call, given: Mapping[str, Any]) -> int | None:
    """Read `client_modified`. Raises BadInputError for anything but whole seconds of UTC."""
    text = given.get("client_modified")
    if text is None:
        return None
    if not isinstance(text, str) or not _TIME_PATTERN.fullmatch(text):
        raise BadInputError(
            call.route, f"request body: client_modified: time data '{text}' does not match format '{_TIME}'"
        )
    return int(datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def _described(call: Call, stored: tuple[Namespace, Node]) -> dict[str, Any]:
    return call.view.metadata(*stored, tagged=False)


async def upload(call: Call) -> Any:
    """/2/files/upload."""
    call.path()
    blob = await body_of(call)
    commit = parse_commit(call.arg, modified_ns(call, call.arg))
    sessions = call.dropbox.sessions
    try:
        namespace = call.view.spot(commit.path).namespace
        async with locked(namespace, call.dropbox.limits):
            return _described(call, store(call.view, commit, blob))
    except RouteError as error:
        tags = ("malformed_path",) if error.tags == ("not_found",) else error.tags
        session = sessions.start(call.person, call.dropbox.now_ns(), concurrent=False)
        session.append(0, blob, close=True)
        raise RouteError("path", *tags, outer={"upload_session_id": session.id}) from None


async def start(call: Call) -> Any:
    """/2/files/upload_session/start."""
    blob = await body_of(call)
    concurrent = call.tag("session_type", "sequential") == "concurrent"
    close = bool(call.value("close"))
    if concurrent and blob.size:
        raise RouteError("concurrent_session_data_not_allowed")
    if concurrent and close:
        raise RouteError("concurrent_session_close_not_allowed")
    session = call.dropbox.sessions.start(call.person, call.dropbox.now_ns(), concurrent=concurrent)
    session.append(0, blob, close=close)
    return {"session_id": session.id}


async def start_batch(call: Call) -> Any:
    """/2/files/upload_session/start_batch."""
    number = call.value("num_sessions", 0)
    if not 1 <= number <= _MOST_BATCHED:
        raise BadInputError(call.route, f"request body: num_sessions: {number} is not within 1 and 1000")
    concurrent = call.tag("session_type", "sequential") == "concurrent"
    sessions, now = call.dropbox.sessions, call.dropbox.now_ns()
    return {
        "session_ids": [sessions.start(call.person, now, concurrent=concurrent).id for _ in range(number)]
    }


async def append(call: Call) -> Any:
    """/2/files/upload_session/append_v2."""
    blob = await body_of(call)
    cursor = call.arg["cursor"]
    session = call.dropbox.sessions.find(cursor["session_id"], call.person, call.dropbox.now_ns())
    session.append(cursor["offset"], blob, close=bool(call.value("close")))
    return None


async def append_batch(call: Call) -> Any:
    """/2/files/upload_session/append_batch."""
    blob = await body_of(call)
    assert isinstance(blob, Bytes)
    entries = call.value("entries", [])
    if len(entries) > _MOST_BATCHED:
        raise BadInputError(call.route, "request body: entries: list has more than 1000 items")
    if sum(entry["length"] for entry in entries) != blob.size:
        raise RouteError("length_mismatch")
    results: list[dict[str, Any]] = []
    at = 0
    for entry in entries:
        piece = Bytes(blob.data[at : at + entry["length"]])
        at += entry["length"]
        cursor = entry["cursor"]
        try:
            session = call.dropbox.sessions.find(cursor["session_id"], call.person, call.dropbox.now_ns())
            session.append(cursor["offset"], piece, close=bool(entry.get("close")))
        except RouteError as error:
            results.append({".tag": "failure", "failure": error.union()})
        else:
            results.append({".tag": "success"})
    return {"entries": results}


def _session(call: Call, cursor: Mapping[str, Any], *, must_be_closed: bool) -> Session:
    """Find a session that is to be finished. Raises RouteError (of an UploadSessionLookupError)."""
    session = call.dropbox.sessions.find(cursor["session_id"], call.person, call.dropbox.now_ns())
    if cursor["offset"] != session.size and not session.has_gap:
        raise RouteError("incorrect_offset", inner={"correct_offset": session.size})
    if must_be_closed and not session.is_concurrent and not session.is_closed:
        raise RouteError("not_closed")
    return session


def _finish(call: Call, entry: Mapping[str, Any], *, must_be_closed: bool) -> dict[str, Any]:
    """Make a file of a session. Raises RouteError (of an UploadSessionFinishError)."""
    try:
        session = _session(call, entry["cursor"], must_be_closed=must_be_closed)
    except RouteError as error:
        raise RouteError("lookup_failed", *error.tags, inner=error.inner) from None
    if session.is_concurrent and session.has_gap:
        raise RouteError("concurrent_session_missing_data")
    if session.is_concurrent and not session.is_closed:
        raise RouteError("concurrent_session_not_closed")
    commit = parse_commit(entry["commit"], modified_ns(call, entry["commit"]))
    try:
        told = _described(call, store(call.view, commit, session.blob))
    except RouteError as error:
        raise RouteError("path", *error.tags) from None
    del call.dropbox.sessions.open[session.id]
    return told


def _append_last(call: Call, cursor: Mapping[str, Any], blob: Blob) -> None:
    """Take the content of a call that finishes a session. Raises RouteError (of an UploadSessionFinishError)."""
    try:
        session = call.dropbox.sessions.find(cursor["session_id"], call.person, call.dropbox.now_ns())
        if not session.is_concurrent:
            session.append(cursor["offset"], blob, close=True)
            return
    except RouteError as error:
        raise RouteError("lookup_failed", *error.tags, inner=error.inner) from None
    raise RouteError("concurrent_session_data_not_allowed")


async def finish(call: Call) -> Any:
    """/2/files/upload_session/finish."""
    blob = await body_of(call)
    cursor = call.arg["cursor"]
    if blob.size:
        _append_last(call, cursor, blob)
        cursor = {**cursor, "offset": cursor["offset"] + blob.size}
    try:
        async with locked(_target(call, call.arg), call.dropbox.limits):
            return _finish(call, {**call.arg, "cursor": cursor}, must_be_closed=False)
    except RouteError as error:
        if error.tags == ("too_many_write_operations",):
            raise RouteError("path", "too_many_write_operations") from None
        raise


async def finish_batch(call: Call) -> Any:
    """/2/files/upload_session/finish_batch_v2."""
    entries = call.value("entries", [])
    if len(entries) > _MOST_BATCHED:
        raise BadInputError(call.route, "request body: entries: list has more than 1000 items")
    if not entries:
        return {"entries": []}
    results: list[dict[str, Any]] = []
    try:
        async with locked(_target(call, entries[0]), call.dropbox.limits):
            for entry in entries:
                try:
                    told = _finish(call, entry, must_be_closed=True)
                except RouteError as error:
                    results.append({".tag": "failure", "failure": error.union()})
                else:
                    results.append({".tag": "success", **told})
    except RouteError as error:
        results = [{".tag": "failure", "failure": error.union()}] * len(entries)
    return {"entries": results}


def _target(call: Call, entry: Mapping[str, Any]) -> Namespace:
    try:
        return call.view.spot(entry["commit"]["path"]).namespace
    except RouteError:
        return call.view.root


_WRITE = "files.content.write"
ROUTES = {
    "files/upload": Route(upload, style="upload", host="content", scope=_WRITE),
    "files/upload_session/start": Route(start, style="upload", host="content", scope=_WRITE),
    "files/upload_session/start_batch": Route(start_batch, scope=_WRITE),
    "files/upload_session/append_v2": Route(append, style="upload", host="content", scope=_WRITE),
    "files/upload_session/append_batch": Route(append_batch, style="upload", host="content", scope=_WRITE),
    "files/upload_session/finish": Route(finish, style="upload", host="content", scope=_WRITE),
    "files/upload_session/finish_batch_v2": Route(finish_batch, scope=_WRITE),
}
