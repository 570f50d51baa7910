"""Transactions for asynchronous code: each runs as a plain function in a thread, one hop for the whole of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from mover.database import sqlite
from mover.database.schema import bring_up_to_date
from mover.errors import InvalidConfiguration

T = TypeVar("T")

_READERS = 4


class Database:
    """One database, open. Several processes may have the same one open. Made by `open`.

    The function given to `write` or `read` gets a connection inside a transaction, runs in a thread, and returns plain
    values: neither the connection nor a lazy result may leave it. Besides what it raises itself, both methods raise
    Locked, InvalidConfiguration (the file is damaged or not usable) and StagingFull (the disk is full).

    A cancelled call ends only when its transaction has ended: one that had not started never does, one that had is
    carried to its end, and then the cancellation goes on.
    """

    def __init__(self, path: str, writing: Engine, reading: Engine) -> None:
        self._path = path
        self._writing = writing
        self._reading = reading
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="database-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="database-reader")

    @classmethod
    async def open(cls, url: str) -> Database:
        """Open the database at an SQLAlchemy URL, making file and folder if needed, and bring its schema up to date.

        Raises InvalidConfiguration (not a usable URL or file, or made by a newer Mover) and Locked.
        """
        parsed = _sqlite_url(url)
        path = parsed.database or ""
        database = cls(
            path,
            sqlite.make_engine(parsed, writes=True, connections=1),
            sqlite.make_engine(parsed, writes=False, connections=_READERS),
        )
        try:
            await _finish(database._writer, database._set_up)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that excludes other writers; committed when it returns, undone when it raises."""
        return await _finish(self._writer, lambda: self._run(self._writing, work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a snapshot that does not change meanwhile, without waiting for writers. Writing in it fails."""
        return await _finish(self._readers, lambda: self._run(self._reading, work))

    async def close(self) -> None:
        """Let running transactions end, then close all connections. Idempotent."""
        await asyncio.to_thread(self._close)

    def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        with self._explained(), engine.begin() as connection:
            return work(connection)

    def _set_up(self) -> None:
        path = Path(self._path)
        sqlite.prepare(path)
        with self._explained(), sqlite.alone(path):
            sqlite.use_wal(self._writing)
            with self._writing.begin() as connection:
                bring_up_to_date(connection)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            if (meant := sqlite.explain(error, self._path)) is None:
                raise
            raise meant from error


def _sqlite_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidConfiguration("the database's URL cannot be understood") from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise InvalidConfiguration("the database has to be a file: sqlite:///path")
    return parsed


async def _finish(threads: ThreadPoolExecutor, job: Callable[[], T]) -> T:
    running = threads.submit(job)
    try:
        return await asyncio.wrap_future(running)
    except asyncio.CancelledError:
        # The cancellation has reached the thread's queue too. What runs already is waited for, so that nothing of a
        # transaction happens behind the back of a caller who believes that it has ended.
        while not running.done():
            try:
                await asyncio.wait({asyncio.wrap_future(running)})
            except asyncio.CancelledError:
                continue
        raise
