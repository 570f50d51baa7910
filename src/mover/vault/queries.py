"""What the vault asks of the database; ciphertexts only."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from mover.vault.tables import person_keys, secrets


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


def person_key(connection: Connection, person: str) -> PersonKeyRow | None:
    """Find a person's key."""
    query = select(person_keys).where(person_keys.c.person == person)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else PersonKeyRow(**row)


def all_person_keys(connection: Connection) -> list[PersonKeyRow]:
    """List the keys of all persons."""
    query = select(person_keys).order_by(person_keys.c.person)
    return [PersonKeyRow(**row) for row in connection.execute(query).mappings()]


def global_key_ids(connection: Connection) -> set[str]:
    """Name the global keys that wrap any person's key: one, or none as long as nothing is stored."""
    return set(connection.scalars(select(person_keys.c.global_key_id).distinct()))


def add_person_key(connection: Connection, row: PersonKeyRow) -> None:
    """Store the key of a person who has none."""
    connection.execute(insert(person_keys), msgspec.structs.asdict(row))


def change_person_keys(connection: Connection, rows: Iterable[PersonKeyRow]) -> None:
    """Put another key, or another wrapping of the same one, in the place of each of these persons' keys."""
    values = [{**msgspec.structs.asdict(row), "same_person": row.person} for row in rows]
    if values:
        connection.execute(
            update(person_keys).where(person_keys.c.person == bindparam("same_person")), values
        )


def remove_person_key(connection: Connection, person: str) -> None:
    """Remove a person's key and all that it seals."""
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
    """Remove all secrets of an owner."""
    connection.execute(delete(secrets).where(secrets.c.owner == owner))
