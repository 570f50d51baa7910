"""A database of which only some columns can be read, and nothing written: the database itself refuses the rest.

On PostgreSQL that is what its role was granted, which is checked when it is opened. On SQLite, which knows no roles, each
connection is read-only and has an authorizer, which SQLite asks about every column that a statement touches, also in a
condition or a sort order, when it compiles it (https://www.sqlite.org/c3ref/set_authorizer.html).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, event, text
from sqlalchemy.exc import DBAPIError

from mover.database.failures import DatabaseUnusable
from mover.database.locations import POSTGRESQL, Hidden, parsed

T = TypeVar("T")

Columns = Mapping[str, tuple[str, ...]]
"""Columns by table."""

_READERS = 2
_FUNCTIONS = frozenset({"count", "sum", "min", "max", "coalesce", "lower", "length", "substr", "like", "abs"})


class _Store(Protocol):
    """Of what a store of either kind can do, reading alone."""

    def read(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:
        """Run `work` on a snapshot."""

    def close(self) -> None:
        """Close all connections."""


class LimitedDatabase:
    """Reads some columns. It has no way to write, and takes no locks.

    Made by `open`.
    """

    def __init__(self, store: _Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="limited-database")

    @classmethod
    async def open(cls, url: str | Hidden, columns: Columns) -> LimitedDatabase:
        """Open a database that is there already, with its schema.

        Args:
            url: `sqlite:///path`, or `postgresql://role:password@host/database` of a role that may do no more than this.
            columns: What can be read.

        Raises DatabaseUnusable (also: the role may do more), DatabaseUnreachable.
        """
        location = parsed(url)
        database = cls(_store(location, columns))
        if location.get_backend_name() == POSTGRESQL:
            try:
                await database._expect_no_more(location, columns)
            except BaseException:
                await database.close()
                raise
        return database

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a snapshot. What it may not read or do raises what the driver raises: that is a defect of ours."""
        given_up = threading.Event()
        running = self._threads.submit(self._store.read, work, given_up)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            given_up.set()  # a read that nobody waits for changes nothing; it is not tried again
            raise

    async def close(self) -> None:
        """Let running reads end, then close all connections. Idempotent."""
        await asyncio.to_thread(self._close)

    async def _expect_no_more(self, location: URL, columns: Columns) -> None:
        excess = await self.read(lambda connection: excess_of(connection, columns))
        if excess:
            raise DatabaseUnusable(
                f"the role {location.username!r} may do more than read metadata: {', '.join(excess[:3])}; "
                "give the one that `mover db roles` makes for the staff"
            )

    def _close(self) -> None:
        self._threads.shutdown()
        self._store.close()


def excess_of(connection: Connection, columns: Columns) -> list[str]:
    """List what the present role of a PostgreSQL may do beyond reading these columns: `people.password_hash`, `writes items`.

    Everything in all schemas that are not PostgreSQL's own counts, functions that lend it the rights of others too, that
    it could become another role, also one of PostgreSQL's own, and that row security does not hold for it.
    """
    allowed = {(table, column) for table, names in columns.items() for column in names}
    readable = connection.execute(
        text(
            "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%' "
            "AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped "
            "AND has_column_privilege(c.oid, a.attnum, 'SELECT') ORDER BY 1, 2"
        )
    )
    excess = [f"reads {row[0]}.{row[1]}" for row in readable if (row[0], row[1]) not in allowed]
    writable = connection.execute(
        text(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%' "
            "AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (has_table_privilege(c.oid, 'DELETE, TRUNCATE, TRIGGER') "
            "OR has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES')) ORDER BY 1"
        )
    )
    excess += [f"writes {row[0]}" for row in writable]
    becomes = connection.execute(
        text(
            # The owner of a database is a member of pg_database_owner without having been made one.
            "SELECT rolname FROM pg_roles WHERE rolname <> current_user AND pg_has_role(oid, 'MEMBER') "
            "AND rolname <> 'pg_database_owner' ORDER BY 1"
        )
    )
    excess += [f"acts as {row[0]}" for row in becomes]
    # What such a function does, it does with the rights of whoever made it.
    lending = connection.execute(
        text(
            "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND p.prosecdef "
            "AND has_function_privilege(p.oid, 'EXECUTE') ORDER BY 1"
        )
    )
    excess += [f"calls {row[0]}" for row in lending]
    passing = connection.execute(
        text("SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user")
    )
    return excess + (["passes over row security"] if passing.scalar_one() else [])


def _store(location: URL, columns: Columns) -> _Store:
    # Imported here since each command needs one of them.
    if location.get_backend_name() == POSTGRESQL:
        from mover.database.postgresql import PostgresqlStore  # noqa: PLC0415

        return PostgresqlStore(location, connections=_READERS)
    return _LimitedSqlite(location, columns)


class _LimitedSqlite:
    """A file that is read through an authorizer."""

    def __init__(self, location: URL, columns: Columns) -> None:
        # Imported here for the same reason.
        from mover.database.sqlite import explain, make_engine  # noqa: PLC0415

        self._path = location.database or ""
        self._explain = explain
        self._engine = make_engine(location, writes=False, connections=_READERS)
        may = authorizer(columns)

        def limit(raw: sqlite3.Connection, _record: Any) -> None:
            raw.set_authorizer(may)

        event.listen(self._engine, "connect", limit)

    def read(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:  # noqa: ARG002 - nothing is tried again
        """Run `work` on a snapshot."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except (DBAPIError, sqlite3.Error) as error:
            if (meant := self._explain(error, self._path)) is None:
                raise
            raise meant from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def authorizer(columns: Columns) -> Callable[..., int]:
    """Make what SQLite asks: transactions, SELECT, a few functions and these columns; everything else is denied."""
    allowed = {(table, column) for table, names in columns.items() for column in names}

    def may(action: int, first: str | None, second: str | None, *_where: str | None) -> int:
        match action:
            case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_TRANSACTION | sqlite3.SQLITE_RECURSIVE:
                permitted = True
            case sqlite3.SQLITE_READ:
                # Without a name: the statement counts rows of the table, or needs none of its columns.
                permitted = (first, second) in allowed or (first in columns and not second)
            case sqlite3.SQLITE_FUNCTION:
                permitted = second in _FUNCTIONS
            case _:
                permitted = False
        return sqlite3.SQLITE_OK if permitted else sqlite3.SQLITE_DENY

    return may
