"""PostgreSQL: transactions that might as well be alone, and that survive a restart of the server.

**Alone.** Each write is SERIALIZABLE: whatever a function reads and decides stays true until its commit, in all rooms
alike, without a thought of locks. Where two got into each other's way, PostgreSQL ends one, and it is run again as a
whole. Reads see one snapshot (REPEATABLE READ, READ ONLY).

**Lost connections.** What breaks before COMMIT was sent is not committed, and is run again when the server is back. When
the connection breaks at COMMIT nobody has said whether it happened, and running the function again could do its work
twice. So each write knows its transaction's number from the beginning, and PostgreSQL is asked what became of it
(`postgresql_fate.py`). With that, every write happens once, whatever it does; no caller needs to be
idempotent for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, TypeVar

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from mover.database.failures import DatabaseUnreachable, DatabaseUnusable
from mover.database.locations import shown
from mover.database.patience import OUTAGE_S, Outage, conflict_wait_s, outage_wait_s
from mover.database.postgresql_failures import Kind, explain, hide_values, kind_of
from mover.database.postgresql_fate import Fate, Number, fate_of, number_of
from mover.database.postgresql_lock import AdvisoryLock, key_of
from mover.database.postgresql_text import BinaryOrderDDL, keep_any_text
from mover.database.roles.applying import give_privileges, make_roles, roles_in_use
from mover.database.schema import bring_up_to_date, expect_up_to_date
from mover.database.store import SoleRight

T = TypeVar("T")

_OLDEST = 130_000  # the first that tells what became of a transaction by its full number

CONFLICTS_S = 30.0
"""So long a transaction is tried again that others get in the way of."""

_WRITE = "BEGIN ISOLATION LEVEL SERIALIZABLE"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_POLL_S = 0.1
# A server that answers a commit has it on disk, whatever its settings say: the ledger's word must outlast a power cut.
_SESSION = (
    "SET synchronous_commit = on; SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '10min'"
)
_CONNECTING: dict[str, Any] = {
    "autocommit": True,  # transactions are begun here, with what they are to be
    "connect_timeout": 10,
    "keepalives_idle": 20,  # seconds: a cable that was pulled is noticed, though nobody says so
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
    "application_name": "mover",
    "client_encoding": "utf8",
}


class PostgresqlStore:
    """A database on a PostgreSQL server.

    Args:
        location: Its URL, for psycopg.
        connections: At most, besides one for each lock that is held.
        outage: How long to wait for a server that has gone away.
    """

    longest_key = (
        2_600  # a third of a page, which an entry of an index has to fit in, with what else stands there
    )

    def __init__(self, location: URL, *, connections: int, outage: Outage | None = None) -> None:
        self.writers = max(1, connections // 2)
        self.readers = max(1, connections - self.writers)
        self._where = shown(location)
        self._outage = outage or Outage()
        self._engine = make_engine(location, connections=self.writers + self.readers)

    def set_up(self) -> None:
        """See whether the server is there and its schema the right one. Raises what `Database.open` raises."""
        given_up = threading.Event()
        given_up.set()  # whoever starts Mover wants to know at once
        self.read(_expect_ours, given_up)

    def upgrade(self) -> None:
        """Apply the revisions that are missing. Whoever comes second waits for the first, and finds nothing to do.

        Where the roles of `mover db roles` are in use, they are given their privileges anew: tables may be new.
        Raises DatabaseUnusable: the tables are there and somebody else's, as they are for each process of the service.
        """

        def work(connection: Connection) -> None:
            _expect_owner(connection)
            bring_up_to_date(connection)
            if roles_in_use(connection):
                give_privileges(connection)

        self._alone(work)

    def set_up_roles(self) -> None:
        """Make the roles that are missing, and give each its privileges. Raises DatabaseUnusable: this user may not."""

        def work(connection: Connection) -> None:
            make_roles(connection)
            give_privileges(connection)

        self._alone(work)

    def _alone(self, work: Callable[[Connection], None]) -> None:
        """Change the schema in one transaction, while nobody else does."""
        given_up = threading.Event()
        given_up.set()

        def attempt() -> None:
            with self._engine.connect() as connection, connection.begin():
                connection.exec_driver_sql("BEGIN")
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (key_of("schema"),))
                _expect_suitable(connection)
                work(connection)

        self._persistently(attempt, given_up)

    def write(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:
        """Run `work` in a transaction that might as well be the only one."""
        return self._persistently(lambda: self._attempt(work, given_up), given_up)

    def read(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:
        """Run `work` on a snapshot."""

        def attempt() -> T:
            with self._engine.connect() as connection:
                with connection.begin() as transaction:
                    connection.exec_driver_sql(_READ)
                    result = work(connection)
                    transaction.rollback()
                return result

        return self._persistently(attempt, given_up)

    def forget_removed(self) -> None:
        """Nothing: what is in its write-ahead log, and in rows that await its vacuum, is for whoever runs the server."""

    def lock(self, name: str) -> AbstractAsyncContextManager[SoleRight]:
        """Have the sole right to something: an advisory lock of a session of its own."""
        _, options = self._engine.dialect.create_connect_args(self._engine.url)
        return AdvisoryLock(name, {**_CONNECTING, **options}, self._where)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _attempt(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:
        with self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                connection.exec_driver_sql(_WRITE)
                number = number_of(connection)
                result = work(connection)
                _expect_sound(connection)
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as error:
                if kind_of(error) is not Kind.LOST:
                    raise
                lost = error
            else:
                return result
        if self._was_committed(number, lost, given_up):
            return result
        raise lost

    def _was_committed(self, number: Number, lost: DBAPIError, given_up: threading.Event) -> bool:
        """Find out what became of a transaction whose COMMIT got no answer.

        Raises DatabaseUnreachable if that cannot be found out.
        """

        def ask() -> Fate:
            with self._engine.connect() as connection:
                return fate_of(connection, number)

        unknown = f"it is not known whether the database {self._where} kept what was written last"
        deadline = time.monotonic() + CONFLICTS_S
        while True:
            try:
                fate = self._persistently(ask, given_up)
            except DatabaseUnreachable as error:
                raise DatabaseUnreachable(unknown, said=error.said) from lost
            match fate:
                case Fate.COMMITTED:
                    return True
                case Fate.LOST:
                    return False
                case Fate.OPEN if time.monotonic() < deadline and not given_up.wait(_POLL_S):
                    continue
                case Fate.OPEN | Fate.UNKNOWN:
                    raise DatabaseUnreachable(unknown) from lost

    def _persistently(self, attempt: Callable[[], T], given_up: threading.Event) -> T:
        """Make attempts until one succeeds, or fails for good, or has failed for too long."""
        conflicts = losses = 0
        since: dict[Kind, float] = {}
        while True:
            try:
                result = attempt()
            except (DBAPIError, psycopg.Error) as error:
                now = time.monotonic()
                match kind := kind_of(error):
                    case Kind.CONFLICT if now - since.setdefault(kind, now) < CONFLICTS_S:
                        conflicts += 1
                        wait_s = conflict_wait_s(conflicts)
                    # Others may be served meanwhile: what breaks its connection each time must not go on for ever.
                    case Kind.LOST if now - since.setdefault(kind, now) < OUTAGE_S and self._outage.goes_on():
                        losses += 1
                        wait_s = outage_wait_s(losses)
                    case _:
                        self._raise(error)
                if given_up.wait(wait_s):
                    self._raise(error)
            else:
                self._outage.ended()
                return result

    def _raise(self, error: DBAPIError | psycopg.Error) -> NoReturn:
        """Raise an error in a form that people may see."""
        if (meant := explain(error, self._where)) is not None:
            raise meant from error
        hide_values(error)
        raise error


def make_engine(location: URL, *, connections: int) -> Engine:
    """Make an engine whose connections leave it to others to begin transactions."""
    given = {name: value for name, value in _CONNECTING.items() if name not in location.query}
    engine = create_engine(
        location,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        connect_args=given,
        use_native_hstore=False,
    )
    engine.dialect.ddl_compiler = BinaryOrderDDL
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what it raises anyway

    def set_up(raw: psycopg.Connection[Any], _record: Any) -> None:
        keep_any_text(raw.adapters)
        try:
            raw.execute(_SESSION)
        except psycopg.Error:
            raw.close()
            raise

    event.listen(engine, "connect", set_up)
    return engine


def _expect_ours(connection: Connection) -> None:
    _expect_suitable(connection)
    expect_up_to_date(connection)


def _expect_suitable(connection: Connection) -> None:
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < _OLDEST:
        raise DatabaseUnusable(f"the server is PostgreSQL {version // 10000}; Mover needs 13 or later")
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise DatabaseUnusable(
            f"the database is in {encoding}, which does not hold every name; make one in UTF-8: createdb --encoding=UTF8"
        )


def _expect_owner(connection: Connection) -> None:
    mine, user = connection.exec_driver_sql(
        "SELECT coalesce((SELECT pg_has_role(relowner, 'USAGE') FROM pg_class"
        " WHERE oid = to_regclass('alembic_version')), true), current_user"
    ).one()
    if not mine:
        raise DatabaseUnusable(f"Mover's tables are not {user}'s; the schema is changed by their owner alone")


def _expect_sound(connection: Connection) -> None:
    """Refuse to commit what PostgreSQL would roll back without a word: after an error it takes no more statements."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    if raw.info.transaction_status is psycopg.pq.TransactionStatus.INERROR:
        raise RuntimeError("a transaction went on after an error; use a savepoint around what may fail")
