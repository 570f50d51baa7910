"""The sole right to something, among all processes that use a PostgreSQL server: advisory locks, watched.

The lock belongs to a session of its own, which the server ends with the process, however that ends. What else can end
it is watched for: the server restarts, somebody ends the session, the network fails. Then

- the lock is taken again as soon as the server can be reached; nobody notices, and the work goes on;
- if another process was quicker, or the server cannot be reached for `RECLAIM_S`, the holder's task is cancelled, and
  its block raises LockLost.

Two processes hardly ever both believe to have it: a server that was started just now gives new locks only after
`GRACE_S`, in which earlier holders come back; and a server that cannot reach a holder keeps its lock for longer
(`_SERVER_KEEPS_S`) than the holder goes on without it. A holder who takes longer to come back (a machine at its limit, a
network that fails while the server restarts) is overtaken, and goes on until he notices: what he does meanwhile must do no
harm. So `RunLedger` refuses what he writes, and the one who came after him looks for what he left.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any

import psycopg

from mover.database.failures import DatabaseTrouble, DatabaseUnreachable, Held, LockLost
from mover.database.postgresql_failures import explain
from mover.database.store import SoleRight

RECLAIM_S = 100.0
"""A holder goes on without its lock for so long, while it tries to get it back."""

GRACE_S = 5.0
"""A server gives no new locks for so long after it was there again, to the second."""

_SERVER_KEEPS_S = 140
_HEARTBEAT_S = 5.0
_RETRY_S = 0.2
_LEAVE_S = 5.0
_AGE = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8"
# A crashed server takes nobody in until it has recovered, which ends with a checkpoint.
_CHECKPOINT_AGE = "SELECT greatest(0, extract(epoch FROM clock_timestamp() - checkpoint_time))::float8 FROM pg_control_checkpoint()"
_NOT_TOLD = (
    psycopg.errors.UndefinedFunction,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.InsufficientPrivilege,
)
_SESSION = (
    # Half of it idle, then a question every so often; and as long for an answer that is not acknowledged.
    f"SET tcp_keepalives_idle = {_SERVER_KEEPS_S // 2}; SET tcp_keepalives_interval = {_SERVER_KEEPS_S // 14};"
    f"SET tcp_keepalives_count = 7; SET tcp_user_timeout = {_SERVER_KEEPS_S * 1000}; SET idle_session_timeout = 0"
)

Session = psycopg.AsyncConnection[Any]


class AdvisoryLock:
    """One lock, for one `async with` block.

    Args:
        name: What it is for; holders of the same name in the same database exclude each other.
        options: How psycopg connects.
        where: The database, for people.
        reclaim_s: As `RECLAIM_S`.
        grace_s: As `GRACE_S`.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        where: str,
        *,
        reclaim_s: float = RECLAIM_S,
        grace_s: float = GRACE_S,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._key = key_of(name)
        self._options = {**options, "connect_timeout": 5, "tcp_user_timeout": 10_000}
        self._where = where
        self._reclaim_s = reclaim_s
        self._grace_s = grace_s
        self._sleep = sleep
        self._right = SoleRight()
        self._leaving = asyncio.Event()
        self._session: Session | None = None
        self._holder: asyncio.Task[Any] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._cancelled_before = 0
        self._why = ""

    async def __aenter__(self) -> SoleRight:
        try:
            self._session = await self._taken()
        except psycopg.Error as error:
            if (meant := explain(error, self._where)) is None:
                raise
            raise meant from error
        self._holder = asyncio.current_task()
        assert self._holder is not None
        self._cancelled_before = self._holder.cancelling()
        self._watch = asyncio.create_task(self._keep(), name=f"lock {self._name}")
        return self._right

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._holder is not None
        try:
            await self._let_go()
        except asyncio.CancelledError as cancelled:
            if not self._right.lost:
                raise
            kind, error = type(cancelled), cancelled
        if not self._right.lost:
            return
        only_ours = self._holder.uncancel() <= self._cancelled_before
        if only_ours and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise LockLost(f"the lock {self._name!r} was lost: {self._why}") from error

    async def _let_go(self) -> None:
        assert self._watch is not None
        self._leaving.set()
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self._watch
                if self._session is not None and not self._right.lost:
                    # Not only by hanging up, which the server may notice a moment later.
                    await self._session.execute("SELECT pg_advisory_unlock(%s)", (self._key,))
        except (psycopg.Error, OSError, TimeoutError):
            self._watch.cancel()  # a server that has gone holds no lock
        finally:
            if self._session is not None:
                await self._session.close()

    async def _taken(self) -> Session:
        """Take the lock as somebody who did not have it. Raises Held."""
        session = await self._connected()
        try:
            age_s = await self._age_s(session)
            if age_s < self._grace_s:
                # Not taken for a moment even: an earlier holder who comes back in it would find himself overtaken.
                await self._sleep(self._grace_s - age_s)
            await self._try(session)
        except BaseException:
            await session.close()
            raise
        return session

    async def _age_s(self, session: Session) -> float:
        """Since when earlier holders could have been back: the server's start, or the end of its recovery.

        Long after its start, when no holder waits any more, later checkpoints do not count.
        """
        age_s = float(await _value(session, _AGE))
        if age_s > self._reclaim_s + self._grace_s:
            return age_s
        try:
            return min(age_s, float(await _value(session, _CHECKPOINT_AGE)))
        except _NOT_TOLD:  # something that only speaks like PostgreSQL
            return age_s

    async def _keep(self) -> None:
        """Watch the session, and take the lock again when it ends; cancel the holder if that cannot be done."""
        while self._session is not None:
            await self._until_broken(self._session)
            if self._leaving.is_set():
                return
            await self._session.close()
            self._session = None
            try:
                async with asyncio.timeout(self._reclaim_s):
                    self._session = await self._reclaimed()
            except TimeoutError:
                self._lose("the database server cannot be reached")
            except Held:
                self._lose("another process has it now")
            except DatabaseTrouble as error:
                self._lose(str(error))
            except Exception as error:
                self._lose(f"unexpected {type(error).__name__}")  # without its lock nobody may go on
                raise

    def _lose(self, why: str) -> None:
        assert self._holder is not None
        if self._leaving.is_set():
            return  # what it was for has been done
        self._right.lost = True
        self._why = why
        self._holder.cancel()

    async def _reclaimed(self) -> Session | None:
        """Take the lock again; None if it is not needed any more. Raises Held, and what makes it hopeless."""
        while not self._leaving.is_set():
            session = None
            try:
                session = await self._connected()
                await self._try(session)
            except (psycopg.Error, OSError) as error:
                if session is not None:
                    await session.close()
                meant = explain(error, self._where) if isinstance(error, psycopg.Error) else None
                if meant is not None and not isinstance(meant, DatabaseUnreachable):
                    raise meant from error
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY_S):
                        await self._leaving.wait()
            except BaseException:
                if session is not None:
                    await session.close()
                raise
            else:
                return session
        return None

    async def _connected(self) -> Session:
        session = await psycopg.AsyncConnection.connect(**self._options)
        try:
            await session.execute(_SESSION)
        except BaseException:
            await session.close()
            raise
        return session

    async def _try(self, session: Session) -> None:
        if not await _value(session, "SELECT pg_try_advisory_lock(%s)", self._key):
            raise Held(f"somebody else holds the lock {self._name!r}")

    async def _until_broken(self, session: Session) -> None:
        """Return when the session has ended, or the holder leaves. An end that is told is noticed at once."""
        loop = asyncio.get_running_loop()
        while True:
            heard = asyncio.Event()
            try:
                descriptor = session.fileno()
            except (psycopg.Error, OSError):
                return
            loop.add_reader(descriptor, heard.set)
            waits = [asyncio.create_task(event.wait()) for event in (heard, self._leaving)]
            try:
                await asyncio.wait(waits, timeout=_HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                loop.remove_reader(descriptor)
                for wait in waits:
                    wait.cancel()
            if self._leaving.is_set():
                return
            try:
                await session.execute("SELECT 1")
            except (psycopg.Error, OSError):
                return


async def _value(session: Session, query: str, *parameters: object) -> Any:
    row = await (await session.execute(query.encode(), parameters or None)).fetchone()
    assert row is not None
    return row[0]


def key_of(name: str) -> int:
    """The number that stands for a name: 64 bits with a sign, as PostgreSQL wants them."""
    digest = hashlib.sha256(b"mover lock " + name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
