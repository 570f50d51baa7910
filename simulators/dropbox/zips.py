"""A folder as one zip archive: `/2/files/download_zip`.

Source: the API's description of the route: "The folder must be less than 20 GB in size and any single file within must be
less than 4 GB in size. The resulting zip must have fewer than 10,000 total file and folder entries, including the top level
folder. The input cannot be a single file. Note: this endpoint does not support HTTP range requests." It has no
`select_admin_mode`. Unconfirmed: that documents which can only be exported, and files that Dropbox does not give out,
are left out; that the answer announces no length; how content is compressed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator

from starlette.responses import Response, StreamingResponse

from simulators.dropbox.calls import Call, Route
from simulators.dropbox.namespaces import Namespace
from simulators.dropbox.refusals import RouteError
from simulators.dropbox.views import Spot, blob_of
from simulators.nodes import Node

_MOST_ENTRIES = 10_000
_LARGEST = 20 * 10**9
_LARGEST_FILE = 4 * 10**9
_PIECE = 64 * 1024


async def download_zip(call: Call) -> Response:
    """/2/files/download_zip."""
    path = call.path()
    try:
        spot = call.view.existing(path)
    except RouteError as error:
        raise RouteError("path", *error.tags) from None
    assert spot.node is not None
    if not spot.node.is_folder:
        raise RouteError("path", "not_folder")
    if call.dropbox.faults.take("no zips"):
        raise RouteError("path", "restricted_content")
    name = spot.node.name or "Dropbox"
    found = [(name, spot.node), *_below(name, spot)]
    if len(found) >= _MOST_ENTRIES:
        raise RouteError("too_many_files")
    sizes = [node.size for _, node in found]
    if sum(sizes) >= _LARGEST or max(sizes) >= _LARGEST_FILE:
        raise RouteError("too_large")
    archive = _archive(found, skips=call.dropbox.faults.take("zip skips a file"))
    told = {"metadata": call.view.metadata(spot.namespace, spot.node, tagged=False)}

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(archive), _PIECE):
            yield archive[start : start + _PIECE]

    shown = {"Dropbox-API-Result": json.dumps(told, ensure_ascii=True)}
    return StreamingResponse(pieces(), 200, shown, "application/zip")


def _below(above: str, spot: Spot) -> Iterator[tuple[str, Node]]:
    """Walk a folder, into what is mounted in it, too."""
    namespace, folder = spot.inside
    for node in namespace.drive.children(folder):
        name = f"{above}/{node.name}"
        yield name, node
        if node.is_folder:
            yield from _below(name, _spot_of(namespace, folder, node))


def _spot_of(namespace: Namespace, folder: Node, node: Node) -> Spot:
    return Spot(namespace, folder, node.name, node)


def _archive(found: list[tuple[str, Node]], *, skips: bool) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, node in found:
            if node.is_folder:
                archive.writestr(f"{name}/", b"")
            elif skips:
                skips = False
            elif "export" not in node.properties and "blocked" not in node.properties:
                archive.writestr(name, b"".join(blob_of(node).pieces()))
    return buffer.getvalue()


ROUTES = {
    "files/download_zip": Route(
        download_zip, style="download", host="content", scope="files.content.read", admin=False
    ),
}
