"""What the connections ask of the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection as Transaction
from sqlalchemy import delete, func, insert, select, update

from mover.connections.records import Connection
from mover.connections.tables import connections
from mover.database.removal import remove_some
from mover.errors import Changed
from mover.vault.tables import person_keys


def find(transaction: Transaction, person: str, name: str) -> Connection | None:
    """Find a person's connection by its name."""
    query = select(connections).where(connections.c.person == person, connections.c.name == name)
    row = transaction.execute(query).mappings().one_or_none()
    return None if row is None else Connection(**row)


def of_person(transaction: Transaction, person: str) -> list[Connection]:
    """List a person's connections by name."""
    query = select(connections).where(connections.c.person == person).order_by(connections.c.name)
    return [Connection(**row) for row in transaction.execute(query).mappings()]


def persons_without_key(transaction: Transaction) -> list[str]:
    """List who has connections and no key: secrets were asked for of none of them."""
    query = (
        select(connections.c.person)
        .distinct()
        .where(connections.c.person.not_in(select(person_keys.c.person)))
        .order_by(connections.c.person)
    )
    return list(transaction.scalars(query))


def with_ids(transaction: Transaction, person: str, connection_ids: Collection[str]) -> list[Connection]:
    """Those of these connections that are the person's."""
    query = select(connections).where(connections.c.person == person, connections.c.id.in_(connection_ids))
    return [Connection(**row) for row in transaction.execute(query).mappings()]


def put(transaction: Transaction, connection: Connection) -> None:
    """Save a connection, in the place of the one with its id if there is one."""
    transaction.execute(delete(connections).where(connections.c.id == connection.id))
    transaction.execute(insert(connections), msgspec.structs.asdict(connection))


def stored_config(transaction: Transaction, connection_id: str) -> Mapping[str, Any] | None:
    """Read what is saved of a connection's configuration; None if the connection is gone."""
    query = select(connections.c.config).where(connections.c.id == connection_id)
    return transaction.execute(query).scalar_one_or_none()


def change_config(transaction: Transaction, connection_id: str, config: Mapping[str, Any]) -> None:
    """Save another configuration."""
    transaction.execute(update(connections).where(connections.c.id == connection_id).values(config=config))


def mark_used(transaction: Transaction, connection_id: str, now_ns: int) -> None:
    """Keep when a connection was used last."""
    transaction.execute(
        update(connections).where(connections.c.id == connection_id).values(last_used_ns=now_ns)
    )


def unused(transaction: Transaction, before_ns: int, limit: int) -> list[Connection]:
    """Organisations' connections that nobody has used since then, and that have their secrets still."""
    query = (
        select(connections)
        .where(
            connections.c.person.like("organisation:%"),
            connections.c.deauthorised_ns.is_(None),
            func.coalesce(connections.c.last_used_ns, connections.c.created_ns) < before_ns,
        )
        .order_by(connections.c.id)
        .limit(limit)
    )
    return [Connection(**row) for row in transaction.execute(query).mappings()]


def mark_deauthorised(transaction: Transaction, connection_id: str, before_ns: int, now_ns: int) -> None:
    """Keep that a connection's secrets are destroyed. Raises Changed if it has been used since `before_ns`."""
    still = (
        update(connections)
        .where(
            connections.c.id == connection_id,
            connections.c.deauthorised_ns.is_(None),
            func.coalesce(connections.c.last_used_ns, connections.c.created_ns) < before_ns,
        )
        .values(deauthorised_ns=now_ns)
    )
    if transaction.execute(still).rowcount != 1:
        raise Changed("the connection was used at this very moment")


def remove(transaction: Transaction, connection_id: str) -> None:
    """Forget a connection."""
    transaction.execute(delete(connections).where(connections.c.id == connection_id))


def remove_organisation(transaction: Transaction, organisation_id: str, limit: int) -> int:
    """Forget at most `limit` connections of an organisation; returns how many. A `Remover` of the accounts.

    Their secrets went with the organisation's key.
    """
    own = connections.c.person == f"organisation:{organisation_id}"
    return remove_some(transaction, connections, own, limit)
