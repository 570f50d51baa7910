"""Deleting, the trash, and copies."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.accounts import Person
from simulators.box import errors
from simulators.box.callers import Callers
from simulators.box.items import KINDS, MOST_LISTED, Items, read_json
from simulators.box.organisation import EDITS, READS, Organisation
from simulators.box.views import Views
from simulators.nodes import NameTakenError, Node


class Trash:
    """The routes of what ends entries and doubles them.

    Args:
        organisation: The state.
        callers: Who calls.
        views: How answers are spelled.
        items: What all entries have in common.
    """

    def __init__(self, organisation: Organisation, callers: Callers, views: Views, items: Items) -> None:
        self._organisation = organisation
        self._callers = callers
        self._views = views
        self._items = items

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/2.0/folders/trash/items", self._list_trash, methods=["GET"]),
            *(
                Route(f"/2.0/{word}/{{id}}{rest}", endpoint, methods=[method])
                for word in KINDS
                for method, rest, endpoint in (
                    ("DELETE", "", self._delete),
                    ("POST", "", self._restore),
                    ("POST", "/copy", self._copy),
                    ("GET", "/trash", self._get_trashed),
                    ("DELETE", "/trash", self._purge),
                )
            ),
        ]

    async def _list_trash(self, request: Request) -> Response:
        person = self._callers.who(request)
        found = [node for node in self._organisation.drives[person.id].nodes.values() if node.is_trashed]
        entries = [
            self._views.item(node, person, request.query_params.get("fields"), mini=True) for node in found
        ]
        return JSONResponse(
            {
                "total_count": len(entries),
                "entries": entries,
                "offset": 0,
                "limit": MOST_LISTED,
                "order": [{"by": "type", "direction": "ASC"}],
            }
        )

    async def _delete(self, request: Request) -> Response:
        person = self._callers.who(request)
        drive, node = self._items.found(request, person)
        self._organisation.demand(person, node, EDITS)
        if node.parent is None:
            raise errors.denied()
        self._items.check_unchanged(request, node)
        self._items.check_not_blocked(node)
        self._items.check_not_locked(person, node)
        is_empty = not node.is_folder or not drive.children(node)
        if not is_empty and request.query_params.get("recursive", "").lower() != "true":
            raise errors.bad_request("Cannot delete - folder not empty", "folder_not_empty")
        people = self._organisation.who_sees(node)
        drive.trash(node)
        self._organisation.record("ITEM_TRASH", self._views.item(node, person), people, person)
        return Response(status_code=204)

    async def _restore(self, request: Request) -> Response:
        person = self._callers.who(request)
        drive, node = self._items.found(request, person, in_trash=True)
        assert node.parent is not None
        standing = drive.find(node.parent, node.name)
        if standing is not None:
            raise self._items.conflict(standing, person, many=node.is_folder)
        drive.restore(node)
        self._items.happened("ITEM_UNDELETE_VIA_TRASH", node, person)
        return JSONResponse(self._views.item(node, person), 201)

    async def _get_trashed(self, request: Request) -> Response:
        person = self._callers.who(request)
        _, node = self._items.found(request, person, in_trash=True)
        return JSONResponse(self._views.item(node, person, request.query_params.get("fields")))

    async def _purge(self, request: Request) -> Response:
        person = self._callers.who(request)
        drive, node = self._items.found(request, person, in_trash=True)
        drive.remove(node)
        return Response(status_code=204)

    async def _copy(self, request: Request) -> Response:
        person = self._callers.who(request)
        _, node = self._items.found(request, person)
        self._organisation.demand(person, node, READS)
        asked = await read_json(request)
        folder = self._items.parent(person, asked.get("parent"))
        name = self._items.check_name(asked.get("name") or node.name)
        try:
            made = self._copied(node, folder, name, person)
        except NameTakenError as error:
            raise self._items.conflict(error.standing, person, many=node.is_folder) from error
        self._items.happened("ITEM_COPY", made, person)
        return JSONResponse(self._views.item(made, person, request.query_params.get("fields")), 201)

    def _copied(self, node: Node, folder: Node, name: str, person: Person) -> Node:
        drive = self._organisation.drive_of(folder)
        made = drive.add(
            folder,
            name,
            kind=node.kind,
            blob=node.version.blob if node.versions else None,
            author=person,
            created_ns=node.created_ns,
            modified_ns=node.modified_ns,
        )
        if node.is_folder:
            for child in self._organisation.drive_of(node).children(node):
                self._copied(child, made, child.name, person)
        return made
