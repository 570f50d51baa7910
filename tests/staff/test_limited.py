"""The database itself refuses what the staff may not read, whatever statement is tried."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, insert, select, text
from sqlalchemy.exc import DBAPIError
from tests.database_url import Kind, fresh, in_use, on_both, server

from mover.accounts.tables import organisations, people
from mover.database.base import metadata
from mover.database.database import Database
from mover.database.failures import DatabaseUnusable
from mover.database.limited import LimitedDatabase, authorizer
from mover.database.roles.words import Role
from mover.database.staff_columns import STAFF_COLUMNS
from mover.migrations.tables import COUNTS

pytestmark = [*on_both, pytest.mark.promise("P9")]

ROLE = "staff_of_a_test"
REFUSED = "prohibited|permission denied|not authorized|read-only"


def _running(statement: Executable) -> Callable[[Connection], list[Any]]:
    return lambda connection: list(connection.execute(statement).all())


@contextlib.contextmanager
def staff_role(url: str, *more: str) -> Iterator[str]:
    """The URL of the staff's role; or of one that was granted what they may read, and `more`."""
    name = url.rpartition("/")[2]
    if not more:
        yield server().url(name, user=Role.STAFF)
        return
    grants = [
        f"GRANT USAGE ON SCHEMA public TO {ROLE}",
        *(
            f"GRANT SELECT ({', '.join(columns)}) ON {table} TO {ROLE}"
            for table, columns in STAFF_COLUMNS.items()
        ),
    ]
    server().execute(f"DROP ROLE IF EXISTS {ROLE}")
    server().execute(f"CREATE ROLE {ROLE} LOGIN")
    try:
        for statement in (*grants, *more):
            server().execute(statement, name)
        yield server().url(name, user=ROLE)
    finally:
        server().execute(f"DROP OWNED BY {ROLE} CASCADE", name)
        server().execute(f"DROP ROLE {ROLE}")


@pytest.fixture
async def limited(tmp_path: Path, database_kind: Kind) -> AsyncIterator[LimitedDatabase]:  # noqa: ARG001 - chosen before
    """A database with a person in it, as the staff may read it."""
    url = fresh(tmp_path / "state")
    database = await Database.open(url)

    def fill(connection: Connection) -> None:
        connection.execute(
            insert(organisations),
            {"id": "o", "name": "Example", "second_factor_required": False, "kept_days": 9, "created_ns": 1},
        )
        connection.execute(
            insert(people),
            {"id": "p", "email": "a@example.org", "name": "Ann", "password_hash": "CANARY", "created_ns": 1},
        )

    await database.write(fill)
    with staff_role(url) if in_use() is Kind.POSTGRESQL else contextlib.nullcontext(url) as role_url:
        opened = await LimitedDatabase.open(role_url, STAFF_COLUMNS)
        yield opened
        await opened.close()
    await database.close()


def test_the_columns_are_those_of_the_tables_and_none_of_them_is_secret() -> None:
    for table, names in STAFF_COLUMNS.items():
        assert set(names) <= {column.name for column in metadata.tables[table].columns}, table
    closed = {
        "password_hash",
        "token_hash",
        "secret_hash",
        "config",
        "options",
        "message",
        "note",
        "notes",
        "hashes",
    }
    closed |= {
        "content_hash",
        "sealed",
        "wrapped",
        "mail_to",
        "tags",
        "previous_hash",
        "code_hash",
        "public_key",
    }
    assert not closed & {name for names in STAFF_COLUMNS.values() for name in names}
    assert (
        not {"secrets", "person_keys", "sessions", "api_keys", "totp", "staff_people"} & STAFF_COLUMNS.keys()
    )
    assert set(COUNTS) >= {name for name in STAFF_COLUMNS["pair_runs"] if name.startswith(("files", "bytes"))}


async def test_every_column_of_every_table_is_readable_if_it_is_listed_and_refused_if_not(
    limited: LimitedDatabase,
) -> None:
    refused = 0
    for table in metadata.sorted_tables:
        for column in table.columns:
            query = select(column).select_from(table)
            if column.name in STAFF_COLUMNS.get(table.name, ()):
                await limited.read(_running(query))
                continue
            with pytest.raises((DBAPIError, DatabaseUnusable), match=REFUSED):
                await limited.read(_running(query))
            refused += 1
    assert refused > 300


ATTEMPTS = (
    "SELECT * FROM people",
    "SELECT id FROM people WHERE password_hash LIKE 'C%'",
    "SELECT id FROM people ORDER BY password_hash",
    "SELECT count(password_hash) FROM people",
    "SELECT name FROM people GROUP BY name, password_hash",
    "SELECT (SELECT password_hash FROM people LIMIT 1) FROM organisations",
    "WITH x AS (SELECT password_hash AS name FROM people) SELECT name FROM x",
    "SELECT name FROM people UNION SELECT password_hash FROM people",
    "SELECT p.name FROM people p JOIN people q ON q.password_hash = p.name",
    "INSERT INTO people (id, email, name, created_ns) VALUES ('q', 'q', 'q', 1)",
    "UPDATE people SET name = 'x'",
    "DELETE FROM people",
    "DROP TABLE people",
    "CREATE TABLE mine (id int)",
    "SELECT count(*) FROM secrets",
    "SELECT 1 FROM sessions",
)


async def test_no_statement_gets_around_it(limited: LimitedDatabase) -> None:
    for statement in ATTEMPTS:
        with pytest.raises((DBAPIError, DatabaseUnusable), match=REFUSED) as refusal:
            await limited.read(_running(text(statement)))
        assert "CANARY" not in repr(refusal.value)


async def test_what_is_listed_can_be_joined_and_counted(limited: LimitedDatabase) -> None:
    for query in (
        "SELECT count(*) FROM people",
        "SELECT count(*) FROM people p LEFT JOIN memberships m ON m.person_id = p.id WHERE p.name = 'Ann'",
    ):
        assert await limited.read(_running(text(query))) == [(1,)]


def test_of_sqlite_no_other_file_pragma_or_schema_can_be_reached(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    with contextlib.closing(raw):
        raw.execute("CREATE TABLE people (id, name, password_hash)")
        raw.execute("CREATE VIEW around AS SELECT password_hash AS name FROM people")
        raw.set_authorizer(authorizer(STAFF_COLUMNS))
        for statement in (
            f"ATTACH '{tmp_path}/other.db' AS people2",
            "PRAGMA query_only = OFF",
            "PRAGMA table_info(people)",
            "SELECT * FROM sqlite_master",
            "SELECT name FROM around",
            "SELECT rowid FROM people",
            "SELECT load_extension('x')",
            "SELECT randomblob(9)",
            "SELECT sqlite_compileoption_get(1)",
            "SELECT name FROM pragma_table_info('people')",
            "CREATE TEMP TABLE t AS SELECT 1",
            "VACUUM INTO '/tmp/x'",
        ):
            with pytest.raises(sqlite3.DatabaseError):
                raw.execute(statement)
        assert raw.execute("SELECT name FROM people").fetchall() == []
