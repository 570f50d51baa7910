"""Organisations and who belongs to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from mover.accounts.actor import Role
from mover.accounts.records import Membership, Organisation
from mover.accounts.tables import api_keys, invitations, memberships, organisations, people, sessions, tickets

_COLUMNS = (
    organisations.c.id,
    organisations.c.name,
    organisations.c.second_factor_required,
    organisations.c.kept_days,
    organisations.c.created_ns,
)


def add(transaction: Connection, organisation: Organisation, *, first: bool = False) -> None:
    """Keep a new organisation; at most one can be the first."""
    transaction.execute(
        insert(organisations),
        {
            "id": organisation.id,
            "name": organisation.name,
            "first": True if first else None,
            "second_factor_required": organisation.second_factor_required,
            "kept_days": organisation.kept_days,
            "created_ns": organisation.created_ns,
            "deleted_ns": None,
        },
    )


def anybody(transaction: Connection) -> bool:
    """Tell whether there is a person or an organisation."""
    someone = transaction.execute(select(people.c.id).limit(1)).first()
    return someone is not None or transaction.execute(select(organisations.c.id).limit(1)).first() is not None


def find(transaction: Connection, organisation_id: str) -> Organisation | None:
    """Find an organisation that was not deleted."""
    query = select(*_COLUMNS).where(
        organisations.c.id == organisation_id, organisations.c.deleted_ns.is_(None)
    )
    row = transaction.execute(query).mappings().one_or_none()
    return None if row is None else Organisation(**row)


def lock(transaction: Connection, organisation_id: str) -> Organisation | None:
    """Find an organisation and keep others from changing who belongs to it until the transaction ends."""
    query = (
        select(*_COLUMNS)
        .where(organisations.c.id == organisation_id, organisations.c.deleted_ns.is_(None))
        .with_for_update()
    )
    row = transaction.execute(query).mappings().one_or_none()
    return None if row is None else Organisation(**row)


def change(transaction: Connection, organisation_id: str, **values: Any) -> None:
    """Change columns of an organisation."""
    transaction.execute(update(organisations).where(organisations.c.id == organisation_id).values(**values))


def mark_deleted(transaction: Connection, organisation_id: str, now_ns: int) -> None:
    """Mark an organisation for removal and end all ways in."""
    change(transaction, organisation_id, deleted_ns=now_ns)
    for table in (sessions, tickets, invitations):
        transaction.execute(delete(table).where(table.c.organisation_id == organisation_id))
    transaction.execute(
        update(api_keys)
        .where(api_keys.c.organisation_id == organisation_id, api_keys.c.revoked_ns.is_(None))
        .values(revoked_ns=now_ns)
    )


def deleted(transaction: Connection) -> list[str]:
    """List the ids of organisations that are marked for removal."""
    return list(
        transaction.scalars(
            select(organisations.c.id).where(organisations.c.deleted_ns.is_not(None)).limit(100)
        )
    )


def kept_days(transaction: Connection) -> list[tuple[str, int]]:
    """List the ids of organisations that were not deleted, each with how long it keeps what has ended."""
    query = (
        select(organisations.c.id, organisations.c.kept_days)
        .where(organisations.c.deleted_ns.is_(None))
        .order_by(organisations.c.id)
    )
    return [(row.id, row.kept_days) for row in transaction.execute(query)]


def add_member(
    transaction: Connection, organisation_id: str, person_id: str, role: Role, now_ns: int
) -> None:
    """Make a person a member."""
    transaction.execute(
        insert(memberships),
        {
            "organisation_id": organisation_id,
            "person_id": person_id,
            "role": role.value,
            "created_ns": now_ns,
        },
    )


def role_of(transaction: Connection, organisation_id: str, person_id: str) -> Role | None:
    """Tell what a person is in an organisation."""
    query = select(memberships.c.role).where(
        memberships.c.organisation_id == organisation_id, memberships.c.person_id == person_id
    )
    role = transaction.execute(query).scalar_one_or_none()
    return None if role is None else Role(role)


def change_role(transaction: Connection, organisation_id: str, person_id: str, role: Role) -> None:
    """Give a member another role."""
    transaction.execute(
        update(memberships)
        .where(memberships.c.organisation_id == organisation_id, memberships.c.person_id == person_id)
        .values(role=role.value)
    )


def remove_member(transaction: Connection, organisation_id: str, person_id: str, now_ns: int) -> None:
    """End a membership, and the API keys that the person made there."""
    transaction.execute(
        delete(memberships).where(
            memberships.c.organisation_id == organisation_id, memberships.c.person_id == person_id
        )
    )
    transaction.execute(
        update(api_keys)
        .where(
            api_keys.c.organisation_id == organisation_id,
            api_keys.c.person_id == person_id,
            api_keys.c.revoked_ns.is_(None),
        )
        .values(revoked_ns=now_ns)
    )


def owners(transaction: Connection, organisation_id: str) -> int:
    """Count the owners."""
    query = (
        select(func.count())
        .select_from(memberships)
        .where(memberships.c.organisation_id == organisation_id, memberships.c.role == Role.OWNER.value)
    )
    return transaction.execute(query).scalar_one()


def of_person(transaction: Connection, person_id: str) -> list[Membership]:
    """List the organisations of a person, by name."""
    query = (
        select(organisations.c.id, organisations.c.name, memberships.c.role)
        .join(memberships, memberships.c.organisation_id == organisations.c.id)
        .where(memberships.c.person_id == person_id, organisations.c.deleted_ns.is_(None))
        .order_by(organisations.c.name, organisations.c.id)
    )
    return [
        Membership(organisation_id=row.id, organisation_name=row.name, role=Role(row.role))
        for row in transaction.execute(query)
    ]


def joined_first(transaction: Connection, person_id: str) -> str | None:
    """Name the organisation that a person has belonged to for longest."""
    query = (
        select(organisations.c.id)
        .join(memberships, memberships.c.organisation_id == organisations.c.id)
        .where(memberships.c.person_id == person_id, organisations.c.deleted_ns.is_(None))
        .order_by(memberships.c.created_ns, organisations.c.id)
        .limit(1)
    )
    return transaction.execute(query).scalar_one_or_none()
