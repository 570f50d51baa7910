"""Invitations."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from mover.accounts.actor import Role
from mover.accounts.records import Invitation
from mover.accounts.tables import invitations, organisations


def add(transaction: Connection, invitation: Invitation, token_hash: str, invited_by: str | None) -> None:
    """Keep an invitation."""
    values = msgspec.structs.asdict(invitation) | {
        "token_hash": token_hash,
        "invited_by": invited_by,
        "role": invitation.role.value,
    }
    del values["organisation_name"]
    transaction.execute(insert(invitations), values)


def open_ones(transaction: Connection, organisation_id: str, now_ns: int) -> list[Invitation]:
    """List an organisation's invitations that can still be accepted, the newest first."""
    query = (
        _open(now_ns)
        .where(invitations.c.organisation_id == organisation_id)
        .order_by(invitations.c.created_ns.desc(), invitations.c.id)
    )
    return [_invitation(row) for row in transaction.execute(query)]


def by_token(transaction: Connection, token_hash: str, now_ns: int) -> Invitation | None:
    """Find an invitation that can still be accepted."""
    row = transaction.execute(_open(now_ns).where(invitations.c.token_hash == token_hash)).one_or_none()
    return None if row is None else _invitation(row)


def accept(transaction: Connection, invitation_id: str, now_ns: int) -> bool:
    """Use an invitation up; false if it was used or revoked meanwhile."""
    accepted = transaction.execute(
        update(invitations)
        .where(
            invitations.c.id == invitation_id,
            invitations.c.accepted_ns.is_(None),
            invitations.c.revoked_ns.is_(None),
        )
        .values(accepted_ns=now_ns)
    )
    return accepted.rowcount == 1


def revoke(transaction: Connection, organisation_id: str, invitation_id: str, now_ns: int) -> bool:
    """Take an open invitation back; false if there is none of that id."""
    revoked = transaction.execute(
        update(invitations)
        .where(
            invitations.c.id == invitation_id,
            invitations.c.organisation_id == organisation_id,
            invitations.c.accepted_ns.is_(None),
            invitations.c.revoked_ns.is_(None),
        )
        .values(revoked_ns=now_ns)
    )
    return revoked.rowcount == 1


def revoke_of_address(transaction: Connection, organisation_id: str, email: str, now_ns: int) -> None:
    """Take the open invitations of an address back."""
    transaction.execute(
        update(invitations)
        .where(
            invitations.c.organisation_id == organisation_id,
            invitations.c.email == email,
            invitations.c.accepted_ns.is_(None),
            invitations.c.revoked_ns.is_(None),
        )
        .values(revoked_ns=now_ns)
    )


def revoke_of_inviter(
    transaction: Connection, organisation_id: str, person_id: str, now_ns: int, *, but: Collection[Role] = ()
) -> None:
    """Take back what a person has invited others to, except for these roles."""
    transaction.execute(
        update(invitations)
        .where(
            invitations.c.organisation_id == organisation_id,
            invitations.c.invited_by == person_id,
            invitations.c.role.not_in([role.value for role in but]),
            invitations.c.accepted_ns.is_(None),
            invitations.c.revoked_ns.is_(None),
        )
        .values(revoked_ns=now_ns)
    )


def forget(transaction: Connection, person_id: str, email: str, instead: str) -> None:
    """Forget invitations to an address; those that a person made say somebody else's name."""
    transaction.execute(delete(invitations).where(invitations.c.email == email))
    transaction.execute(
        update(invitations).where(invitations.c.invited_by == person_id).values(invited_by_name=instead)
    )


def _open(now_ns: int) -> Select[Any]:
    return (
        select(invitations, organisations.c.name.label("organisation_name"))
        .join(organisations, organisations.c.id == invitations.c.organisation_id)
        .where(
            organisations.c.deleted_ns.is_(None),
            invitations.c.accepted_ns.is_(None),
            invitations.c.revoked_ns.is_(None),
            invitations.c.expires_ns > now_ns,
        )
    )


def _invitation(row: Row[Any]) -> Invitation:
    values = {name: getattr(row, name) for name in Invitation.__struct_fields__}
    return Invitation(**values | {"role": Role(row.role)})
