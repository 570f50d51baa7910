"""Rows by id, bounded by an organisation: what belongs to another one is not found, like what never was."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, Update, select

from mover.migrations.refusals import NoSuchThing, Overtaken


def found(connection: Connection, table: Table, what: str, organisation_id: str, id: str | int) -> Row[Any]:  # noqa: A002 - the column's name
    """Find a row that was not removed. Raises NoSuchThing."""
    row = None
    if isinstance(id, str) or -(2**63) <= id < 2**63:
        query = select(table).where(table.c.id == id, table.c.organisation_id == organisation_id)
        if "removed_ns" in table.c:
            query = query.where(table.c.removed_ns.is_(None))
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NoSuchThing(f"there is no {what} {str(id)[:40]!r}")
    return row


def change(connection: Connection, statement: Update, what: str, version: int | None) -> None:
    """Run an update of one row that was found a moment ago, if it still has the version. Raises Overtaken."""
    if version is not None:
        statement = statement.where(statement.table.c.version == version)
    if connection.execute(statement).rowcount != 1:
        raise Overtaken(f"the {what} was changed meanwhile")
