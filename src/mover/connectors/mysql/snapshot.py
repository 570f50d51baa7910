"""One moment at which all tables are read, without a lock that keeps anybody from writing.

`START TRANSACTION WITH CONSISTENT SNAPSHOT` on one connection, which lives as long as the connector: no server of this
family hands a snapshot on to another connection by means that are open to every account, so reads take turns. After each
table the transaction goes back to a savepoint, which frees the table to be altered.

If the connection breaks, the moment is lost: what is read after that is of a later one, and `remarks` says so. Something
that was written by this very connector makes the moment old, so that what has arrived can be read back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator

import pymysql.err
from pymysql.constants import ER

from mover.connectors.mysql import catalog
from mover.connectors.mysql.pool import Pool
from mover.connectors.mysql.session import Session, Wire

_PIECE = 1 << 20
_ENOUGH = 256 * 1024  # bytes that are worth a change of threads


class Snapshot:
    """Reads dumps, one after the other.

    Args:
        pool: Where its connection comes from.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._turn = asyncio.Lock()
        self._session: Session | None = None
        self._is_old = False
        self._was_read = False
        self.times_lost = 0

    def grow_old(self) -> None:
        """Have the next read begin a new moment."""
        self._is_old = True

    async def read(self, dump: Callable[[Wire], Iterator[bytes]]) -> AsyncGenerator[bytes, None]:
        """Yield what `dump` yields, in pieces of at most 1 MiB."""
        async with self._turn:
            session = await self._current()
            pieces = _joined(dump, session.wire)
            ended = False
            try:
                while (piece := await session.run(lambda _: next(pieces, None))) is not None:
                    self._was_read = True
                    for start in range(0, len(piece), _PIECE):
                        yield piece[start : start + _PIECE]
                ended = True
            finally:
                await self._after(session, pieces, ended=ended)

    async def _current(self) -> Session:
        if self._session is not None and self._is_old and self._session.wire.is_open:
            await self._session.run(lambda wire: wire.execute("COMMIT"))
            await self._pool.give_back(self._session)
            self._session, self._was_read = None, False
        self._is_old = False
        if self._session is None:
            session = await self._pool.take()
            try:
                await session.run(_begin)
            except BaseException:
                await self._pool.close_one(session)
                raise
            self._session = session
        return self._session

    async def _after(self, session: Session, pieces: Generator[bytes, None, None], *, ended: bool) -> None:
        """Bring the connection back to order: a query that was given up is killed, the table is set free."""
        try:
            if not ended and session.wire.is_open:
                async with self._pool.session() as other:
                    number = session.wire.number
                    await other.run(lambda wire: _kill(wire, number))
            await session.run(lambda wire: _set_free(wire, pieces))
        except (Exception, asyncio.CancelledError) as error:
            await self._lose(session)  # whatever it was, it cost the moment, and `remarks` says so
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            if not session.wire.is_open:
                await self._lose(session)

    async def _lose(self, session: Session) -> None:
        self._session = None
        self.times_lost += self._was_read
        await self._pool.cut_off(session)


def _begin(wire: Wire) -> None:
    wire.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    catalog.note_moment(wire)
    wire.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    wire.execute("SAVEPOINT mover")


def _kill(wire: Wire, number: int) -> None:
    try:
        wire.execute(f"KILL QUERY {number}")
    except pymysql.err.MySQLError as error:
        if error.args[0] != ER.NO_SUCH_THREAD:
            raise


def _set_free(wire: Wire, pieces: Generator[bytes, None, None]) -> None:
    pieces.close()
    if wire.is_open:
        _again(wire, "ROLLBACK TO SAVEPOINT mover")


def _again(wire: Wire, statement: str) -> None:
    """Execute a statement that a KILL which came late may hit in place of the query it was meant for."""
    try:
        wire.execute(statement)
    except pymysql.err.MySQLError as error:
        if error.args[0] != ER.QUERY_INTERRUPTED:
            raise
        wire.execute(statement)


def _joined(dump: Callable[[Wire], Iterator[bytes]], wire: Wire) -> Generator[bytes, None, None]:
    pieces: list[bytes] = []
    size = 0
    for piece in dump(wire):
        pieces.append(piece)
        size += len(piece)
        if size >= _ENOUGH:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)
