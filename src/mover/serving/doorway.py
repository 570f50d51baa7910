"""Takes connections on listening sockets: TLS goes on to the application, plain HTTP gets an answer of its own.

The first byte tells which it is (RFC 8446 5.1: a handshake record begins with 22). It is looked at without being
taken, so nothing has to be handed on. Each connection gets the certificate that is in use when it comes.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress

from mover.serving import plain
from mover.serving.readable import readable
from mover.settings import IPNetwork

_HANDSHAKE = 22
_FIRST_BYTE_WITHIN_S = 10.0
_HANDSHAKE_WITHIN_S = 15.0
_GOODBYE_WITHIN_S = 1.0  # a client that does not end TLS in order is not waited for
_PLAIN_WITHIN_S = 5.0
MOST_ON_THEIR_WAY_IN = 500
_PAUSE_S = 0.2
_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

_log = logging.getLogger(__name__)

MakeProtocol = Callable[[], asyncio.Protocol]


class Doorway:
    """Accepts connections until it is closed.

    Args:
        sockets: Listening, non-blocking; closed by `close`.
        context: Gives the TLS context for a connection.
        protocol: Makes what a connection is handed to once TLS stands.
        https_port: Where plain requests are sent to; None: to where they came.
        only_plain: These sockets never speak TLS, they only redirect.
        plain_from: Networks whose plain connections are handed on all the same: proxies that took TLS off.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        context: Callable[[], ssl.SSLContext],
        protocol: MakeProtocol,
        *,
        https_port: int | None = None,
        only_plain: bool = False,
        plain_from: Sequence[IPNetwork] = (),
    ) -> None:
        self._sockets = sockets
        self._context = context
        self._protocol = protocol
        self._https_port = https_port
        self._only_plain = only_plain
        self._plain_from = tuple(plain_from)
        self._accepting: list[asyncio.Task[None]] = []
        self._entering: dict[asyncio.Task[None], None] = {}  # in the order in which they came
        self._held: set[socket.socket] = set()  # accepted, and not handed on

    def open(self) -> None:
        """Begin to accept; needs the running event loop."""
        for listener in self._sockets:
            task = asyncio.create_task(self._accept(listener))
            # Once the event loop looks at it no more: the number of a closed socket may be another's the next moment.
            task.add_done_callback(functools.partial(_closed, listener))
            self._accepting.append(task)

    def close(self) -> None:
        """Accept nobody any more, and drop who has not come in yet. Connections that were handed on stay."""
        for task in (*self._accepting, *self._entering):
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until nothing of it runs any more."""
        await asyncio.gather(*self._accepting, *self._entering, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            # Nothing is awaited between a connection and its place among those that are held: at the end of the server
            # one that came at this moment would belong to nobody, and its client would wait.
            await readable(listener)
            try:
                connection, _ = listener.accept()
            except OSError as error:
                if error.errno in _OUT_OF_FILES:
                    _log.error("no more connections can be taken: %s", error.strerror)
                    await asyncio.sleep(_PAUSE_S)
                continue
            if len(self._entering) >= MOST_ON_THEIR_WAY_IN:
                # Who came first and says nothing makes room: nobody can keep others out by connecting in silence.
                first = next(iter(self._entering))
                first.cancel()
                del self._entering[first]
            self._held.add(connection)
            task = asyncio.create_task(self._enter(connection))
            self._entering[task] = None
            task.add_done_callback(functools.partial(self._entered, connection))

    def _entered(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._entering.pop(task, None)
        if connection in self._held:  # also of a task that was ended before it began
            self._held.remove(connection)
            connection.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a connection could not be taken", exc_info=error)

    async def _enter(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(_FIRST_BYTE_WITHIN_S):
                first = await _peek(connection)
            loop = asyncio.get_running_loop()
            if first == _HANDSHAKE and not self._only_plain:
                self._held.remove(connection)
                await loop.connect_accepted_socket(
                    self._protocol,
                    connection,
                    ssl=self._context(),
                    ssl_handshake_timeout=_HANDSHAKE_WITHIN_S,
                    ssl_shutdown_timeout=_GOODBYE_WITHIN_S,
                )
            elif first is not None and self._may_be_plain(connection):
                self._held.remove(connection)
                await loop.connect_accepted_socket(self._protocol, connection)
            elif first is not None and first != _HANDSHAKE:
                async with asyncio.timeout(_PLAIN_WITHIN_S):
                    await self._answer_plain(connection)
        except (OSError, TimeoutError):
            pass  # the other side went away, stayed silent, or knows no TLS that is good enough: nobody to tell

    def _may_be_plain(self, connection: socket.socket) -> bool:
        if self._only_plain or not self._plain_from:
            return False
        try:
            peer = ipaddress.ip_address(connection.getpeername()[0].partition("%")[0])
        except (OSError, ValueError):
            return False
        return any(peer in network for network in self._plain_from)

    async def _answer_plain(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        head = b""
        while not plain.is_complete(head) and len(head) < plain.LONGEST_HEAD:
            piece = await loop.sock_recv(connection, 4096)
            if not piece:
                return
            head += piece
        await loop.sock_sendall(connection, plain.answer(head, https_port=self._https_port))
        connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):  # until the other side has read it; closing at once could take it away again
            while await loop.sock_recv(connection, 65_536):
                pass


def _closed(listener: socket.socket, _accepting: asyncio.Task[None]) -> None:
    listener.close()


async def _peek(connection: socket.socket) -> int | None:
    """Look at the first byte without taking it; None if the connection ends before."""
    while True:
        try:
            found = connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            await readable(connection)
        else:
            return found[0] if found else None
