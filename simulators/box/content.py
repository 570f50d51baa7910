"""Files' content: the check before an upload, uploads in one go, downloads by way of another host."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from simulators.accounts import Person
from simulators.blobs import Blob, Bytes
from simulators.box import errors
from simulators.box.callers import Callers
from simulators.box.items import Items, read_json
from simulators.box.organisation import EDITS, READS, Organisation
from simulators.box.views import Views, read_time, sha1_of
from simulators.faults import FaultScript
from simulators.nodes import NameTakenError, Node, OverQuotaError, Version

DOWNLOAD_HOST = "dl.boxcloud.com"
UPLOAD_HOST = "upload.box.com"
_LINK_LIVES_S = 900
_SECOND_NS = 1_000_000_000
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


@dataclass(frozen=True)
class _Link:
    version: Version
    name: str
    expires_ns: int


class Contents:
    """The routes of content.

    Args:
        organisation: The state.
        callers: Who calls.
        views: How answers are spelled.
        items: What all entries have in common.
        faults: Switches "just uploaded" (202 at the next downloads), "links expire".
    """

    def __init__(
        self, organisation: Organisation, callers: Callers, views: Views, items: Items, faults: FaultScript
    ) -> None:
        self._organisation = organisation
        self._callers = callers
        self._views = views
        self._items = items
        self._faults = faults
        self._links: dict[str, _Link] = {}

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/2.0/files/content", self._check, methods=["OPTIONS"]),
            Route("/2.0/files/content/", self._check, methods=["OPTIONS"]),
            Route("/2.0/files/{id}/content", self._check_version, methods=["OPTIONS"]),
            Route("/api/2.0/files/content", self._upload, methods=["POST"]),
            Route("/api/2.0/files/{id}/content", self._upload_version, methods=["POST"]),
            Route("/2.0/files/{id}/content", self._download, methods=["GET"]),
            Route("/d/1/{link}/download", self._serve, methods=["GET"]),
        ]

    def create(self, folder: Node, name: str, blob: Blob, person: Person, attributes: dict[str, Any]) -> Node:
        """Make a file. Raises BoxError."""
        created_ns, modified_ns = _times(attributes)
        self._check_size(blob.size)
        try:
            made = self._organisation.drive_of(folder).add(
                folder, name, blob=blob, author=person, created_ns=created_ns, modified_ns=modified_ns
            )
        except NameTakenError as error:
            raise self._items.conflict(error.standing, person, many=False) from error
        except OverQuotaError:
            raise errors.over_quota() from None
        made.properties |= {"created_by": person, "modified_by": person}
        made.version.properties["name"] = name
        self._items.happened("ITEM_UPLOAD", made, person)
        return made

    def replace(self, node: Node, blob: Blob, person: Person, attributes: dict[str, Any]) -> Node:
        """Give a file a new version, and a new name if the attributes hold one. Raises BoxError."""
        _, modified_ns = _times(attributes)
        self._check_size(blob.size)
        self._items.check_not_locked(person, node)
        drive = self._organisation.drive_of(node)
        name = attributes.get("name")
        if isinstance(name, str) and name != node.name and node.parent is not None:
            try:
                drive.move(node, node.parent, self._items.check_name(name))
            except NameTakenError as error:
                raise self._items.conflict(error.standing, person, many=False) from error
        try:
            made = drive.put(
                node,
                blob,
                modified_ns=modified_ns,
                author=person,
                keeps=self._organisation.keeps_versions,
            )
        except OverQuotaError:
            raise errors.over_quota() from None
        made.properties["name"] = node.name
        node.properties["modified_by"] = person
        self._items.happened("ITEM_UPLOAD", node, person)
        return node

    def check_room(self, folder: Node, name: str, size: int, person: Person) -> None:
        """Raise BoxError if a file of that name and size would not be taken."""
        drive = self._organisation.drive_of(folder)
        standing = drive.find(folder, name)
        if standing is not None:
            raise self._items.conflict(standing, person, many=False)
        self._check_size(size)
        if drive.quota is not None and drive.used + size > drive.quota:
            raise errors.over_quota()

    def files(self, node: Node, person: Person, fields: str | None = None) -> dict[str, Any]:
        """One file as uploads answer it."""
        return {"total_count": 1, "entries": [self._views.item(node, person, fields)]}

    def _check_size(self, size: int) -> None:
        if size > self._organisation.max_upload_size:
            raise errors.too_large()

    async def _check(self, request: Request) -> Response:
        person = self._callers.who(request)
        asked = await read_json(request)
        folder = self._items.parent(person, asked.get("parent"))
        self.check_room(
            folder, self._items.check_name(asked.get("name")), int(asked.get("size") or 0), person
        )
        return JSONResponse(
            {"upload_url": f"https://{UPLOAD_HOST}/api/2.0/files/content", "upload_token": None}
        )

    async def _check_version(self, request: Request) -> Response:
        person = self._callers.who(request)
        node = self._organisation.find(person, "file", request.path_params["id"])
        self._organisation.demand(person, node, EDITS)
        asked = await read_json(request)
        self._check_size(int(asked.get("size") or 0))
        return JSONResponse(
            {"upload_url": f"https://{UPLOAD_HOST}/api/2.0/files/{node.id}/content", "upload_token": None}
        )

    async def _upload(self, request: Request) -> Response:
        person = self._callers.who(request, upload=True)
        attributes, blob = await _read_form(request)
        folder = self._items.parent(person, attributes.get("parent"))
        name = self._items.check_name(attributes.get("name"))
        made = self.create(folder, name, blob, person, attributes)
        return JSONResponse(self.files(made, person, request.query_params.get("fields")), 201)

    async def _upload_version(self, request: Request) -> Response:
        person = self._callers.who(request, upload=True)
        attributes, blob = await _read_form(request)
        node = self._organisation.find(person, "file", request.path_params["id"])
        self._organisation.demand(person, node, EDITS)
        self._items.check_not_blocked(node)
        self._items.check_unchanged(request, node)
        made = self.replace(node, blob, person, attributes)
        return JSONResponse(self.files(made, person, request.query_params.get("fields")))

    async def _download(self, request: Request) -> Response:
        person = self._callers.who(request)
        node = self._organisation.find(person, "file", request.path_params["id"])
        self._organisation.demand(person, node, READS)
        lock = node.properties.get("lock")
        if lock is not None and lock["is_download_prevented"] and lock["created_by"]["id"] != person.id:
            raise errors.locked()
        if self._faults.take("malware"):
            message = "Access denied - Blocked by Shield Malware Detection Rule"
            raise errors.BoxError(403, "forbidden_by_policy", message)
        if self._faults.take("just uploaded"):
            return Response(status_code=202, headers={"Retry-After": "2"})
        wanted = request.query_params.get("version")
        version = next((found for found in node.versions if wanted in {None, found.id}), None)
        if wanted is None:
            version = node.version
        if version is None:
            raise errors.not_found()
        link = secrets.token_urlsafe(24)
        lives_s = 0 if self._faults.take("links expire") else _LINK_LIVES_S
        expires_ns = self._organisation.clock.now_ns() + lives_s * _SECOND_NS
        self._links[link] = _Link(version, node.name, expires_ns)
        self._items.happened("ITEM_DOWNLOAD", node, person)
        return Response(status_code=302, headers={"Location": f"https://{DOWNLOAD_HOST}/d/1/{link}/download"})

    async def _serve(self, request: Request) -> Response:
        link = self._links.get(request.path_params["link"])
        if link is None or link.expires_ns <= self._organisation.clock.now_ns():
            return Response(status_code=404)
        size = link.version.blob.size
        headers = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        wanted = request.headers.get("range")
        if wanted is None:
            return _streamed(link.version.blob, 0, size, {**headers, "Content-Length": str(size)}, 200)
        asked = _RANGE.fullmatch(wanted)
        if asked is None or not (asked[1] or asked[2]):
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        start = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
        end = min(size, int(asked[2]) + 1) if asked[1] and asked[2] else size
        if start >= end:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        headers |= {
            "Content-Length": str(end - start),
            "Content-Range": f"bytes {start}-{end - 1}/{size}",
        }
        return _streamed(link.version.blob, start, end - start, headers, 206)


def _streamed(blob: Blob, offset: int, length: int, headers: dict[str, str], status: int) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in blob.pieces(offset, length):
            yield piece

    return StreamingResponse(pieces(), status, headers=headers)


async def _read_form(request: Request) -> tuple[dict[str, Any], Bytes]:
    """Read attributes and content, in this order, and compare the content with its announced SHA-1. Raises BoxError."""
    async with request.form() as form:
        attributes: dict[str, Any] | None = None
        content: bytes | None = None
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
            elif name == "attributes":
                if content is not None:
                    raise errors.bad_request(
                        "Metadata is included after file contents in a file upload request.",
                        "metadata_after_file_contents",
                    )
                try:
                    attributes = json.loads(value)
                except ValueError:
                    raise errors.bad_request() from None
        if not isinstance(attributes, dict) or content is None:
            raise errors.bad_request()
    blob = Bytes(content)
    announced = request.headers.get("content-md5")
    if announced is not None and announced.lower() != sha1_of(Version("", blob, 0, 0)):
        raise errors.bad_request("The specified content-md5 did not match what we received", "bad_digest")
    return attributes, blob


def _times(attributes: dict[str, Any]) -> tuple[int | None, int | None]:
    try:
        created_ns = read_time(attributes.get("content_created_at"))
        modified_ns = read_time(attributes.get("content_modified_at"))
    except ValueError:
        raise errors.bad_request() from None
    return created_ns, modified_ns
