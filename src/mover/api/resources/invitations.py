"""Invitations. In the application only: a key that could invite would outlive its own revocation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mover.accounts.actor import Permission, Role
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Id, Moment
from mover.api.operations import SESSIONS_ONLY, Resource

resource = Resource("Invitations", "Who was asked to join.")


class Invitation(Answer):
    """An invitation."""

    id: str
    email: str
    role: Role
    invited_by_name: str
    created_at: Moment
    expires_at: Moment


class InvitationList(Answer):
    """All open invitations."""

    items: list[Invitation]


class NewInvitation(Body):
    """Whom to invite as what."""

    email: Annotated[str, Field(min_length=3, max_length=254)]
    role: Role


class MadeInvitation(Answer):
    """A new invitation."""

    invitation: Invitation
    link: str | None = Field(
        description="To be handed over by whoever invites; null if it went out by mail. Shown once."
    )


@resource.get("/invitations", Permission.ADMINISTER, audiences=SESSIONS_ONLY)
async def list_invitations(call: Calling) -> InvitationList:
    """List open invitations, the newest first."""
    found = await call.services.invitations.open(call.actor)
    return InvitationList(items=[Invitation.of(invitation) for invitation in found])


@resource.post(
    "/invitations", Permission.ADMINISTER, audiences=SESSIONS_ONLY, shows_secret=True, problems=(409, 424)
)
async def invite(call: Calling, new: NewInvitation) -> MadeInvitation:
    """Invite somebody; an open invitation of the same address is replaced."""
    made = await call.services.invitations.invite(call.actor, new.email, new.role)
    return MadeInvitation(
        invitation=Invitation.of(made.invitation), link=made.link.reveal() if made.link else None
    )


@resource.delete("/invitations/{invitation_id}", Permission.ADMINISTER, audiences=SESSIONS_ONLY)
async def revoke_invitation(call: Calling, invitation_id: Id) -> None:
    """Take an open invitation back."""
    await call.services.invitations.revoke(call.actor, invitation_id)
