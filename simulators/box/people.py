"""Users and groups."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.accounts import Group
from simulators.box import errors
from simulators.box.callers import Callers
from simulators.box.organisation import Organisation
from simulators.box.views import Views

_MOST_LISTED = 1000


class People:
    """The routes of users and groups.

    Args:
        organisation: The state.
        callers: Who calls.
        views: How answers are spelled.
    """

    def __init__(self, organisation: Organisation, callers: Callers, views: Views) -> None:
        self._organisation = organisation
        self._callers = callers
        self._views = views

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/2.0/users/me", self._me, methods=["GET"]),
            Route("/2.0/users", self._users, methods=["GET"]),
            Route("/2.0/users/{id}", self._user, methods=["GET"]),
            Route("/2.0/groups", self._groups, methods=["GET"]),
        ]

    async def _me(self, request: Request) -> Response:
        person = self._callers.who(request)
        return JSONResponse(self._views.user(person, request.query_params.get("fields")))

    async def _users(self, request: Request) -> Response:
        if not self._callers.who(request).is_admin:
            raise errors.insufficient_scope()
        asked = request.query_params
        term = asked.get("filter_term", "").lower()
        people = [
            person
            for person in self._organisation.accounts.people.values()
            if person is not self._organisation.service_account
            and (person.email.startswith(term) or person.name.lower().startswith(term))
        ]
        people.sort(key=lambda person: person.id)
        limit = max(1, min(int(asked.get("limit", "100")), _MOST_LISTED))
        answer: dict[str, Any] = {"limit": limit}
        if asked.get("usemarker", "").lower() == "true":
            marker = asked.get("marker") or "0"
            start = next((number for number, person in enumerate(people) if person.id >= marker), len(people))
            following = people[start + limit : start + limit + 1]
            answer["next_marker"] = following[0].id if following else None
        else:
            start = int(asked.get("offset", "0"))
            answer |= {"total_count": len(people), "offset": start}
        page = people[start : start + limit]
        answer["entries"] = [self._views.user(person, asked.get("fields")) for person in page]
        return JSONResponse(answer)

    async def _user(self, request: Request) -> Response:
        caller = self._callers.who(request)
        person = self._organisation.accounts.people.get(request.path_params["id"])
        if person is None or (person is not caller and not caller.is_admin):
            raise errors.not_found()
        return JSONResponse(self._views.user(person, request.query_params.get("fields")))

    async def _groups(self, request: Request) -> Response:
        self._callers.who(request)
        asked = request.query_params
        term = asked.get("filter_term", "").lower()
        found = [
            group
            for group in self._organisation.accounts.groups.values()
            if group.name.lower().startswith(term)
        ]
        start = int(asked.get("offset", "0"))
        limit = max(1, min(int(asked.get("limit", "100")), _MOST_LISTED))
        entries = [_group(group) for group in found[start : start + limit]]
        return JSONResponse(
            {
                "total_count": len(found),
                "entries": entries,
                "limit": limit,
                "offset": start,
                "order": [{"by": "name", "direction": "ASC"}],
            }
        )


def _group(group: Group) -> dict[str, str]:
    return {"type": "group", "id": group.id, "name": group.name, "group_type": "managed_group"}
