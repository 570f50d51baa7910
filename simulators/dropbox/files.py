"""Routes of files and folders, but for listings and uploads."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulators.blobs import Bytes
from simulators.dropbox.calls import Call, Route, download
from simulators.dropbox.hashes import content_hash
from simulators.dropbox.namespaces import Namespace
from simulators.dropbox.refusals import RouteError
from simulators.dropbox.views import Spot, blob_of, deleted
from simulators.dropbox.writing import locked, make_folder, move, remove
from simulators.nodes import Node

_MOST_REVISIONS = 100


def found(call: Call, path: str, *tags: str) -> Spot:
    """Resolve a path of the argument; what is wrong with it stands below these tags."""
    try:
        return call.view.existing(path)
    except RouteError as error:
        raise RouteError(*tags, *error.tags) from None


def found_file(call: Call, path: str) -> tuple[Namespace, Node]:
    """Resolve the path of a file. Raises RouteError."""
    spot = found(call, path, "path")
    assert spot.node is not None
    if spot.node.is_folder:
        raise RouteError("path", "not_file")
    return spot.namespace, spot.node


async def get_metadata(call: Call) -> Any:
    """/2/files/get_metadata."""
    path = call.path()
    spot = call.view.spot(path) if path.startswith("/") and call.value("include_deleted") else None
    if spot is not None and spot.node is None and path.lower() in call.dropbox.removed_paths(call.view):
        return deleted(tuple(path[1:].split("/")))
    spot = found(call, path, "path")
    assert spot.node is not None
    if spot.folder is None and spot.node.parent is None:
        raise RouteError("path", "malformed_path")
    return call.view.metadata(
        spot.namespace, spot.node, members=bool(call.value("include_has_explicit_shared_members"))
    )


async def get_content(call: Call) -> Response:
    """/2/files/download."""
    path = call.path()
    namespace, node = found_file(call, path)
    if "export" in node.properties:
        raise RouteError("unsupported_file")
    if "blocked" in node.properties:
        raise RouteError("path", node.properties["blocked"])
    rev = path.removeprefix("rev:") if path.startswith("rev:") else call.value("rev")
    told = call.view.metadata(namespace, node, tagged=False)
    if rev is not None:
        version = next(version for version in node.versions if version.id == rev)
        told |= call.view.version(node, version)
    return download(told, blob_of(node, rev), call.request.headers)


async def export(call: Call) -> Response:
    """/2/files/export."""
    namespace, node = found_file(call, call.path())
    formats = node.properties.get("export")
    if not formats:
        raise RouteError("non_exportable")
    if call.dropbox.faults.take("export not ready"):
        raise RouteError("retry_error")
    wanted = call.value("export_format") or formats[0]
    if wanted not in formats:
        raise RouteError("invalid_export_format")
    blob = Bytes(b"%b of " % wanted.encode() + blob_of(node).pieces().__next__() if node.size else b"")
    extension = {"markdown": "md"}.get(wanted, wanted)
    told = {
        "export_metadata": {
            "name": f"{node.name.rpartition('.')[0]}.{extension}",
            "size": blob.size,
            "export_hash": content_hash(blob),
        },
        "file_metadata": call.view.metadata(namespace, node, tagged=False),
    }
    return download(told, blob, {})


async def create_folder(call: Call) -> Any:
    """/2/files/create_folder_v2."""
    path = call.path()
    try:
        async with locked(call.view.spot(path).namespace, call.dropbox.limits):
            namespace, node = make_folder(call.view, path, autorename=bool(call.value("autorename")))
    except RouteError as error:
        raise RouteError("path", *error.tags) from None
    return {"metadata": call.view.metadata(namespace, node, tagged=False)}


async def move_entry(call: Call) -> Any:
    """/2/files/move_v2."""
    spot = found(call, call.path("from_path"), "from_lookup")
    async with locked(spot.namespace, call.dropbox.limits):
        namespace, node = move(
            call.view, spot, call.path("to_path"), autorename=bool(call.value("autorename"))
        )
    return {"metadata": call.view.metadata(namespace, node)}


async def delete(call: Call) -> Any:
    """/2/files/delete_v2."""
    spot = found(call, call.path(), "path_lookup")
    assert spot.node is not None
    told = call.view.metadata(spot.namespace, spot.node)
    try:
        async with locked(spot.namespace, call.dropbox.limits):
            remove(call.view, spot)
    except RouteError as error:
        raise RouteError("path_write", *error.tags) from None
    return {"metadata": told}


async def list_revisions(call: Call) -> Any:
    """/2/files/list_revisions."""
    namespace, node = found_file(call, call.path())
    limit = min(int(call.value("limit", 10)), _MOST_REVISIONS)
    versions = list(reversed(node.versions))
    if (before := call.value("before_rev")) is not None:
        revs = [version.id for version in versions]
        if before not in revs:
            raise RouteError("invalid_before_rev")
        versions = versions[revs.index(before) + 1 :]
    told = call.view.metadata(namespace, node, tagged=False)
    entries = [told | call.view.version(node, version) for version in versions[:limit]]
    return {"is_deleted": False, "entries": entries, "has_more": len(versions) > limit}


ROUTES = {
    "files/get_metadata": Route(get_metadata, scope="files.metadata.read"),
    "files/download": Route(get_content, style="download", host="content", scope="files.content.read"),
    "files/export": Route(export, style="download", host="content", scope="files.content.read"),
    "files/create_folder_v2": Route(create_folder, scope="files.content.write"),
    "files/move_v2": Route(move_entry, scope="files.content.write"),
    "files/delete_v2": Route(delete, scope="files.content.write"),
    "files/list_revisions": Route(list_revisions, scope="files.metadata.read"),
}
