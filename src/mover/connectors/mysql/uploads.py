"""One upload: the dump is read as it arrives, and each statement executed as soon as it is whole."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from pymysql.err import MySQLError

from mover.connectors.contract import Content, Target
from mover.connectors.mysql.names import Kind, Thing
from mover.connectors.mysql.pool import Pool
from mover.connectors.mysql.restore import TableRestore
from mover.connectors.mysql.restore_programs import LONGEST, restore_program
from mover.connectors.mysql.session import Session
from mover.connectors.mysql.statements import Statement, TableDump
from mover.errors import IntegrityError, MoverError, TooLarge

_CLEANING_S = 10.0


class Uploads:
    """Restores dumps.

    Args:
        pool: Where connections come from.
        largest: Bytes of a statement that the server accepts.
    """

    def __init__(self, pool: Pool, largest: int) -> None:
        self._pool = pool
        self._largest = largest

    async def restore(self, database: str, thing: Thing, target: Target, content: Content) -> None:
        """Restore a dump. Raises Conflict, NotFound, Unsupported, MissingDependency, and what PyMySQL raises."""
        if thing.kind is Kind.TABLE:
            await self._restore_table(database, thing.name, target, content)
            return
        dump = await _whole(content)
        replaces = target.replaces is not None
        async with self._pool.session() as session:
            await session.run(lambda wire: restore_program(wire, database, thing, dump, replaces=replaces))

    async def _restore_table(self, database: str, table: str, target: Target, content: Content) -> None:
        restore = TableRestore(database, table, target.key, target.replaces is not None)
        session = await self._pool.take()
        try:
            await session.run(restore.begin)
            await self._load(session, restore, TableDump(table, largest=self._largest), content)
            await session.run(restore.finish)
        except BaseException:
            await self._clean(restore, session)
            raise
        await self._pool.give_back(session)

    async def _load(self, session: Session, restore: TableRestore, dump: TableDump, content: Content) -> None:
        """Have the server work on one piece while the next one is received and recognised."""
        size = 0
        loading: asyncio.Task[None] | None = None
        try:
            async for piece in content.chunks():
                size += len(piece)
                statements = await asyncio.to_thread(_fed, dump, piece)
                if loading is not None:
                    await loading
                loading = asyncio.create_task(session.run(partial(restore.take, statements=statements)))
            if loading is not None:
                await loading
        except BaseException:
            if loading is not None:
                loading.cancel()
                await asyncio.gather(loading, return_exceptions=True)
            raise
        _check_size(size, content)
        dump.end()

    async def _clean(self, restore: TableRestore, session: Session) -> None:
        """Remove what was loaded. If that cannot be done now, the next upload with this key does it."""
        await self._pool.cut_off(session)
        with contextlib.suppress(MoverError, MySQLError, OSError, TimeoutError):
            async with asyncio.timeout(_CLEANING_S), self._pool.session() as other:
                await other.run(restore.discard_there)


def _fed(dump: TableDump, piece: bytes) -> list[Statement]:
    return list(dump.feed(piece))


async def _whole(content: Content) -> bytes:
    dump = bytearray()
    async for piece in content.chunks():
        dump += piece
        if len(dump) > LONGEST:
            raise TooLarge(f"a definition has at most {LONGEST} bytes")
    _check_size(len(dump), content)
    return bytes(dump)


def _check_size(size: int, content: Content) -> None:
    if content.size not in {None, size}:
        raise IntegrityError(f"{content.size} bytes were announced, {size} came")
