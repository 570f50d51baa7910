"""Insert-or-update, which SQLite and PostgreSQL both have and SQLAlchemy spells apart."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


def upsert(connection: Connection, table: Table, key: Sequence[str]) -> Insert:
    """An insert that overwrites the row with the same `key` columns, keeping its primary key."""
    insert = _insert(connection, table)
    changed = {
        column.name: insert.excluded[column.name]
        for column in table.columns
        if column.name not in key and not column.primary_key
    }
    return insert.on_conflict_do_update(index_elements=list(key), set_=changed)


def insert_missing(connection: Connection, table: Table, key: Sequence[str]) -> Insert:
    """An insert that leaves a row with the same `key` columns as it is."""
    return _insert(connection, table).on_conflict_do_nothing(index_elements=list(key))


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
