"""One connection to the server. PyMySQL blocks, so all of its work is done in threads.

The socket comes from the transport room. A thread that waits for the server is woken by shutting the socket down: that
is how an operation is cancelled, and how `close` ends whatever is under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

import pymysql
import pymysql.err
from pymysql.constants import CLIENT
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from mover.connectors.mysql.config import MySqlConfig, Tls
from mover.connectors.mysql.rows import Row, rows_of
from mover.errors import SignInFailed, TimedOut, Unreachable
from mover.transport.egress import Egress

T = TypeVar("T")
SQL_MODE = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION,NO_DIR_IN_CREATE"
_SETTINGS = f"""SET SESSION sql_mode = '{SQL_MODE}', time_zone = '+00:00', foreign_key_checks = 0,
 unique_checks = 0, sql_quote_show_create = 1, wait_timeout = 28800, net_write_timeout = 28800, lock_wait_timeout = 50,
 sql_select_limit = 18446744073709551615, sql_big_selects = 1
 /*M!100306 , max_statement_time = 0, idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0,
 check_constraint_checks = 0 */ /*!50708 , max_execution_time = 0 */"""
# What a server limits for everybody (rows of a SELECT, seconds of a query or of an idle snapshot) would cut a dump short. Rows
# that came before a CHECK, or in spite of it, are restored as they were. MariaDB passes /*!50708 over, MySQL /*M!.
_CONVERTERS: dict[Any, Any] = {**encoders}  # none for results: they stay bytes
_PATIENCE_S = 2.0  # that a cancelled operation has to end in good order


class Wire:
    """What a thread does on a connection: one query after the other, results as bytes.

    Everything raises what PyMySQL raises; `mover.connectors.mysql.failures` says what that means.
    """

    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection
        self.calls = 0

    @property
    def number(self) -> int:
        """By which KILL names this connection."""
        return int(self._connection.thread_id())  # type: ignore[no-untyped-call]

    @property
    def version(self) -> str:
        """The server's, as it tells it."""
        return str(self._connection.get_server_info())  # type: ignore[no-untyped-call]

    @property
    def is_open(self) -> bool:
        """Nothing has broken so far."""
        return bool(self._connection.open)

    def execute(self, statement: str | bytes) -> None:
        """Execute a statement whose result does not matter."""
        self.calls += 1
        self._connection.query(statement)

    def rows(self, query: str | bytes) -> list[Row]:
        """Return all rows of a query, which are few."""
        self.calls += 1
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def row(self, query: str | bytes) -> Row | None:
        """Return the first row of a query, if it has any."""
        found = self.rows(query)
        return found[0] if found else None

    def stream(self, query: str | bytes) -> Generator[Row, None, None]:
        """Yield the rows of a query as they arrive. Closed early it reads the rest: have the query killed before."""
        self.calls += 1
        cursor = self._connection.cursor(SSCursor)
        try:
            cursor.execute(query)  # type: ignore[arg-type] # bytes are taken as they are
            yield from rows_of(self._connection, cursor)
        finally:
            if self.is_open:
                with contextlib.suppress(
                    pymysql.err.MySQLError
                ):  # it was killed, or the connection breaks now
                    cursor.close()
            result = getattr(cursor, "_result", None)  # PyMySQL would go on reading from what is closed
            if result is not None and not self.is_open:
                result.unbuffered_active = False

    def close(self) -> None:
        """Say goodbye."""
        with contextlib.suppress(pymysql.err.MySQLError):  # closed already
            self._connection.close()


class Session:
    """A signed-in connection. One piece of work at a time.

    Args:
        wire: The connection.
        handle: A second handle of its socket, to wake a thread that waits on it.
        threads: Where work is done.
    """

    def __init__(self, wire: Wire, handle: socket.socket, threads: ThreadPoolExecutor) -> None:
        self.wire = wire
        self._handle = handle
        self._threads = threads
        self._turn = asyncio.Lock()
        self._is_closed = False

    async def run(self, work: Callable[[Wire], T]) -> T:
        """Do work in a thread. If the caller is cancelled, the work is given a moment to end and then cut off."""
        async with self._turn:
            if self._is_closed:
                raise Unreachable("the connection was closed")
            job = self._threads.submit(work, self.wire)
            try:
                return await asyncio.wrap_future(job)
            except asyncio.CancelledError:
                if not await _ended(job, within_s=_PATIENCE_S):
                    self.abort()
                    await _ended(job, within_s=None)
                raise

    def abort(self) -> None:
        """Break the connection; a thread that waits for the server wakes up with an error."""
        with contextlib.suppress(OSError):  # it is broken already
            self._handle.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Let go of the connection; idempotent, never raises."""
        if self._turn.locked():
            self.abort()
        async with self._turn:
            if self._is_closed:
                return
            self._is_closed = True
            await asyncio.wrap_future(self._threads.submit(self.wire.close))
            self._handle.close()


async def dial(
    config: MySqlConfig, egress: Egress, tls: ssl.SSLContext | None, threads: ThreadPoolExecutor
) -> Session:
    """Connect and sign in. Raises AddressRefused, Unreachable, TimedOut, and what PyMySQL raises."""
    connected = await egress.connect(config.host, config.port)
    connected.setblocking(True)
    handle = socket.socket(fileno=os.dup(connected.fileno()))
    connection = _connection(config, egress, tls)
    session = Session(Wire(connection), handle, threads)
    try:
        async with asyncio.timeout(2 * egress.limits.connect_s):
            await session.run(lambda wire: _sign_in(wire, connection, connected))
    except BaseException as error:
        connected.close()
        await session.close()
        if isinstance(error, TimeoutError):
            raise TimedOut("the server did not let anybody sign in in time") from error
        raise
    return session


def _connection(config: MySqlConfig, egress: Egress, tls: ssl.SSLContext | None) -> pymysql.Connection[Any]:
    unsafe = {} if tls is not None and config.tls is Tls.REQUIRED else _SENDING_PASSWORDS
    connection = pymysql.Connection(
        host=config.host,
        port=config.port,
        user=config.username,
        password=config.password.reveal().encode() if config.password else b"",
        charset="utf8mb4",
        use_unicode=False,
        conv=_CONVERTERS,
        autocommit=True,
        local_infile=False,
        ssl=tls,
        ssl_disabled=tls is None,
        connect_timeout=egress.limits.connect_s,
        read_timeout=egress.limits.answer_s,
        write_timeout=egress.limits.answer_s,
        auth_plugin_map=unsafe,
        defer_connect=True,
    )
    if config.tls is Tls.OFFERED:
        # PyMySQL has "use TLS where it is offered" only with a context of its own, which verifies nothing. MySQL hangs up
        # on a client that announces TLS where there is none.
        connection.client_flag &= ~CLIENT.SSL
        connection._ssl_required = False  # type: ignore[attr-defined] # noqa: SLF001 - see above
    return connection


def _sign_in(wire: Wire, connection: pymysql.Connection[Any], connected: socket.socket) -> None:
    connection.connect(connected)
    wire.execute(_SETTINGS)


class _Refuse:
    """Stands for a way of signing in that shows the password to whoever listens."""

    def __init__(self, connection: object) -> None:
        """Take what PyMySQL hands over."""

    def authenticate(self, _packet: object) -> NoReturn:
        raise SignInFailed("the server asks for the password in the clear; tls=required would protect it")


_SENDING_PASSWORDS: dict[str, Callable[[Any], Any]] = dict.fromkeys(
    ("mysql_clear_password", "mysql_old_password", "dialog"), _Refuse
)


async def _ended(job: Future[T], *, within_s: float | None) -> bool:
    """Wait until a job has ended, however often the waiting is cancelled; False if it takes too long."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    job.add_done_callback(lambda _: loop.call_soon_threadsafe(ended.set))
    deadline = None if within_s is None else loop.time() + within_s
    while not ended.is_set():
        try:
            async with asyncio.timeout_at(deadline):
                await ended.wait()
        except asyncio.CancelledError:
            continue
        except TimeoutError:
            return False
    return True
