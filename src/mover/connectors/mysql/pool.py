"""Connections that operations borrow: for looking around, and one for each upload."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from pymysql.err import MySQLError

from mover.connectors.mysql.session import Session
from mover.errors import MoverError, Unreachable

_MOST_IDLE = 4
_KILLING_S = 10.0


class Pool:
    """Lends sessions. One that an operation left broken or in the middle of things is not lent again.

    Args:
        dial: Makes a session.
    """

    def __init__(self, dial: Callable[[], Awaitable[Session]]) -> None:
        self._dial = dial
        self._idle: list[Session] = []
        self._lent: set[Session] = set()
        self._calls_of_closed = 0
        self._is_closed = False

    @property
    def calls(self) -> int:
        """Statements executed so far on all sessions that were ever made."""
        return self._calls_of_closed + sum(session.wire.calls for session in (*self._idle, *self._lent))

    async def take(self) -> Session:
        """Hand a session over for good; `close_one` lets go of it."""
        if self._is_closed:
            raise Unreachable("the connection was closed")
        session = self._idle.pop() if self._idle else await self._dial()
        self._lent.add(session)
        return session

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Lend a session for the length of a block that leaves it as it was."""
        session = await self.take()
        try:
            yield session
        except BaseException:
            await self.close_one(session)
            raise
        await self.give_back(session)

    async def give_back(self, session: Session) -> None:
        """Take a session back that is as good as new."""
        if self._is_closed or len(self._idle) >= _MOST_IDLE or not session.wire.is_open:
            await self.close_one(session)
        else:
            self._lent.discard(session)
            self._idle.append(session)

    async def close_one(self, session: Session) -> None:
        """Let go of a session that was taken."""
        self._lent.discard(session)
        self._calls_of_closed += session.wire.calls
        await session.close()

    async def cut_off(self, session: Session) -> None:
        """Let go of a session that broke or was given up, and have the server do so too: it would keep its locks."""
        number = session.wire.number
        await self.close_one(session)
        # If the server cannot be reached now, it ends the session by itself in time.
        with contextlib.suppress(MoverError, MySQLError, OSError, TimeoutError):
            async with asyncio.timeout(_KILLING_S), self.session() as other:
                await other.run(lambda wire: wire.execute(f"KILL {number}"))

    async def close(self) -> None:
        """Let go of all sessions; from now on none is lent."""
        self._is_closed = True
        for session in (*self._idle, *self._lent):
            await session.close()
        self._idle.clear()
