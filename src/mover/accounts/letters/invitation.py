"""Somebody is invited to an organisation."""

from __future__ import annotations

from mover.accounts.records import Invitation
from mover.mail.message import Message


def invitation_letter(invitation: Invitation, link: str) -> Message:
    """Write it."""
    return Message(
        to=invitation.email,
        subject=f"{invitation.invited_by_name} invites you to {invitation.organisation_name} on Mover",
        paragraphs=(
            f"{invitation.invited_by_name} invites you to work in the organisation {invitation.organisation_name} on Mover, as {invitation.role.value}. Mover moves files between cloud storage services.",
            "To accept, open this page within seven days:",
        ),
        link=link,
        link_label="Accept the invitation",
        after=(
            "If you do not know what this is about, do nothing: without you opening the page nothing happens.",
        ),
    )
