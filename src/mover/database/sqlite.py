"""All that is particular to SQLite: the file, its pragmas, transactions, and what its errors mean."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from mover.database.failures import DatabaseBusy, DatabaseFull, DatabaseUnusable
from mover.database.files import file_lock
from mover.database.schema import bring_up_to_date
from mover.database.store import SoleRight
from mover.errors import MoverError

T = TypeVar("T")

BUSY_TIMEOUT_S = 30.0
_LOCK_POLL_S = 0.02
_READERS = 4


class SqliteStore:
    """A database that is a file. One writer at a time, whatever process it is in, and readers beside it.

    Args:
        location: Its URL.
    """

    writers = 1
    readers = _READERS
    longest_key = None

    def __init__(self, location: URL) -> None:
        self._path = Path(location.database or "")
        self._writing = make_engine(location, writes=True, connections=self.writers)
        self._reading = make_engine(location, writes=False, connections=self.readers)
        self._log_has_removed = False

    def set_up(self) -> None:
        """Make folder and file if needed, and bring the schema up to date."""
        prepare(self._path)
        with self._explained(), alone(self._path):
            use_wal(self._writing)
            with self._writing.begin() as connection:
                bring_up_to_date(connection)

    def write(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:  # noqa: ARG002 - nothing is tried again
        """Run `work` in a transaction that excludes other writers."""
        with self._explained(), self._writing.begin() as connection:
            result = work(connection)
        if self._log_has_removed:
            # What was written is kept, whatever comes of this: a disk that fails here is told of by the next write.
            with suppress(sqlite3.Error):
                self._log_has_removed = not emptied_log(self._writing)
        return result

    def forget_removed(self) -> None:
        """Empty the write-ahead log: pages as they were before a removal stand in it until then, ciphertexts among them.

        In the file itself they are overwritten (`secure_delete`). Somebody who reads or writes at this moment keeps the
        log from being emptied; it is tried again after each write of this process then.
        """
        with self._explained():
            self._log_has_removed = not emptied_log(self._writing)

    def read(self, work: Callable[[Connection], T], given_up: threading.Event) -> T:  # noqa: ARG002 - as above
        """Run `work` on a snapshot."""
        with self._explained(), self._reading.begin() as connection:
            return work(connection)

    def lock(self, name: str) -> AbstractAsyncContextManager[SoleRight]:
        """Have the sole right to something: a lock file beside the database."""
        return file_lock(self._path.parent / "locks", name)

    def close(self) -> None:
        """Close all connections."""
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            if (meant := explain(error, str(self._path))) is None:
                raise
            raise meant from error


def prepare(path: Path) -> None:
    """Create the folder (0700) and an empty file (0600); SQLite gives its WAL files the mode of the main one.

    Raises DatabaseUnusable.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only a file that this call made may be opened here: closing a descriptor of one that SQLite has open in
        # this process would drop SQLite's locks on it (POSIX advisory locks belong to the process).
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        if path.is_file():
            return
        raise DatabaseUnusable(f"the database {str(path)!r} cannot be made: {error.strerror}") from None


@contextmanager
def alone(
    path: Path,
    *,
    timeout_s: float = BUSY_TIMEOUT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Keep other processes from opening the database meanwhile: SQLite's own locks do not cover the change to WAL.

    Raises DatabaseBusy after `timeout_s`.
    """
    deadline = clock() + timeout_s
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock() >= deadline:
                    raise DatabaseBusy(f"another process is setting up the database {str(path)!r}") from None
                sleep(_LOCK_POLL_S)
        yield
    finally:
        os.close(folder)


def make_engine(url: URL, *, writes: bool, connections: int) -> Engine:
    """Make an engine whose transactions are real ones: immediate for writing, a snapshot for reading."""
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    def set_up(raw: sqlite3.Connection, _record: Any) -> None:
        raw.isolation_level = None  # the driver must not begin and commit transactions on its own
        try:
            raw.execute("PRAGMA foreign_keys = ON")
            raw.execute("PRAGMA synchronous = FULL")
            raw.execute("PRAGMA secure_delete = ON")  # a destroyed secret is overwritten, not only unlinked
            if not writes:
                raw.execute("PRAGMA query_only = ON")
        except sqlite3.Error:
            raw.close()
            raise

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", start)
    return engine


def use_wal(engine: Engine) -> None:
    """Switch to write-ahead logging, which the file remembers: then readers and the writer do not wait for each other."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        raw.close()


def emptied_log(engine: Engine) -> bool:
    """Move all of the write-ahead log into the file and cut it to nothing, without waiting for anybody; tell whether it was.

    See https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
    """
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
        return bool(busy == 0)
    finally:
        raw.close()


def explain(error: DBAPIError | sqlite3.Error, path: str) -> MoverError | None:
    """Say what an error of the driver means for a person; None if it is the caller's own matter (a constraint)."""
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    meant: MoverError | None = None
    match (
        code & 0xFF if code is not None else None
    ):  # the higher bits tell the kind of an I/O error and the like
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            meant = DatabaseBusy(
                f"another process holds the database {path!r} for longer than {BUSY_TIMEOUT_S:.0f} s"
            )
        case sqlite3.SQLITE_NOTADB:
            meant = DatabaseUnusable(
                f"{path!r} is not a database; move it away or point MOVER_HOME elsewhere"
            )
        case sqlite3.SQLITE_CORRUPT:
            meant = DatabaseUnusable(f"the database {path!r} is damaged; put a backup in its place")
        case sqlite3.SQLITE_FULL:
            meant = DatabaseFull(f"no room left on the disk that holds the database {path!r}")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_IOERR:
            meant = DatabaseUnusable(f"the database {path!r} cannot be used: {original}")
    return meant
