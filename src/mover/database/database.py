"""Transactions for asynchronous code: each runs as a plain function in a thread, one hop for the whole of it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from sqlalchemy import Connection

from mover.database.locations import POSTGRESQL, Hidden, parsed
from mover.database.store import SoleRight, Store

T = TypeVar("T")

_WIDEST = 5  # bytes of a character, at most: some are kept spelled out
_SPELLED_OUT = re.compile("[\x00\x1a\ud800-\udfff]")

CONNECTIONS = 8
"""To a database server at most, for a process, besides one for each lock that is held."""


class Database:
    """One database, open. Several processes may have the same one open. Made by `open`.

    The function given to `write` or `read` gets a connection inside a transaction, runs in a thread, and returns plain
    values: neither the connection nor a lazy result may leave it. **It may be run several times** (PostgreSQL: when
    transactions got into each other's way, or the connection broke), so it must not change anything but the database;
    what an earlier attempt did there is undone. Besides what it raises itself, both methods raise DatabaseTrouble:
    DatabaseBusy, DatabaseFull, DatabaseUnusable, and DatabaseUnreachable, the latter after two minutes without the server.

    A cancelled call ends only when its transaction has ended: one that had not started never does, one that had is
    carried to its end, and then the cancellation goes on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writers = ThreadPoolExecutor(store.writers, thread_name_prefix="database-writer")
        self._readers = ThreadPoolExecutor(store.readers, thread_name_prefix="database-reader")

    @classmethod
    async def open(cls, url: str | Hidden, *, connections: int = CONNECTIONS) -> Database:
        """Open the database at a URL: `sqlite:///path` or `postgresql://user:password@host/database?sslmode=...`.

        SQLite's file and folder are made if needed, and its schema is brought up to date. A schema on a server is
        changed by `mover db upgrade` alone, and has to be the right one.

        Args:
            url: Text, or what reveals it (a Secret). What libpq understands after `?` goes there (`sslmode=verify-full&sslrootcert=/path`).
            connections: To a server at most, besides one for each lock that is held.

        Raises DatabaseUnusable (not a usable URL, file or server, or another schema), DatabaseBusy, DatabaseUnreachable.
        """
        database = cls(_store(url, connections))
        try:
            await _finish(database._writers, lambda _: database._store.set_up())
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; committed when it returns, undone when it raises.

        It is as if no other transaction ran at the same time: what it read stays true until its commit.
        """
        return await _finish(self._writers, lambda given_up: self._store.write(work, given_up))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a snapshot that does not change meanwhile, without waiting for writers. Writing in it fails."""
        return await _finish(self._readers, lambda given_up: self._store.read(work, given_up))

    async def forget_removed(self) -> None:
        """Let nothing be found in the database's files that was removed or overwritten before this call.

        For those who have removed secrets. On SQLite its write-ahead log is emptied, which cannot be done as long as
        others read or write: then it is tried again after later writes. On PostgreSQL nothing is done. Raises
        DatabaseTrouble.
        """
        await _finish(self._writers, lambda _: self._store.forget_removed())

    def can_look_up(self, key: str) -> bool:
        """Whether a text is short enough to be found by: to stand in a column that has an index."""
        longest = self._store.longest_key
        if longest is None or len(key) * _WIDEST <= longest:
            return True
        spelled_out = len(_SPELLED_OUT.findall(key))
        return len(key.encode("utf-8", "surrogatepass")) + (_WIDEST - 1) * spelled_out <= longest

    def lock(self, name: str) -> AbstractAsyncContextManager[SoleRight]:
        """Have the sole right to something, such as `pair:42`, for the time of an `async with` block.

        It ends with the process, however that ends. Should it be lost before (the connection to the server broke, and
        another process was quicker, or the server stayed away for too long), the task is cancelled inside of the
        block, and the block raises LockLost.

        Raises Held at once if another process, or another task of this one, has it.
        """
        return self._store.lock(name)

    async def close(self) -> None:
        """Let running transactions end, then close all connections. Idempotent."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writers.shutdown()
        self._readers.shutdown()
        self._store.close()


def _store(url: str | Hidden, connections: int) -> Store:
    location = parsed(url)
    # Imported here since each command needs one of them.
    if location.get_backend_name() == POSTGRESQL:
        from mover.database.postgresql import PostgresqlStore  # noqa: PLC0415

        return PostgresqlStore(location, connections=connections)
    from mover.database.sqlite import SqliteStore  # noqa: PLC0415

    return SqliteStore(location)


async def _finish(threads: ThreadPoolExecutor, job: Callable[[threading.Event], T]) -> T:
    given_up = threading.Event()
    running = threads.submit(job, given_up)
    try:
        return await asyncio.wrap_future(running)
    except asyncio.CancelledError:
        # The cancellation has reached the thread's queue too. What runs already is waited for, so that nothing of a
        # transaction happens behind the back of a caller who believes that it has ended.
        given_up.set()
        while not running.done():
            try:
                ended = asyncio.wrap_future(running)
                ended.add_done_callback(_look)
                await asyncio.wait({ended})
            except asyncio.CancelledError:
                continue
        raise


def _look(ended: asyncio.Future[T]) -> None:
    """See an error that nobody waits for any more."""
    if not ended.cancelled():
        ended.exception()
