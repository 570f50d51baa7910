"""The Admin SDK's directory: the users of the domain ("REST Resource: users", directory_v1)."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulators.accounts import Person
from simulators.google.calls import Call, told
from simulators.google.errors import Refusal
from simulators.google.fields import parsed


async def list_(call: Call) -> Response:
    """GET users."""
    _check(call)
    if not (call.asked("customer") or call.asked("domain")):
        raise Refusal(400, "badRequest", "Bad Request")
    found = sorted(
        (person for person in call.state.accounts.people.values() if person.domain == call.me.domain),
        key=lambda person: person.email,
    )
    size = call.number("maxResults", 100, 500)
    start = int(call.asked("pageToken") or 0)
    answer: dict[str, Any] = {
        "kind": "admin#directory#users",
        "users": [_described(person) for person in found[start : start + size]],
    }
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return told(answer, parsed(call.asked("fields")) if call.asked("fields") else {})


async def get(call: Call) -> Response:
    """GET users/{userKey}: an address or an id."""
    _check(call)
    key = call.request.path_params["user_key"]
    accounts = call.state.accounts
    person = accounts.people.get(key) or accounts.person_of(key)
    if person is None:
        raise Refusal(404, "notFound", "Resource Not Found: userKey")
    return told(_described(person), parsed(call.asked("fields")) if call.asked("fields") else {})


def _check(call: Call) -> None:
    if not call.me.is_admin:
        raise Refusal(403, "forbidden", "Not Authorized to access this resource/api")


def _described(person: Person) -> dict[str, Any]:
    return {
        "kind": "admin#directory#user",
        "id": person.id,
        "primaryEmail": person.email,
        "name": {"fullName": person.name},
        "isAdmin": person.is_admin,
        "suspended": not person.is_active,
        "archived": False,
        "isMailboxSetup": person.provisioned,
        "customerId": "C01simulat",
    }
