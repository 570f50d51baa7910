"""The session itself, and the person's other ones. Signing in is a page's matter: it needs the browser."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mover.accounts.actor import Permission, Role
from mover.accounts.records import Method, Requirement, SecondFactor
from mover.api.calls import Calling
from mover.api.cookies import clear_session
from mover.api.models import Answer, Id, Moment, Words, moment
from mover.api.operations import SESSIONS_ONLY, Open, Resource

resource = Resource("Session", "Who is signed in, and where else.")


class Membership(Answer):
    """An organisation of the person."""

    organisation_id: str
    organisation_name: str
    role: Role


class CurrentSession(Answer):
    """Who is signed in, and what they may do."""

    person_id: str
    email: str
    name: str
    organisation_id: str | None
    permissions: Annotated[list[Permission], Words]
    requirement: Requirement | None = Field(description="What has to be met before anything may be done.")
    csrf_token: str = Field(description="To be sent as X-CSRF-Token with everything that changes something.")
    expires_at: Moment
    memberships: list[Membership]


class Session(Answer):
    """A sign-in."""

    id: str
    method: Method
    second_factor: SecondFactor | None
    address: str
    device: str
    current: bool
    signed_in_at: Moment
    last_seen_at: Moment
    expires_at: Moment


class SessionList(Answer):
    """All sign-ins of the person."""

    items: list[Session]


@resource.get("/session", Open.SIGNED_IN, audiences=SESSIONS_ONLY)
async def get_session(call: Calling) -> CurrentSession:
    """Tell who is signed in."""
    signed_in = call.signed_in
    memberships = await call.services.people.memberships(signed_in)
    return CurrentSession(
        person_id=signed_in.person.id,
        email=signed_in.person.email,
        name=signed_in.person.name,
        organisation_id=signed_in.session.organisation_id,
        permissions=list(signed_in.actor.permissions),
        requirement=signed_in.requirement,
        csrf_token=signed_in.csrf_token.reveal(),
        expires_at=moment(signed_in.session.expires_ns),
        memberships=[Membership.of(membership) for membership in memberships],
    )


@resource.delete("/session", Open.SIGNED_IN, audiences=SESSIONS_ONLY)
async def sign_out(call: Calling) -> None:
    """Sign out."""
    await call.services.sessions.end(call.signed_in)
    clear_session(call.response)


@resource.get("/sessions", Open.SIGNED_IN, audiences=SESSIONS_ONLY)
async def list_sessions(call: Calling) -> SessionList:
    """List where the person is signed in."""
    here = call.signed_in.session.id
    sessions = await call.services.sessions.all(call.signed_in)
    return SessionList(items=[Session.of(session, current=session.id == here) for session in sessions])


@resource.delete("/sessions/{session_id}", Open.SIGNED_IN, audiences=SESSIONS_ONLY)
async def revoke_session(call: Calling, session_id: Id) -> None:
    """End one of the person's sessions."""
    await call.services.sessions.revoke(call.signed_in, session_id)
