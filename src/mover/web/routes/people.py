"""People of the organisation, their roles, and invitations."""

from __future__ import annotations

from starlette.responses import Response

from mover.accounts.actor import Permission, Role
from mover.accounts.records import Member
from mover.accounts.refusals import TooManyAttempts
from mover.errors import Conflict, InvalidConfiguration, MoverError, PermissionDenied
from mover.web import words
from mover.web.forms import Form, sentence
from mover.web.routes.sign_in import throttled
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "people"


async def people(visit: Visit) -> Response:
    """List members and open invitations."""
    return await _list(visit, Form({"role": Role.OPERATOR.value}))


async def _list(visit: Visit, form: Form, *, link: str = "", invited: str = "") -> Response:
    services = visit.house.services
    administers = visit.may(Permission.ADMINISTER)
    show = visit.again if form.faults else visit.page
    return show(
        "people.html",
        place=_PLACE,
        members=await services.people.all(visit.actor),
        invitations=await services.invitations.open(visit.actor) if administers else [],
        roles=words.role_choices(visit.actor.permissions),
        form=form,
        me=visit.session.person.id,
        can_change=lambda member: administers and member.role.granting in visit.actor.permissions,
        link=link,
        invited=invited,
    )


async def invite(visit: Visit) -> Response:
    """Invite somebody by mail; without mail, show the link that is to be handed over."""
    form = visit.filled_in("email", "role")
    if form.values["role"] not in set(Role):
        form.faults["role"] = "Choose a role."
    if not form.require(email="Type a mail address."):
        return await _list(visit, form)
    try:
        invited = await visit.house.services.invitations.invite(
            visit.actor, form.values["email"].strip(), Role(form.values["role"])
        )
    except (InvalidConfiguration, Conflict, PermissionDenied) as error:
        form.faults["email"] = sentence(error)
        return await _list(visit, form)
    except TooManyAttempts as error:
        form.faults["email"] = throttled(error)
        return await _list(visit, form)
    except MoverError as error:
        form.faults[""] = f"The invitation stands, but no mail could be sent: {sentence(error)}"
        return await _list(visit, form)
    if invited.link is not None:
        return await _list(
            visit,
            Form({"role": form.values["role"]}),
            link=invited.link.reveal(),
            invited=invited.invitation.email,
        )
    return visit.go("/people", f"An invitation is on its way to {invited.invitation.email}.")


async def revoke_invitation(visit: Visit) -> Response:
    """Take an invitation back."""
    await visit.house.services.invitations.revoke(visit.actor, visit.parameter("invitation_id"))
    return visit.go("/people", "The invitation is taken back.")


async def change_role(visit: Visit) -> Response:
    """Give a member another role."""
    role = visit.text("role")
    if role not in set(Role):
        return visit.go("/people", "Choose a role.", tone="bad")
    try:
        member = await visit.house.services.people.change_role(
            visit.actor, visit.parameter("person_id"), Role(role)
        )
    except Conflict as error:
        return visit.go("/people", f"{sentence(error)} {error.advice}", tone="bad")
    return visit.go("/people", f"{member.name} is {words.role_word(member.role).lower()} now.")


async def _member(visit: Visit) -> Member:
    return await visit.house.services.people.get(visit.actor, visit.parameter("person_id"))


async def ask_to_remove(visit: Visit) -> Response:
    """Say what removing somebody means, and ask."""
    return visit.page(
        "person_remove.html", place=_PLACE, member=await _member(visit), me=visit.session.person.id
    )


async def remove(visit: Visit) -> Response:
    """Remove a member."""
    member = await _member(visit)
    try:
        await visit.house.services.people.remove(visit.actor, member.person_id)
    except Conflict as error:
        return visit.go("/people", f"{sentence(error)} {error.advice}", tone="bad")
    if member.person_id == visit.session.person.id:
        return visit.go("/", "You have left the organisation.")
    return visit.go("/people", f"{member.name} does not belong to the organisation any more.")


WAYS = (
    Way("GET", "/people", Permission.READ, people),
    Way("POST", "/people", Permission.ADMINISTER, invite),
    Way("POST", "/people/invitations/{invitation_id}/revoke", Permission.ADMINISTER, revoke_invitation),
    Way("POST", "/people/{person_id}/role", Permission.ADMINISTER, change_role),
    # One may always remove oneself; the service knows who may remove whom.
    Way("GET", "/people/{person_id}/remove", Permission.READ, ask_to_remove),
    Way("POST", "/people/{person_id}/remove", Permission.READ, remove),
)
