"""Upload sessions ("driveItem: createUploadSession")."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import ClientDisconnect, Request

from simulators.blobs import Bytes, Joined
from simulators.clock import SECOND_NS
from simulators.microsoft.addresses import Spot
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.changing import CONFLICT, alter, check_match, file_times, store
from simulators.microsoft.errors import GraphError, full, invalid, taken
from simulators.microsoft.ids import spell_time
from simulators.microsoft.items import item_json
from simulators.microsoft.names import check_name
from simulators.microsoft.state import Session, State

UNIT = 320 * 1024
_MOST = 60 * 1024 * 1024
_LIFETIME_S = 7 * 24 * 3600
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def create_session(state: State, call: Call, spot: Spot) -> Answer:
    """POST createUploadSession."""
    asked = call.json()
    item: dict[str, Any] = asked.get("item") or {}
    # "fail (default)" is documented, but rclone replaces files every day without a word about it.
    behaviour = str(item.get(CONFLICT) or "replace")
    library = spot.library
    check_match(call, spot.node, library)
    if spot.node is None and spot.parent is None:
        spot.there()
    if spot.node is not None and (behaviour == "fail" or spot.node.is_folder):
        raise taken()
    parent = spot.parent if spot.parent is not None else spot.there().parent
    if parent is None:
        raise invalid("The root has no content")
    name = spot.name or spot.there().name
    check_name(name, parent, library.prefix, personal=library.is_personal)
    deferred = bool(asked.get("deferCommit"))
    if deferred and library.is_personal and spot.node is not None:
        raise invalid("Name conflict behavior: replace is not valid for this operation.")
    drive = library.drive
    size = item.get("fileSize")
    if (
        library.is_personal
        and isinstance(size, int)
        and drive.quota is not None
        and drive.used + size > drive.quota
    ):
        raise full()
    modified_ns, created_ns = file_times(item)
    session = Session(
        library,
        parent,
        name,
        spot.node,
        behaviour,
        modified_ns,
        created_ns,
        deferred,
        call.person,
        state.clock.now_ns() + _LIFETIME_S * SECOND_NS,
    )
    secret = state.ids.secret()
    state.sessions[secret] = session
    url = f"https://{library.host}/_api/v2.0/drives/{library.id}/uploadSession?guid={secret}&dc=0&tempauth=v1.{secret}"
    return Answer(
        200,
        {
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.uploadSession",
            "expirationDateTime": spell_time(session.expires_ns, personal=True),
            "nextExpectedRanges": ["0-"],
            "uploadUrl": url,
        },
    )


async def session_call(state: State, request: Request) -> Answer:
    """Answer a request to an upload URL: PUT a fragment, GET the status, POST to commit, DELETE."""
    secret = request.query_params.get("guid", "")
    session = state.sessions.get(secret)
    if "authorization" in request.headers:
        raise GraphError(401, "unauthenticated", "The upload URL takes no token.")
    if session is None or session.expires_ns <= state.clock.now_ns():
        raise GraphError(404, "itemNotFound", "The upload session was not found")
    match request.method:
        case "PUT":
            return await _fragment(state, request, session, secret)
        case "GET":
            return Answer(200, _status(session))
        case "DELETE":
            del state.sessions[secret]
            return Answer(204)
        case "POST":
            if not session.deferred or session.library.is_personal:
                raise invalid("The upload session cannot be completed like this.")
            if session.received != session.total:
                raise invalid("The upload session is incomplete.")
            return commit(state, session, secret)
        case _:
            raise GraphError(405, "methodNotAllowed", "Method not allowed")


async def _fragment(state: State, request: Request, session: Session, secret: str) -> Answer:
    found = _RANGE.fullmatch(request.headers.get("content-range", ""))
    if found is None:
        raise invalid("The Content-Range header is missing or malformed.")
    first, last, total = (int(number) for number in found.groups())
    length = last - first + 1
    if length > _MOST or not 0 < length <= total or last >= total:
        raise invalid("The fragment is too large.")
    if session.total not in {None, total}:
        raise invalid("The declared size differs from that of earlier fragments.")
    if first != session.received:
        message = "overlaps with existing data" if first < session.received else "is out of order"
        inner = ("fragmentOverlap",) if first < session.received else ()
        raise GraphError(416, "invalidRange", f"Uploaded fragment {message}.", inner=inner)
    data = bytearray()
    try:
        async for piece in request.stream():
            data += piece
    except ClientDisconnect:
        if state.faults.take("partial fragment") and data:
            session.parts.append(Bytes(bytes(data)))
            session.received += len(data)
            session.total = total
        raise
    if len(data) != length or secret not in state.sessions or first != session.received:
        raise invalid("The fragment has not the announced length.")
    session.total = total
    session.parts.append(Bytes(bytes(data)))
    session.received += length
    session.uneven |= session.received < total and session.received % UNIT != 0
    if session.received < total or session.deferred:
        return Answer(202, _status(session))
    return commit(state, session, secret)


def commit(
    state: State, session: Session, secret: str, *, name: str | None = None, behaviour: str | None = None
) -> Answer:
    """Make the file of a session; it is kept where that fails. Raises GraphError."""
    if session.uneven:
        raise invalid("Fragments were no multiples of 320 KiB.")
    behaviour = behaviour or session.behaviour
    name = name or session.name
    library = session.library
    node = session.node
    if node is not None and node.id not in library.drive.nodes:
        raise GraphError(404, "itemNotFound", "The resource could not be found.")
    if node is None:
        node = library.drive.find(session.parent, name)
        if node is not None and behaviour != "replace":
            raise GraphError(
                409,
                "nameAlreadyExists",
                "Another file exists with the same name as the uploaded session. You can redirect the upload session "
                "to use a new filename by calling PUT with the new metadata and @microsoft.graph.sourceUrl attribute.",
            )
    made, is_new = store(
        state,
        library,
        session.parent,
        name,
        node,
        Joined(session.parts) if len(session.parts) != 1 else session.parts[0],
        modified_ns=session.modified_ns,
        created_ns=session.created_ns,
        author=session.author,
    )
    del state.sessions[secret]
    answer = Answer(201 if is_new else 200, item_json(state, library, made))
    alter(state, library, made)
    return answer


def commit_from_url(state: State, call: Call, spot: Spot) -> Answer:
    """PUT with `@microsoft.graph.sourceUrl`: the explicit commit."""
    asked = call.json()
    url = str(asked.get("@microsoft.graph.sourceUrl", ""))
    secret = url.partition("guid=")[2].partition("&")[0]
    session = state.sessions.get(secret)
    if session is None:
        raise GraphError(404, "itemNotFound", "The upload session was not found")
    if session.received != session.total:
        raise invalid("The upload session is incomplete.")
    check_match(call, spot.node, spot.library)
    behaviour = str(asked.get(CONFLICT, "fail"))
    if behaviour == "replace":
        raise invalid("Name conflict behavior: replace is not valid for this operation.")
    modified_ns, created_ns = file_times(asked)
    session.modified_ns = modified_ns or session.modified_ns
    session.created_ns = created_ns or session.created_ns
    return commit(state, session, secret, name=str(asked.get("name") or session.name), behaviour=behaviour)


def _status(session: Session) -> dict[str, Any]:
    if session.total is None:
        ranges = ["0-"]
    elif session.received >= session.total:
        ranges = []
    else:
        ranges = [
            f"{session.received}-{session.total - 1}"
        ]  # as seen, and as the SDK needs it; documented without end
    return {
        "expirationDateTime": spell_time(session.expires_ns, personal=True),
        "nextExpectedRanges": ranges,
    }
