"""Connections as pairs name them: by id, and only those of the organisation."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from mover.connections.tables import connections
from mover.ledger.queries.slicing import slices
from mover.migrations.refusals import NoSuchThing


def holder(organisation_id: str) -> str:
    """Whose the connections and secrets of an organisation are."""
    return f"organisation:{organisation_id}"


def check_connections(connection: Connection, organisation_id: str, ids: Iterable[str]) -> None:
    """Raise NoSuchThing for a connection that the organisation does not have."""
    wanted = sorted(set(ids))
    known: set[str] = set()
    for some in slices(wanted):
        known.update(
            connection.scalars(
                select(connections.c.id).where(
                    connections.c.id.in_(some), connections.c.person == holder(organisation_id)
                )
            )
        )
    for id_ in wanted:
        if id_ not in known:
            raise NoSuchThing(f"there is no connection {id_[:40]!r}")


def names(connection: Connection, organisation_id: str) -> dict[str, str]:
    """Names of the organisation's connections, by id."""
    query = select(connections.c.id, connections.c.name).where(
        connections.c.person == holder(organisation_id)
    )
    return {row.id: row.name for row in connection.execute(query)}
