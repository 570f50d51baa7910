"""`revisions`: list, get, content ("Manage file revisions" of the Drive guides). Viewers may not look at them."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulators.google import native, resources, times
from simulators.google.calls import Call, told
from simulators.google.errors import Refusal
from simulators.google.fields import Mask
from simulators.google.files import ranged
from simulators.google.state import is_native, media_type
from simulators.nodes import Node

_DEFAULT: Mask = {"kind": {}, "id": {}, "mimeType": {}, "modifiedTime": {}}
_DEFAULT_LIST: Mask = {"kind": {}, "nextPageToken": {}, "revisions": _DEFAULT}


async def list_(call: Call) -> Response:
    """GET files/{id}/revisions: the oldest first."""
    _, node = call.node(call.request.path_params["file_id"], needs="writer")
    if node.is_folder:
        raise Refusal(403, "revisionsNotSupported", "The file does not support revisions.")
    found = _described(call, node)
    size = call.number("pageSize", 200, 1000)
    start = int(call.asked("pageToken") or 0)
    answer: dict[str, object] = {"kind": "drive#revisionList", "revisions": found[start : start + size]}
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return told(answer, call.mask(_DEFAULT_LIST))


async def get(call: Call) -> Response:
    """GET files/{id}/revisions/{revisionId}, with `alt=media` its content."""
    _, node = call.node(call.request.path_params["file_id"], needs="writer")
    wanted = call.request.path_params["revision_id"]
    if call.asked("alt") == "media":
        for version in node.versions:
            if version.id == wanted:
                return ranged(version.blob, call.request.headers.get("range"), media_type(node))
        raise _missing(wanted)
    for told_of in _described(call, node):
        if told_of["id"] == wanted:
            return told(told_of, call.mask(_DEFAULT))
    raise _missing(wanted)


def _described(call: Call, node: Node) -> list[dict[str, Any]]:
    if not is_native(node):
        return [resources.revision(version, node, call.me) for version in node.versions]
    return [
        {
            "kind": "drive#revision",
            "id": "1",
            "mimeType": media_type(node),
            "modifiedTime": times.written(node.modified_ns),
            "exportLinks": {
                kind: resources.export_link(node, ending, "1")
                for kind, ending in native.formats(node).items()
            },
        }
    ]


def _missing(revision_id: str) -> Refusal:
    return Refusal(404, "notFound", f"Revision not found: {revision_id}.", location="revisionId")
