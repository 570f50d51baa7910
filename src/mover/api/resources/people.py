"""The people of the organisation."""

from __future__ import annotations

from mover.accounts.actor import Permission, Role
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Id, Moment
from mover.api.operations import SESSIONS_ONLY, Resource

resource = Resource(
    "People", "Who belongs to the organisation. Roles are given and taken in the application only."
)


class Member(Answer):
    """Somebody who belongs to the organisation."""

    person_id: str
    email: str
    name: str
    role: Role
    joined_at: Moment
    last_sign_in_at: Moment | None
    has_second_factor: bool


class MemberList(Answer):
    """Everybody who belongs to the organisation."""

    items: list[Member]


class RoleChange(Body):
    """Another role."""

    role: Role


@resource.get("/people", Permission.READ)
async def list_people(call: Calling) -> MemberList:
    """List the people of the organisation by name."""
    return MemberList(items=[Member.of(member) for member in await call.services.people.all(call.actor)])


@resource.get("/people/{person_id}", Permission.READ)
async def get_person(call: Calling, person_id: Id) -> Member:
    """Tell about one of them."""
    return Member.of(await call.services.people.get(call.actor, person_id))


@resource.patch("/people/{person_id}", Permission.ADMINISTER, audiences=SESSIONS_ONLY, problems=(409,))
async def change_role(call: Calling, person_id: Id, change: RoleChange) -> Member:
    """Give somebody another role; their sessions here end."""
    return Member.of(await call.services.people.change_role(call.actor, person_id, change.role))


@resource.delete("/people/{person_id}", Permission.ADMINISTER, audiences=SESSIONS_ONLY, problems=(409,))
async def remove_person(call: Calling, person_id: Id) -> None:
    """Remove somebody from the organisation; their sessions and API keys here end."""
    await call.services.people.remove(call.actor, person_id)
