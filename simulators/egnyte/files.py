"""Folders and files: describe, list, create, move, copy, delete (/pubapi/v1/fs)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.accounts import Person
from simulators.egnyte.answers import (
    check_name,
    check_path,
    entry_of,
    refused,
    refused_input,
    user_name,
    version_of,
)
from simulators.egnyte.directory import EDITOR, FULL, NONE, OWNER, VIEWER, Directory
from simulators.nodes import FOLDER, Drive, Grant, InsideItselfError, NameTakenError, Node

_RANK = {NONE: 0, VIEWER: 1, EDITOR: 2, FULL: 3, OWNER: 4}
_TOP = ("/Shared", "/Private")


class Files:
    """Answers for the tree of a domain."""

    def __init__(self, drive: Drive, directory: Directory) -> None:
        self._drive = drive
        self._directory = directory

    def find(self, request: Request, person: Person, *, least: str = VIEWER) -> Node:
        """Find what the address names, by path or by id. Raises RefusedError."""
        kind, node_id = request.path_params.get("kind"), request.path_params.get("node_id")
        if node_id is not None:
            node = self._drive.nodes.get(node_id)
            if node is not None and (node.is_trashed or node.is_folder != (kind == "folder")):
                node = None
        else:
            node = self._drive.at(path_of(request))
        if node is None or self.permission(node, person) == NONE:
            raise refused(404, "Item does not exist")
        self.need(node, person, least)
        return node

    def permission(self, node: Node, person: Person) -> str:
        """What a person may do: on the root and the two top folders, look."""
        folder = node if node.is_folder or node.parent is None else node.parent
        if folder.path in {"/", *_TOP}:
            return OWNER if person.is_admin and folder.path == "/Shared" else VIEWER
        return self._directory.effective(folder, person)

    def need(self, node: Node, person: Person, least: str) -> None:
        """Raise RefusedError if a person may not do something there."""
        if _RANK[self.permission(node, person)] < _RANK[least]:
            raise refused(403, "You do not have permission to perform this action")

    def parent_for(self, path: str, person: Person) -> tuple[Node, str]:
        """The folder in which a path's last name may be put. Raises RefusedError."""
        above, _, name = path.rstrip("/").rpartition("/")
        check_path(path)
        check_name(name)
        parent = self._drive.at(above)
        if parent is None or not parent.is_folder or self.permission(parent, person) == NONE:
            raise refused(404, "Parent folder does not exist")
        if parent.parent is None:
            raise refused(403, "Cannot create folders or files at the root")
        self.need(parent, person, EDITOR)
        return parent, name

    async def describe(self, request: Request, person: Person) -> Response:
        """GET: one entry; of a folder also a page of what stands in it."""
        node = self.find(request, person)
        query = request.query_params
        if not node.is_folder:
            request.scope["operation"] = "describe"
            shown = entry_of(node, self.permission(node, person))
            if query.get("list_content", "true") == "true":
                shown["versions"] = [version_of(version) for version in reversed(node.versions[:-1])]
            return JSONResponse(shown)
        shown = entry_of(node, self.permission(node, person))
        lists = query.get("list_content", "true") == "true"
        request.scope["operation"] = "list" if lists else "describe"
        if lists:
            shown |= self._page(node, person, query.get("offset"), query.get("count"))
        return JSONResponse(shown)

    def _page(self, folder: Node, person: Person, offset: str | None, count: str | None) -> dict[str, Any]:
        try:
            first, most = int(offset or 0), int(count or 1_000_000)
        except ValueError:
            raise refused_input(400, "INVALID_PARAMETER", "offset and count have to be numbers") from None
        if first < 0 or most < 1:
            raise refused_input(400, "INVALID_PARAMETER", "offset and count have to be positive")
        children = [
            node
            for node in self._drive.children(folder, listed=True)
            if self.permission(node, person) != NONE
        ]
        children.sort(key=lambda node: (not node.is_folder, node.name.lower()))
        page = children[first : first + most]
        shown: dict[str, Any] = {"total_count": len(children), "offset": first, "count": len(page)}
        for name, nodes in (
            ("folders", [node for node in page if node.is_folder]),
            ("files", [node for node in page if not node.is_folder]),
        ):
            if nodes:
                shown[name] = [entry_of(node, self.permission(node, person)) for node in nodes]
        return shown

    async def act(self, request: Request, person: Person) -> Response:
        """POST: add_folder, move, copy."""
        try:
            asked = json.loads(await request.body())
        except ValueError:
            raise refused_input(400, "INVALID_JSON", "The request is not JSON") from None
        match asked.get("action"):
            case "add_folder":
                request.scope["operation"] = "add_folder"
                return self._add_folder(path_of(request), person)
            case "move" | "copy" as action:
                request.scope["operation"] = action
                return self._move(request, person, action, str(asked.get("destination", "")))
            case _:
                raise refused_input(400, "INVALID_ACTION", "Unknown action")

    def _add_folder(self, path: str, person: Person) -> Response:
        parent, name = self.parent_for(path, person)
        standing = self._drive.find(parent, name)
        if standing is not None:
            what = "Folder" if standing.is_folder else "File"
            raise refused(403, f"{what} already exists at this location")
        made = self._drive.add(parent, name, kind=FOLDER, owner=person)
        name = user_name(person)
        made.grants.append(Grant(f"{made.id}-user-{name}", "user", name, OWNER))
        return JSONResponse({"path": made.path, "folder_id": made.id}, status_code=201)

    def _move(self, request: Request, person: Person, action: str, destination: str) -> Response:
        node = self.find(request, person, least=FULL if action == "move" else VIEWER)
        if node.parent is None or node.parent.parent is None:
            raise refused(403, "This folder cannot be moved")
        parent, name = self.parent_for(destination, person)
        try:
            if action == "move":
                self._drive.move(node, parent, name)
            else:
                self._copy(node, parent, name, person)
        except NameTakenError:
            raise refused(409, "An item of this name exists at the destination") from None
        except InsideItselfError:
            raise refused(400, "A folder cannot be moved into itself") from None
        return JSONResponse({"path": destination, "group_id" if not node.is_folder else "folder_id": node.id})

    def _copy(self, node: Node, parent: Node, name: str, person: Person) -> None:
        blob = node.version.blob if node.versions else None
        made = self._drive.add(
            parent, name, kind=node.kind, blob=blob, owner=person, modified_ns=node.modified_ns
        )
        if node.is_folder:
            for inner in self._drive.children(node):
                self._copy(inner, made, inner.name, person)

    async def delete(self, request: Request, person: Person) -> Response:
        """DELETE: into the trash."""
        request.scope["operation"] = "delete"
        node = self.find(request, person, least=FULL)
        if node.parent is None or node.parent.parent is None:
            raise refused(403, "This folder cannot be deleted")
        self._drive.trash(node)
        return JSONResponse({})


def path_of(request: Request) -> str:
    """The path in an address: each segment was encoded by itself."""
    raw = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    prefix = request.scope["path_prefix"]
    segments = raw[len(prefix) :].split("/")
    return "/" + "/".join(unquote(segment) for segment in segments if segment)
