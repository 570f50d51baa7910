"""What the vault asks of the database; ciphertexts only."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from mover.database.upsert import upsert
from mover.vault.tables import SINGLE, current_global_key, person_keys, refresh_leases, secrets


class PersonKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person's key as it is stored, wrapped by the global key that `global_key_id` names."""

    person: str
    key_id: str
    global_key_id: str
    format: int
    wrapped: bytes
    created_ns: int


class SecretRow(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as it is stored, sealed by the person's key that `key_id` names."""

    person: str
    owner: str
    field: str
    key_id: str
    format: int
    sealed: bytes


class LeaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """The sole right to refresh the secrets of an owner, until a time by this machine's clock."""

    person: str
    owner: str
    lease_id: str
    until_ns: int


def person_key(connection: Connection, person: str) -> PersonKeyRow | None:
    """Find a person's key."""
    query = select(person_keys).where(person_keys.c.person == person)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else PersonKeyRow(**row)


def keys_under_others(
    connection: Connection, global_key_id: str, *, after: str, most: int
) -> list[PersonKeyRow]:
    """List persons' keys that another global key wraps, in order of the persons, from behind one of them."""
    query = (
        select(person_keys)
        .where(person_keys.c.global_key_id != global_key_id, person_keys.c.person > after)
        .order_by(person_keys.c.person)
        .limit(most)
    )
    return [PersonKeyRow(**row) for row in connection.execute(query).mappings()]


def persons_after(connection: Connection, after: str, *, most: int) -> list[str]:
    """List persons who have a key, in order, from behind one of them."""
    query = select(person_keys.c.person).where(person_keys.c.person > after)
    return list(connection.scalars(query.order_by(person_keys.c.person).limit(most)))


def any_key_under(connection: Connection, global_key_id: str) -> PersonKeyRow | None:
    """Find a person's key that this global key wraps."""
    query = select(person_keys).where(person_keys.c.global_key_id == global_key_id).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else PersonKeyRow(**row)


def counted_by_global_key(connection: Connection) -> dict[str, int]:
    """Count persons' keys by the global key that wraps them."""
    query = select(person_keys.c.global_key_id, func.count()).group_by(person_keys.c.global_key_id)
    return dict(connection.execute(query).all())


def current_key_id(connection: Connection) -> str | None:
    """Name the global key that wraps new keys; None as long as nothing is stored."""
    if connection.execute(select(person_keys.c.person).limit(1)).first() is None:
        return None
    return connection.scalar(select(current_global_key.c.key_id))


def make_current(connection: Connection, key_id: str, since_ns: int) -> None:
    """Let this global key wrap new keys from now on."""
    connection.execute(
        upsert(connection, current_global_key, ["single"]),
        {"single": SINGLE, "key_id": key_id, "since_ns": since_ns},
    )


def add_person_key(connection: Connection, row: PersonKeyRow) -> None:
    """Store the key of a person who has none."""
    connection.execute(insert(person_keys), msgspec.structs.asdict(row))


def change_person_keys(connection: Connection, changes: Iterable[tuple[PersonKeyRow, PersonKeyRow]]) -> None:
    """Put another key, or another wrapping of the same one, in the place of each; those that changed meanwhile stay."""
    # No two wrappings are alike, be they of the same key: each has its own nonce.
    values = [
        {
            **msgspec.structs.asdict(after),
            "same_person": before.person,
            "same_wrapped": before.wrapped,
        }
        for before, after in changes
    ]
    if values:
        connection.execute(
            update(person_keys).where(
                person_keys.c.person == bindparam("same_person"),
                person_keys.c.wrapped == bindparam("same_wrapped"),
            ),
            values,
        )


def remove_person_key(connection: Connection, person: str) -> None:
    """Remove a person's key and all that it seals."""
    connection.execute(delete(refresh_leases).where(refresh_leases.c.person == person))
    connection.execute(delete(secrets).where(secrets.c.person == person))
    connection.execute(delete(person_keys).where(person_keys.c.person == person))


def sealed_secrets(
    connection: Connection, person: str, owner: str | None = None, field: str | None = None
) -> list[SecretRow]:
    """List a person's secrets: all of them, those of one owner, or one."""
    query = select(secrets).where(secrets.c.person == person)
    if owner is not None:
        query = query.where(secrets.c.owner == owner)
    if field is not None:
        query = query.where(secrets.c.field == field)
    return [SecretRow(**row) for row in connection.execute(query).mappings()]


def owners(connection: Connection, prefix: str) -> list[tuple[str, str]]:
    """List persons and owners that have secrets, of those owners that begin so."""
    begins_so = secrets.c.owner.startswith(prefix, autoescape=True)
    query = select(secrets.c.person, secrets.c.owner).where(begins_so).distinct()
    return [(row.person, row.owner) for row in connection.execute(query.order_by(secrets.c.owner))]


def put_secrets(connection: Connection, rows: Iterable[SecretRow]) -> None:
    """Store secrets, each in the place of the one that stood there, if any."""
    values = [msgspec.structs.asdict(row) for row in rows]
    if not values:
        return
    primary_key = [column == bindparam(f"same_{column.name}") for column in secrets.primary_key]
    connection.execute(
        delete(secrets).where(*primary_key),
        [{f"same_{column.name}": row[column.name] for column in secrets.primary_key} for row in values],
    )
    connection.execute(insert(secrets), values)


def remove_secrets(connection: Connection, owner: str) -> None:
    """Remove all secrets of an owner, with those that are kept for it as predecessors."""
    connection.execute(delete(refresh_leases).where(refresh_leases.c.owner == owner))
    connection.execute(delete(secrets).where(secrets.c.owner.in_([owner, predecessor_of(owner)])))


def predecessor_of(owner: str) -> str:
    """The owner at whose place the secrets lie that those of `owner` replaced last."""
    return f"predecessor:{owner}"


def take_lease(connection: Connection, lease: LeaseRow, now_ns: int) -> LeaseRow:
    """Take a lease unless somebody has it; return the one that stands afterwards."""
    query = select(refresh_leases).where(*_of(lease))
    row = connection.execute(query).mappings().one_or_none()
    if row is not None and row["until_ns"] > now_ns:
        return LeaseRow(**row)
    connection.execute(upsert(connection, refresh_leases, ["person", "owner"]), msgspec.structs.asdict(lease))
    return lease


def give_back(connection: Connection, lease: LeaseRow) -> None:
    """End a lease, unless somebody has taken it over."""
    connection.execute(delete(refresh_leases).where(*_of(lease), refresh_leases.c.lease_id == lease.lease_id))


def _of(lease: LeaseRow) -> list[ColumnElement[bool]]:
    return [refresh_leases.c.person == lease.person, refresh_leases.c.owner == lease.owner]
