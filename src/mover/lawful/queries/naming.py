"""Finding what an order is about by the words that people use: names and addresses, or ids."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from mover.accounts.tables import memberships, organisations, people
from mover.connections.tables import connections
from mover.migrations.queries.connections import holder


def organisations_called(connection: Connection, text: str) -> list[str]:
    """Ids of organisations with this id or name, without those that were deleted."""
    called = or_(organisations.c.id == text, organisations.c.name == text)
    query = select(organisations.c.id).where(called, organisations.c.deleted_ns.is_(None))
    return list(connection.scalars(query.order_by(organisations.c.id)))


def person_called(connection: Connection, organisation_id: str, text: str) -> str | None:
    """The id of a member with this id or mail address."""
    called = or_(people.c.id == text, people.c.email == text.lower())
    query = (
        select(people.c.id)
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(called, memberships.c.organisation_id == organisation_id)
    )
    return connection.scalar(query)


def connection_called(connection: Connection, organisation_id: str, text: str) -> str | None:
    """The id of a connection of the organisation with this id or name."""
    query = select(connections.c.id).where(
        connections.c.person == holder(organisation_id),
        or_(connections.c.id == text, connections.c.name == text),
    )
    return connection.scalar(query)
