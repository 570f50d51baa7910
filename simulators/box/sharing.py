"""Collaborations."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.accounts import Group, Person
from simulators.box import errors
from simulators.box.callers import Callers
from simulators.box.items import Items, read_json
from simulators.box.organisation import EDITS, ROLES, Collaboration, Organisation
from simulators.box.views import Views

_KINDS = {"files": "file", "folders": "folder"}
_MOST_LISTED = 1000


class Sharing:
    """The routes of collaborations.

    Args:
        organisation: The state.
        callers: Who calls.
        views: How answers are spelled.
        items: What all entries have in common.

    Attributes:
        notified: Addresses that got mail, since a call did not say `notify=false`.
    """

    def __init__(self, organisation: Organisation, callers: Callers, views: Views, items: Items) -> None:
        self._organisation = organisation
        self._callers = callers
        self._views = views
        self._items = items
        self.notified: list[str] = []

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/2.0/collaborations", self._create, methods=["POST"]),
            Route("/2.0/collaborations/{id}", self._get, methods=["GET"]),
            Route("/2.0/collaborations/{id}", self._change, methods=["PUT"]),
            Route("/2.0/collaborations/{id}", self._delete, methods=["DELETE"]),
            *(Route(f"/2.0/{word}/{{id}}/collaborations", self._list, methods=["GET"]) for word in _KINDS),
        ]

    async def _list(self, request: Request) -> Response:
        person = self._callers.who(request)
        kind = _KINDS[request.url.path.split("/")[2]]
        node = self._organisation.find(person, kind, request.path_params["id"])
        if node.parent is None:
            return JSONResponse({"limit": _MOST_LISTED, "next_marker": None, "entries": []})
        found = self._organisation.of(node)
        start = int(request.query_params.get("marker", "0"))
        limit = min(int(request.query_params.get("limit", str(_MOST_LISTED))), _MOST_LISTED)
        following = str(start + limit) if start + limit < len(found) else None
        entries = [self._views.collaboration(line, person) for line in found[start : start + limit]]
        return JSONResponse({"limit": limit, "next_marker": following, "entries": entries})

    async def _create(self, request: Request) -> Response:
        person = self._callers.who(request)
        asked = await read_json(request)
        item, grantee, role = asked.get("item"), asked.get("accessible_by"), asked.get("role")
        if not isinstance(item, dict) or not isinstance(grantee, dict) or role not in ROLES[:-1]:
            raise errors.bad_request()
        if item.get("id") == "0":
            raise errors.bad_request(
                "Root folder cannot be collaborated", "collaborations_not_available_on_root_folder"
            )
        node = self._organisation.find(person, str(item.get("type")), str(item.get("id")))
        self._organisation.demand(person, node, EDITS)
        found = self._grantee(grantee)
        taken = self._organisation.drive_of(node).owner is found or any(
            line.node is node and (line.grantee is found if found else line.invite_email == grantee["login"])
            for line in self._organisation.applying(node)
        )
        if taken:
            raise errors.bad_request("User is already a collaborator", "user_already_collaborator")
        made = self._organisation.collaborate(
            node, str(grantee["login"]).lower() if found is None else found, str(role), by=person
        )
        if request.query_params.get("notify", "").lower() != "false":
            self.notified.append(str(grantee.get("login") or grantee.get("id")))
        kind = "COLLAB_INVITE_COLLABORATOR" if made.status == "pending" else "COLLAB_ADD_COLLABORATOR"
        self._items.happened(kind, node, person)
        return JSONResponse(self._views.collaboration(made, person), 201)

    def _grantee(self, asked: dict[str, object]) -> Person | Group | None:
        accounts = self._organisation.accounts
        if asked.get("type") == "group":
            group = accounts.groups.get(str(asked.get("id")))
            if group is None:
                raise errors.not_found()
            return group
        if asked.get("type") != "user":
            raise errors.bad_request()
        if "id" in asked:
            person = accounts.people.get(str(asked["id"]))
            if person is None:
                raise errors.not_found()
            return person
        if not isinstance(asked.get("login"), str):
            raise errors.bad_request()
        return accounts.person_of(str(asked["login"]))

    def _found(self, request: Request, person: Person) -> Collaboration:
        found = self._organisation.collaborations.get(request.path_params["id"])
        if found is None or self._organisation.role(person, found.node) is None:
            raise errors.not_found()
        return found

    async def _get(self, request: Request) -> Response:
        person = self._callers.who(request)
        return JSONResponse(self._views.collaboration(self._found(request, person), person))

    async def _change(self, request: Request) -> Response:
        person = self._callers.who(request)
        found = self._found(request, person)
        asked = await read_json(request)
        self._organisation.demand(person, found.node, EDITS)
        if "role" in asked:
            if asked["role"] not in ROLES[:-1]:
                raise errors.bad_request()
            found.role = asked["role"]
        self._items.happened("COLLAB_ROLE_CHANGE", found.node, person)
        return JSONResponse(self._views.collaboration(found, person))

    async def _delete(self, request: Request) -> Response:
        person = self._callers.who(request)
        found = self._found(request, person)
        if found.grantee is not person:
            self._organisation.demand(person, found.node, EDITS)
        people = self._organisation.who_sees(found.node)
        del self._organisation.collaborations[found.id]
        source = self._views.item(found.node, person)
        self._organisation.record("COLLAB_REMOVE_COLLABORATOR", source, people, person)
        return Response(status_code=204)
