"""Which kind of database a test uses, and a fresh one of it: the one place that decides.

By default SQLite; `MOVER_TEST_DATABASE=postgresql` has the whole suite use PostgreSQL. Rooms that store something run
their tests on both in any case: their `database_kind` fixture has the parameters `BOTH`. Other modules that do so say
`pytestmark = on_both`.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import functools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.servers.postgresql import USERNAME, PostgresqlServer, postgresql

from mover.database.database import Database
from mover.database.locations import parsed
from mover.database.postgresql import PostgresqlStore
from mover.database.roles.words import Role


class Kind(enum.StrEnum):
    """Of database."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


SUITE = Kind(os.environ.get("MOVER_TEST_DATABASE") or Kind.SQLITE)
"""What tests use that do not ask for a certain kind."""

BOTH = [
    *([Kind.SQLITE] if SUITE is Kind.SQLITE else []),
    pytest.param(Kind.POSTGRESQL, marks=pytest.mark.servers),
]
"""Parameters of a `database_kind` fixture; with the suite on PostgreSQL, SQLite has had its turn."""

on_both = [
    pytest.mark.usefixtures("database_kind"),
    pytest.mark.parametrize("database_kind", BOTH, indirect=True),
]
"""For modules whose tests are to run on both."""

on_sqlite = pytest.mark.parametrize("database_kind", [Kind.SQLITE], indirect=True)
"""For tests of what is SQLite's alone: its file."""

on_postgresql = pytest.mark.parametrize(
    "database_kind", [pytest.param(Kind.POSTGRESQL, marks=pytest.mark.servers)], indirect=True
)
"""For tests of what is PostgreSQL's alone."""

_until_the_end = contextlib.ExitStack()
_made: dict[Path, tuple[str, str]] = {}
_lasting: dict[Path, tuple[str, str]] = {}
_in_use = [SUITE]


def in_use() -> Kind:
    """The kind that the test that runs now uses."""
    return _in_use[-1]


def using(kind: Kind) -> Iterator[Kind]:
    """Let a test use that kind: what a `database_kind` fixture does."""
    _in_use.append(kind)
    yield kind
    _in_use.pop()


def fresh(folder: Path, *, lasting: bool = False) -> str:
    """Return the URL of a database of a test's own: a file in a folder, or a database of the server with that schema.

    `drop_all` removes it, unless it is to last for the session. A folder has one database, whoever asks.
    """
    if in_use() is Kind.SQLITE:
        return f"sqlite:///{quote(str(folder / 'mover.db'))}"
    if (known := _made.get(folder) or _lasting.get(folder)) is None:
        known = _remembered(folder, server().create(_template()), lasting=lasting)
    return known[1]


def copy(of: Path, folder: Path, *, lasting: bool = False) -> None:
    """Give a folder a copy of another one's database, which nobody may have open; a file goes with its folder."""
    if in_use() is not Kind.SQLITE:
        name, _ = _made.get(of) or _lasting[of]
        _remembered(folder, server().create(name), lasting=lasting)


def _remembered(folder: Path, name: str, *, lasting: bool) -> tuple[str, str]:
    # As the API: the owner alone may change the schema, and no process of the service is the owner.
    known = (_lasting if lasting else _made)[folder] = (name, server().url(name, user=Role.API))
    return known


def as_administrator(url: str) -> str:
    """Where an administrator finds a database that `fresh` made, for tests with tables of their own."""
    return url.replace(f"//{Role.API}:", f"//{USERNAME}:", 1)


def as_runner(url: str) -> str:
    """Where a runner finds a database that `fresh` made."""
    return url if in_use() is Kind.SQLITE else url.replace(f"//{Role.API}:", f"//{Role.RUNNER}:", 1)


def as_staff(url: str) -> str:
    """Where pages of the staff find a database that `fresh` made, with PostgreSQL; a file is read as what it is."""
    return url.replace(f"//{Role.API}:", f"//{Role.STAFF}:", 1)


def empty() -> str:
    """Return the URL of a database on the server in which nothing is yet."""
    name = server().create()
    _made[Path(name)] = (name, server().url(name))
    return server().url(name)


def drop_all() -> None:
    """Remove what was made on the server since the last time, and does not last."""
    while _made:
        _, (name, _) = _made.popitem()
        server().drop(name)


@functools.cache
def server() -> PostgresqlServer:
    """The session's PostgreSQL: started when it is first asked for, from the main thread."""
    return _until_the_end.enter_context(postgresql())


def end() -> None:
    """Stop the server, if there is one."""
    _until_the_end.close()
    server.cache_clear()
    _template.cache_clear()


@functools.cache
def _template() -> str:
    """A database with the schema in it, and the privileges of the service's roles, to be copied."""
    name = server().create()
    store = PostgresqlStore(parsed(server().url(name)), connections=2)
    try:
        store.upgrade()
        store.set_up_roles()
    finally:
        store.close()
    return name


@contextlib.contextmanager
def lock_held(url: str, name: str) -> Iterator[None]:
    """Let somebody else, with an event loop of its own, hold a lock for the time of a block."""
    held, done = threading.Event(), threading.Event()

    async def hold() -> None:
        database = await Database.open(url)
        try:
            async with database.lock(name):
                held.set()
                await asyncio.to_thread(done.wait, 290)
        finally:
            await database.close()

    thread = threading.Thread(target=lambda: asyncio.run(hold()), name="holder")
    thread.start()
    try:
        assert held.wait(120), "the lock was not taken"
        yield
    finally:
        done.set()
        thread.join()
