"""Alembic runs this file for each upgrade: on the connection, and in the transaction, that `schema.py` opened."""

from __future__ import annotations

from alembic import context

from mover.database.base import metadata

# Both kinds of database undo DDL with its transaction; SQLite as soon as BEGIN is explicit, which `sqlite.py` sees to.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
