"""What an operator does with a database: look at it, bring its schema up to date, and give roles their privileges."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import msgspec
from sqlalchemy import URL

from mover.database.database import Database
from mover.database.failures import DatabaseUnusable
from mover.database.locations import POSTGRESQL, SQLITE, Hidden, parsed, shown
from mover.database.schema import revisions, usable_revision
from mover.database.store import Store


class Condition(msgspec.Struct, frozen=True):
    """What a database is like.

    Attributes:
        kind: `sqlite` or `postgresql`.
        where: For people; no password.
        revision: That it is at; None if nothing is in it yet.
        newest: The revision that this Mover works with.
    """

    kind: str
    where: str
    revision: str | None
    newest: str

    @property
    def up_to_date(self) -> bool:
        """Whether this Mover can work with it."""
        return self.revision == self.newest


async def condition(url: str | Hidden) -> Condition:
    """Look at a database, and change nothing; for SQLite, not even the file is made.

    Raises DatabaseUnusable, also for the database of a newer Mover or of another program, DatabaseBusy and
    DatabaseUnreachable.
    """
    location = parsed(url)
    revision = await asyncio.to_thread(_revision, location)
    return Condition(location.get_backend_name(), shown(location), revision, revisions()[-1])


async def upgrade(url: str | Hidden) -> tuple[Condition, Condition]:
    """Bring the schema up to date, making it if there is none; tells what it was like before and is now.

    Either all missing revisions are applied or none. Processes that do it at the same time wait for each other. Raises
    as `condition` does.
    """
    before = await condition(url)
    location = parsed(url)
    if location.get_backend_name() == SQLITE:
        await (await Database.open(url)).close()
    else:
        await asyncio.to_thread(_upgrade_server, location)
    return before, await condition(url)


async def set_up_roles(url: str | Hidden) -> None:
    """Make the roles of the service on a PostgreSQL server, and give each its privileges; see `roles`. Idempotent.

    Raises DatabaseUnusable (not PostgreSQL, or this user may not) and DatabaseUnreachable.
    """
    location = parsed(url)
    if location.get_backend_name() != POSTGRESQL:
        raise DatabaseUnusable("SQLite has no roles; one user of this machine runs all that uses its file")
    await asyncio.to_thread(_set_up_roles, location)


def _revision(location: URL) -> str | None:
    # Imported here since each command needs one of them.
    store: Store
    if location.get_backend_name() == POSTGRESQL:
        from mover.database.postgresql import PostgresqlStore  # noqa: PLC0415

        store = PostgresqlStore(location, connections=2)
    else:
        from mover.database.sqlite import SqliteStore  # noqa: PLC0415

        if not Path(location.database or "").exists():
            return None
        store = SqliteStore(location)
    given_up = threading.Event()
    given_up.set()
    try:
        return store.read(usable_revision, given_up)
    finally:
        store.close()


def _set_up_roles(location: URL) -> None:
    from mover.database.postgresql import PostgresqlStore  # noqa: PLC0415

    store = PostgresqlStore(location, connections=2)
    try:
        store.set_up_roles()
    finally:
        store.close()


def _upgrade_server(location: URL) -> None:
    from mover.database.postgresql import PostgresqlStore  # noqa: PLC0415

    store = PostgresqlStore(location, connections=2)
    try:
        store.upgrade()
    finally:
        store.close()
