"""Insert-or-update, which SQLite and PostgreSQL both have and SQLAlchemy spells apart.

A statement is built once for each table and kind of database: building it takes longer than running it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table
from sqlalchemy.sql.dml import Insert

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, key: Sequence[str]) -> Insert:
    """An insert that overwrites the row with the same `key` columns, keeping its primary key."""
    return _upsert(connection.dialect.name, table, tuple(key))


def insert_missing(connection: Connection, table: Table, key: Sequence[str]) -> Insert:
    """An insert that leaves a row with the same `key` columns as it is."""
    return _insert_missing(connection.dialect.name, table, tuple(key))


@functools.cache
def _upsert(dialect: str, table: Table, key: tuple[str, ...]) -> Insert:
    insert = _insert(dialect, table)
    changed = {
        column.name: insert.excluded[column.name]
        for column in table.columns
        if column.name not in key and not column.primary_key
    }
    return insert.on_conflict_do_update(index_elements=key, set_=changed)


@functools.cache
def _insert_missing(dialect: str, table: Table, key: tuple[str, ...]) -> Insert:
    return _insert(dialect, table).on_conflict_do_nothing(index_elements=key)


def _insert(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    # Imported here since loading a dialect that is not in use takes a tenth of a command's start.
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    return sqlite.insert(table)
