"""Downloads ("Download a file"): Graph sends on to a link that carries its own right."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request

from simulators.microsoft.addresses import Spot
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.errors import GraphError, invalid, not_found
from simulators.microsoft.ids import e_tag
from simulators.microsoft.state import Library, State
from simulators.nodes import Node, Version

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


def get_content(state: State, _call: Call, spot: Spot) -> Answer:
    """GET content of a file as it is now."""
    return redirect(state, spot.library, spot.there())


def redirect(state: State, library: Library, node: Node, version: Version | None = None) -> Answer:
    """Send on to a link: 302."""
    if node.is_folder:
        raise invalid("You cannot get content for a folder")
    return Answer(302, None, {"Location": state.ticket(library, node, version)})


def download(state: State, request: Request) -> Answer:
    """GET a link; whoever shows a token there is refused."""
    ticket = state.tickets.get(request.query_params.get("tempauth", ""))
    if "authorization" in request.headers:
        raise GraphError(401, "unauthenticated", "The link takes no token.")
    if ticket is None or ticket.expires_ns <= state.clock.now_ns():
        raise GraphError(401, "unauthenticated", "The link has expired.")
    node = ticket.library.drive.nodes.get(ticket.node_id)
    if node is None:
        raise not_found()
    if node.properties.get("malware"):
        raise GraphError(403, "malwareDetected", "Malware was detected in the requested resource.")
    blob = (ticket.version or node.version).blob
    headers = {
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
        "ETag": e_tag(node, personal=ticket.library.is_personal),
    }
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None:
        headers["Content-Length"] = str(blob.size)
        return Answer(200, None, headers, _stream(blob.pieces()))
    first = int(asked[1])
    last = min(int(asked[2]) if asked[2] else blob.size - 1, blob.size - 1)
    if first > last:
        raise GraphError(416, "invalidRange", "The range is not satisfiable.")
    length = last - first + 1
    headers |= {"Content-Length": str(length), "Content-Range": f"bytes {first}-{last}/{blob.size}"}
    return Answer(206, None, headers, _stream(blob.pieces(first, length)))


async def _stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
