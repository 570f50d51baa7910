"""People."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, delete, exists, insert, or_, select, update

from mover.accounts.actor import Role
from mover.accounts.records import Member, Person
from mover.accounts.tables import memberships, passkeys, people, totp

PERSON = tuple(people.c[name] for name in Person.__struct_fields__)
"""What a `Person` is made of. Not the password's hash, which only those need who compare it, and not every process may read."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """A person and what their password is compared with; never leaves the accounts."""

    person: Person
    password_hash: str | None


def person_of(row: Row[Any]) -> Person:
    """Make a person of a row that has the columns `PERSON`."""
    return Person(
        id=row.id,
        email=row.email,
        name=row.name,
        email_verified_ns=row.email_verified_ns,
        created_ns=row.created_ns,
        last_sign_in_ns=row.last_sign_in_ns,
    )


def add(transaction: Connection, person: Person, password_hash: str | None) -> None:
    """Keep a new person."""
    transaction.execute(insert(people), msgspec.structs.asdict(person) | {"password_hash": password_hash})


def find(transaction: Connection, person_id: str) -> Person | None:
    """Find a person."""
    row = transaction.execute(select(*PERSON).where(people.c.id == person_id)).one_or_none()
    return None if row is None else person_of(row)


def has_password(transaction: Connection, person_id: str) -> bool:
    """Tell whether a person can sign in with a password."""
    query = select(people.c.id).where(people.c.id == person_id, people.c.password_hash.is_not(None))
    return transaction.execute(query).first() is not None


def everybody(transaction: Connection) -> list[Person]:
    """List all people by address."""
    return [person_of(row) for row in transaction.execute(select(*PERSON).order_by(people.c.email))]


def by_email(transaction: Connection, email: str) -> Credentials | None:
    """Find a person by address, lower case."""
    row = transaction.execute(select(people).where(people.c.email == email)).one_or_none()
    return None if row is None else Credentials(person=person_of(row), password_hash=row.password_hash)


def credentials(transaction: Connection, person_id: str) -> Credentials | None:
    """Find a person with what their password is compared with."""
    row = transaction.execute(select(people).where(people.c.id == person_id)).one_or_none()
    return None if row is None else Credentials(person=person_of(row), password_hash=row.password_hash)


def change(transaction: Connection, person_id: str, **values: Any) -> None:
    """Change columns of a person."""
    transaction.execute(update(people).where(people.c.id == person_id).values(**values))


def change_password_if(transaction: Connection, person_id: str, before: str | None, after: str) -> bool:
    """Change a password's hash unless it was changed meanwhile."""
    same = people.c.password_hash.is_(None) if before is None else people.c.password_hash == before
    changed = transaction.execute(
        update(people).where(people.c.id == person_id, same).values(password_hash=after)
    )
    return changed.rowcount == 1


def members(transaction: Connection, organisation_id: str) -> list[Member]:
    """List the members of an organisation by name."""
    query = _members(organisation_id).order_by(people.c.name, people.c.email)
    return [_member(row) for row in transaction.execute(query)]


def member(transaction: Connection, organisation_id: str, person_id: str) -> Member | None:
    """Find a member of an organisation."""
    row = transaction.execute(_members(organisation_id).where(people.c.id == person_id)).one_or_none()
    return None if row is None else _member(row)


def remove(transaction: Connection, person_id: str) -> None:
    """Forget a person with all that is theirs alone."""
    transaction.execute(delete(people).where(people.c.id == person_id))


def _members(organisation_id: str) -> Select[Any]:
    has_totp = exists().where(totp.c.person_id == people.c.id, totp.c.confirmed_ns.is_not(None))
    has_passkey = exists().where(passkeys.c.person_id == people.c.id)
    return (
        select(people, memberships.c.role, memberships.c.created_ns.label("joined_ns"))
        .add_columns(or_(has_totp, has_passkey).label("has_second_factor"))
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(memberships.c.organisation_id == organisation_id)
    )


def _member(row: Row[Any]) -> Member:
    return Member(
        person_id=row.id,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        joined_ns=row.joined_ns,
        last_sign_in_ns=row.last_sign_in_ns,
        has_second_factor=bool(row.has_second_factor),
    )
