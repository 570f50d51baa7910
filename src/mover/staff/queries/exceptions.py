"""Where things are, for comparing them with what was approved."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, select

from mover.accounts.tables import memberships
from mover.connections.tables import connections
from mover.migrations.tables import migration_pairs, migrations

_m = migrations.c
_p = migration_pairs.c


def connections_of_migration(
    transaction: Connection, organisation_id: str, migration_id: str
) -> frozenset[str]:
    """The connections between which a migration moves; empty if it is not the organisation's."""
    return _both(
        transaction,
        select(_m.source_connection_id, _m.destination_connection_id).where(
            _m.organisation_id == organisation_id, _m.id == migration_id, _m.removed_ns.is_(None)
        ),
    )


def connections_of_pair(transaction: Connection, organisation_id: str, pair_id: int) -> frozenset[str]:
    """The connections between which a pair moves; empty if it is not the organisation's."""
    return _both(
        transaction,
        select(_p.source_connection_id, _p.destination_connection_id).where(
            _p.organisation_id == organisation_id, _p.id == pair_id, _p.removed_ns.is_(None)
        ),
    )


def has_connection(transaction: Connection, organisation_id: str, connection_id: str) -> bool:
    """Tell whether a connection is the organisation's."""
    query = select(connections.c.id).where(
        connections.c.id == connection_id, connections.c.person == f"organisation:{organisation_id}"
    )
    return transaction.execute(query).one_or_none() is not None


def has_person(transaction: Connection, organisation_id: str, person_id: str) -> bool:
    """Tell whether a person belongs to the organisation."""
    query = select(memberships.c.person_id).where(
        memberships.c.organisation_id == organisation_id, memberships.c.person_id == person_id
    )
    return transaction.execute(query).one_or_none() is not None


def _both(transaction: Connection, query: Select[Any]) -> frozenset[str]:
    row = transaction.execute(query).one_or_none()
    return frozenset() if row is None else frozenset(map(str, row))
