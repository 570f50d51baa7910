"""`files`: get, create and update without content, delete, copy, export, ids that are generated ahead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response, StreamingResponse

from simulators.blobs import Blob
from simulators.google import native, resources, times
from simulators.google.calls import Call, told
from simulators.google.errors import (
    Refusal,
    bad_request,
    invalid,
    not_found,
    required,
    storage_full,
)
from simulators.google.resources import DEFAULT_FILE
from simulators.google.state import DEFAULT_TYPE, FOLDER_TYPE, SHORTCUT_TYPE, is_native, media_type
from simulators.nodes import FILE, FOLDER, Drive, Node, OverQuotaError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_ID = "file_id"
MOST_IDS = 1000


async def get(call: Call) -> Response:
    """GET files/{id}: metadata, or with `alt=media` the content."""
    drive, node = call.node(call.request.path_params[_ID])
    if call.asked("alt") == "media":
        return _media(call, node)
    mask = call.mask(DEFAULT_FILE)
    return told(resources.file(call.state, drive, node, call.me, mask), mask)


async def create(call: Call) -> Response:
    """POST files."""
    return answered(call, *made(call, await call.body(), None, DEFAULT_TYPE))


async def update(call: Call) -> Response:
    """PATCH files/{id}."""
    drive, node = call.node(call.request.path_params[_ID], needs="writer")
    drive, node = changed(call, drive, node, await call.body(), None)
    return answered(call, drive, node)


async def delete(call: Call) -> Response:
    """DELETE files/{id}: for good, with all below."""
    drive, node = call.node(call.request.path_params[_ID])
    needs = "organizer" if call.state.is_shared_drive(drive) else "owner"
    call.node(node.id, needs=needs)
    drive.remove(node)
    return Response(status_code=204)


async def copy(call: Call) -> Response:
    """POST files/{id}/copy."""
    _, node = call.node(call.request.path_params[_ID])
    if node.is_folder:
        raise Refusal(403, "cannotCopyFile", "This file cannot be copied by the user.")
    asked = await call.body()
    asked.setdefault("name", f"Copy of {node.name}")
    asked.setdefault("modifiedTime", times.written(node.modified_ns))
    if node.parent is not None:
        asked.setdefault("parents", [node.parent.id])
    drive, copied = made(call, asked, node.version.blob if node.versions else None, media_type(node))
    copied.properties |= {
        key: node.properties[key] for key in ("text", "export_size") if key in node.properties
    }
    return answered(call, drive, copied)


async def generate_ids(call: Call) -> Response:
    """GET files/generateIds."""
    count = call.number("count", 10, MOST_IDS + 1)
    if count > MOST_IDS:
        raise invalid("count")
    ids = [call.state.new_id() for _ in range(count)]
    call.state.generated.update(ids)
    return JSONResponse({"kind": "drive#generatedIds", "space": "drive", "ids": ids})


async def export(call: Call) -> Response:
    """GET files/{id}/export: a native document in another format, up to 10 MB."""
    _, node = call.node(call.request.path_params[_ID])
    wanted = call.asked("mimeType")
    if not wanted:
        raise required("mimeType")
    if not is_native(node):
        raise Refusal(403, "fileNotExportable", "Export only supports Docs Editors files.")
    if wanted not in native.formats(node):
        raise Refusal(400, "badRequest", "The requested conversion is not supported.", location="convertTo")
    blob = native.exported(node, wanted)
    if blob.size > native.MOST_EXPORTED:
        raise Refusal(403, "exportSizeLimitExceeded", "This file is too large to be exported.")
    return StreamingResponse(_pieces(blob), media_type=wanted)


async def export_page(call: Call) -> Response:
    """GET docs.google.com/.../export: the same without the limit; what it gives lies elsewhere."""
    drive, node = call.node(call.asked("id"))
    ending = call.asked("exportFormat")
    wanted = next((kind for kind, each in native.formats(node).items() if each == ending), None)
    if wanted is None:
        raise not_found(node.id)
    token = call.state.new_id()
    drive.root.properties.setdefault("exports", {})[token] = (node, wanted)
    return Response(
        status_code=307,
        headers={
            "Location": f"https://doc-0g-docstext.googleusercontent.com/export/{token}?{urlencode({'format': ending})}"
        },
    )


def exported_by_token(call_state: Any, token: str) -> Response:
    """GET of what `export_page` led to: it needs no token but the address."""
    for drive in call_state.drives:
        found = drive.root.properties.get("exports", {}).get(token)
        if found is not None:
            node, wanted = found
            return StreamingResponse(_pieces(native.exported(node, wanted)), media_type=wanted)
    return Response(status_code=404)


def answered(call: Call, drive: Drive, node: Node) -> Response:
    """Describe an entry as the answer to a change of it."""
    mask = call.mask(DEFAULT_FILE)
    return told(resources.file(call.state, drive, node, call.me, mask), mask)


def made(call: Call, asked: dict[str, Any], blob: Blob | None, content_type: str) -> tuple[Drive, Node]:
    """Create an entry. Raises Refusal."""
    drive, parent = place(call, asked)
    kind = str(asked.get("mimeType") or content_type or DEFAULT_TYPE)
    node_id = checked_id(call, asked)
    is_document = kind.startswith("application/vnd.google-apps.") and kind not in {FOLDER_TYPE, SHORTCUT_TYPE}
    if is_document and node_id is not None:
        raise Refusal(
            400, "invalid", "Generated IDs are not supported for Docs Editors formats.", location="file.id"
        )
    properties = _properties(call, asked, kind)
    if kind == FOLDER_TYPE:
        blob = None
    elif is_document:
        properties["text"], blob = _converted(blob, content_type, kind), None
    elif kind != SHORTCUT_TYPE and blob is None:
        raise bad_request("The file has no content")
    try:
        node = drive.add(
            parent,
            str(asked.get("name") or "Untitled"),
            kind=FOLDER if kind == FOLDER_TYPE else FILE,
            blob=blob,
            owner=None if call.state.is_shared_drive(drive) else call.me,
            author=call.me,
            modified_ns=moment(asked, "modifiedTime"),
            created_ns=moment(asked, "createdTime"),
            node_id=node_id,
        )
    except OverQuotaError:
        raise storage_full() from None
    node.properties |= properties
    return drive, node


def changed(
    call: Call, drive: Drive, node: Node, asked: dict[str, Any], blob: Blob | None, content_type: str = ""
) -> tuple[Drive, Node]:
    """Change an entry. Raises Refusal."""
    if "parents" in asked:
        raise Refusal(
            403,
            "fieldNotWritable",
            "The parents field is not directly writable in update requests. Use the addParents and removeParents "
            "parameters instead.",
        )
    modified_ns = moment(asked, "modifiedTime")
    if "trashed" in asked and node.parent is None:
        raise Refusal(
            403, "insufficientFilePermissions", "The user does not have sufficient permissions for this file."
        )
    if blob is not None:
        if node.is_folder:
            raise bad_request()
        if is_native(node):  # what is sent over a document is converted into it
            node.properties["text"] = _converted(blob, content_type, media_type(node))
            node.modified_ns = call.state.now_ns() if modified_ns is None else modified_ns
            drive.touch(node)
        else:
            _put(call, drive, node, blob, modified_ns, content_type)
    elif modified_ns is not None:
        node.modified_ns = modified_ns
        drive.touch(node)
    drive, node = _moved(call, drive, node, str(asked.get("name") or node.name))
    if asked.get("trashed") is True and not node.is_trashed:
        drive.trash(node)
    elif asked.get("trashed") is False and node.is_trashed:
        drive.restore(node)
    for name in ("appProperties", "properties", "description", "starred"):
        if name in asked:
            node.properties[name] = asked[name]
    return drive, node


def _put(
    call: Call, drive: Drive, node: Node, blob: Blob, modified_ns: int | None, content_type: str
) -> None:
    try:
        drive.put(node, blob, modified_ns=modified_ns, author=call.me)
    except OverQuotaError:
        raise storage_full() from None
    if content_type and content_type != DEFAULT_TYPE:
        node.properties["mimeType"] = content_type


def place(call: Call, asked: dict[str, Any]) -> tuple[Drive, Node]:
    """Find the folder that a new entry goes into."""
    parents = asked.get("parents") or ["root"]
    if not isinstance(parents, list) or len(parents) != 1:
        raise invalid("parents")
    drive, parent = call.node(str(parents[0]), needs="writer")
    if not parent.is_folder:
        raise Refusal(403, "parentNotAFolder", "The specified parent is not a folder.")
    if parent.is_trashed or any(above.is_trashed for above in parent.ancestors()):
        raise not_found(parent.id)
    return drive, parent


def checked_id(call: Call, asked: dict[str, Any]) -> str | None:
    """Return the id that a new entry is to have. Raises Refusal for one that cannot be used."""
    node_id = asked.get("id")
    if node_id is None:
        return None
    if call.state.find(str(node_id)) is not None:
        raise Refusal(409, "fileIdInUse", "A file already exists with the provided ID.")
    if node_id not in call.state.generated:
        raise Refusal(400, "invalid", "The provided file ID is not usable.", location="file.id")
    return str(node_id)


def moment(asked: dict[str, Any], name: str) -> int | None:
    """Read a time of a body."""
    text = asked.get(name)
    if text is None:
        return None
    try:
        return times.parsed(str(text))
    except (ValueError, OverflowError):
        raise Refusal(400, "invalid", f'Invalid value for: Invalid format: "{text}"') from None


def _properties(call: Call, asked: dict[str, Any], kind: str) -> dict[str, Any]:
    kept: dict[str, Any] = {
        name: asked[name]
        for name in ("appProperties", "properties", "description", "starred")
        if name in asked
    }
    if kind != FOLDER_TYPE:
        kept["mimeType"] = kind
    if kind == SHORTCUT_TYPE:
        _, target = call.node(str(asked.get("shortcutDetails", {}).get("targetId", "")))
        kept["shortcutDetails"] = {"targetId": target.id, "targetMimeType": media_type(target)}
    return kept


def _converted(blob: Blob | None, content_type: str, kind: str) -> str:
    if blob is None:
        return ""
    if native.IMPORTS.get(content_type) != kind.rpartition(".")[2]:
        raise bad_request()
    return f"converted from {blob.size} bytes"


def _moved(call: Call, drive: Drive, node: Node, name: str) -> tuple[Drive, Node]:
    added = [part for part in call.asked("addParents").split(",") if part]
    removed = [part for part in call.asked("removeParents").split(",") if part]
    parent = node.parent
    if added:
        to_drive, target = call.node(added[0], needs="writer")
        if parent is not None and parent.id not in removed and call.state.my_drive(call.me).id not in removed:
            raise Refusal(403, "cannotAddParent", "Increasing the number of parents is not allowed")
        if to_drive is not drive:
            return _across(drive, node, to_drive, target, name)
        parent = target
    if parent is None:
        if name != node.name:
            node.name = name
        return drive, node
    if parent is not node.parent or name != node.name:
        if node is parent or node in parent.ancestors():
            raise Refusal(
                403, "cyclicalParents", "The requested change would create a cycle in the folder hierarchy"
            )
        drive.move(node, parent, name)
    return drive, node


def _across(drive: Drive, node: Node, to_drive: Drive, target: Node, name: str) -> tuple[Drive, Node]:
    if node.is_folder:
        raise Refusal(
            403, "teamDrivesFolderMoveInNotSupported", "Moving folders into shared drives is not supported."
        )
    drive.remove(node)
    new = to_drive.add(
        target,
        name,
        blob=node.version.blob if node.versions else None,
        modified_ns=node.modified_ns,
        created_ns=node.created_ns,
        node_id=node.id,
    )
    new.properties |= node.properties
    return to_drive, new


def _media(call: Call, node: Node) -> Response:
    if node.is_folder or not node.versions:
        raise Refusal(
            403,
            "fileNotDownloadable",
            "Only files with binary content can be downloaded. Use Export with Docs Editors files.",
            location="alt",
        )
    if node.properties.get("abusive") and not call.says("acknowledgeAbuse"):
        raise Refusal(
            403,
            "cannotDownloadAbusiveFile",
            "This file has been identified as malware or spam and cannot be downloaded.",
        )
    if node.properties.get("restricted"):
        raise Refusal(403, "cannotDownloadFile", "This file cannot be downloaded by the user.")
    return ranged(node.version.blob, call.request.headers.get("range"), media_type(node))


def ranged(blob: Blob, asked: str | None, kind: str) -> Response:
    """Answer with a content or a range of it."""
    if asked is None or (found := _RANGE.fullmatch(asked)) is None:
        return StreamingResponse(
            _pieces(blob),
            media_type=kind,
            headers={"Content-Length": str(blob.size), "Accept-Ranges": "bytes"},
        )
    first, last = found[1], found[2]
    start = int(first) if first else max(0, blob.size - int(last or 0))
    end = blob.size - 1 if not first or not last else min(int(last), blob.size - 1)
    if start > end:
        raise Refusal(
            416,
            "requestedRangeNotSatisfiable",
            "Request range not satisfiable",
            location="Range",
            location_type="header",
            headers={"Content-Range": f"bytes */{blob.size}"},
        )
    length = end - start + 1
    return StreamingResponse(
        _pieces(blob, start, length),
        status_code=206,
        media_type=kind,
        headers={"Content-Length": str(length), "Content-Range": f"bytes {start}-{end}/{blob.size}"},
    )


def _pieces(blob: Blob, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
    return blob.pieces(offset, length)
