"""Many files as one zip archive: asked for, then fetched once within seconds from an address that needs no token.

Source: Box Platform API 2024.0, "Create zip download", "Download zip archive", "Get zip download status". Unconfirmed: the
code of an item that is not there or not to be seen (the description has 400 for the one and 403 for the other).
"""

from __future__ import annotations

import io
import secrets
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from simulators.accounts import Person
from simulators.box import errors
from simulators.box.callers import Callers
from simulators.box.content import DOWNLOAD_HOST
from simulators.box.items import Items, read_json
from simulators.box.organisation import READS, Organisation
from simulators.faults import FaultScript
from simulators.nodes import Drive, Node

_MOST = 10_000
_LIVES_NS = 10 * 10**9  # "only valid for a few seconds"
_MOST_AT_ONCE = 5
_PIECE = 64 * 1024


@dataclass
class _Zip:
    person: Person
    files: list[tuple[str, Node]]
    expires_ns: int
    is_begun: bool = False
    told: dict[str, Any] = field(default_factory=dict)


class Zips:
    """The routes of zip archives.

    Args:
        organisation: The state.
        callers: Who calls.
        items: What all entries have in common.
        faults: Switches "zip skips a file", "no zips".
    """

    def __init__(
        self, organisation: Organisation, callers: Callers, items: Items, faults: FaultScript
    ) -> None:
        self._organisation = organisation
        self._callers = callers
        self._items = items
        self._faults = faults
        self._zips: dict[str, _Zip] = {}
        self.at_once: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/2.0/zip_downloads", self._create, methods=["POST"]),
            Route("/2.0/zip_downloads/{id}/content", self._serve, methods=["GET"]),
            Route("/2.0/zip_downloads/{id}/status", self._status, methods=["GET"]),
        ]

    async def _create(self, request: Request) -> Response:
        person = self._callers.who(request)
        asked = await read_json(request)
        items = asked.get("items")
        if self._faults.take("no zips"):
            raise errors.BoxError(403, "access_denied_insufficient_permissions", "Access denied")
        if not isinstance(items, list) or not items:
            raise errors.bad_request()
        found: list[tuple[str, Node]] = []
        for item in items:
            if item.get("type") not in {"file", "folder"} or item.get("id") == "0":
                raise errors.bad_request()
            node = self._organisation.find(person, item["type"], str(item["id"]))
            self._organisation.demand(person, node, READS)
            found.append((node.name, node))
        conflicts = _conflicts(found)
        names = {told["id"]: told["download_name"] for pair in conflicts for told in pair}
        drive_of = self._organisation.drive_of
        files = [
            each for name, node in found for each in _files(names.get(node.id, name), node, drive_of(node))
        ]
        if len(files) > _MOST:
            raise errors.bad_request()
        zip_id = secrets.token_urlsafe(24)
        expires_ns = self._organisation.clock.now_ns() + _LIVES_NS
        self._zips[zip_id] = _Zip(person, files, expires_ns)
        expires = datetime.fromtimestamp(expires_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return JSONResponse(
            {
                "download_url": f"https://{DOWNLOAD_HOST}/2.0/zip_downloads/{zip_id}/content",
                "status_url": f"https://api.box.com/2.0/zip_downloads/{zip_id}/status",
                "expires_at": expires,
                "name_conflicts": conflicts,
            },
            202,
        )

    async def _serve(self, request: Request) -> Response:
        wanted = self._zips.get(request.path_params["id"])
        if wanted is None or wanted.is_begun or wanted.expires_ns <= self._organisation.clock.now_ns():
            raise errors.not_found()
        person = wanted.person.id
        if self.at_once[person] >= _MOST_AT_ONCE:
            code = "user_too_many_concurrent_downloads"
            raise errors.BoxError(429, code, "Too many concurrent downloads")
        wanted.is_begun = True
        archive = self._archive(wanted)

        async def pieces() -> AsyncIterator[bytes]:
            self.at_once[person] += 1
            try:
                for start in range(0, len(archive), _PIECE):
                    yield archive[start : start + _PIECE]
            finally:
                self.at_once[person] -= 1

        headers = {"Content-Disposition": 'attachment;filename="files.zip"'}
        return StreamingResponse(pieces(), 200, headers, "application/octet-stream")

    def _archive(self, wanted: _Zip) -> bytes:
        buffer, skipped = io.BytesIO(), 0
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, node in wanted.files:
                lock = node.properties.get("lock")
                if self._faults.take("zip skips a file") or (
                    lock is not None
                    and lock["is_download_prevented"]
                    and lock["created_by"]["id"] != wanted.person.id
                ):
                    skipped += 1
                    continue
                archive.writestr(name, b"".join(node.version.blob.pieces()))
                self._items.happened("ITEM_DOWNLOAD", node, wanted.person)
        wanted.told = {
            "total_file_count": len(wanted.files),
            "downloaded_file_count": len(wanted.files) - skipped,
            "skipped_file_count": skipped,
            "skipped_folder_count": 0,
            "state": "succeeded",
        }
        return buffer.getvalue()

    async def _status(self, request: Request) -> Response:
        person = self._callers.who(request)
        wanted = self._zips.get(request.path_params["id"])
        if wanted is None or not wanted.is_begun or wanted.person is not person:
            raise errors.not_found()
        return JSONResponse(wanted.told)


def _conflicts(found: list[tuple[str, Node]]) -> list[list[dict[str, str]]]:
    """Rename what has one name: "for every conflict, both files will be renamed"."""
    by_name: dict[str, list[Node]] = {}
    for name, node in found:
        by_name.setdefault(name, []).append(node)
    return [
        [
            {
                "id": node.id,
                "type": "folder" if node.is_folder else "file",
                "original_name": name,
                "download_name": f"{secrets.token_hex(3)}{name[name.rfind('.') :] if '.' in name else ''}",
            }
            for node in nodes
        ]
        for name, nodes in by_name.items()
        if len(nodes) > 1
    ]


def _files(name: str, node: Node, drive: Drive) -> Iterator[tuple[str, Node]]:
    if not node.is_folder:
        yield name, node
        return
    for child in drive.children(node):
        yield from _files(f"{name}/{child.name}", child, drive)
