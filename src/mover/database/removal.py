"""Removing rows in small steps, so that no transaction is long."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_

Step = Callable[[Connection, int], int]
"""Removes at most so many rows, and tells how many it removed."""


def step(table: Table, where: ColumnElement[bool]) -> Step:
    """Remove those rows of a table."""

    def remove(connection: Connection, limit: int) -> int:
        return remove_some(connection, table, where, limit)

    return remove


def remove_some(connection: Connection, table: Table, where: ColumnElement[bool], limit: int) -> int:
    """Remove at most so many rows, and what refers to them where the schema says so; returns how many."""
    key = list(table.primary_key.columns)
    some = select(*key).where(where).limit(limit)
    chosen = key[0].in_(some.scalar_subquery()) if len(key) == 1 else tuple_(*key).in_(some)
    return connection.execute(delete(table).where(chosen)).rowcount


def remove_in_order(connection: Connection, steps: Iterable[Step], limit: int) -> int:
    """Go through steps, each only when those before it have nothing left; at most so many rows in all."""
    removed = 0
    for remove in steps:
        if removed >= limit:
            break
        removed += remove(connection, limit - removed)
    return removed
