"""How aiohttp gets its connections: from the egress, so that there is one place where addresses are checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import cast

from mover.errors import TimedOut, Unreachable
from mover.transport.causes import cause
from mover.transport.http_library import aiohttp
from mover.transport.tls import error_from_tls

_GOODBYE_S = 2.0
_END_OF_HEADER = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_BUFFER = 64 * 1024  # bytes for what arrives, of each connection

Connect = Callable[[str, int], Awaitable[socket.socket]]
"""Open a checked connection to a host and port: `Egress.connect`."""


class _Handler(aiohttp.client_proto.ResponseHandler):
    """aiohttp's protocol, which also says which transport is still open.

    aiohttp lets go of a transport when it closes it, but one whose peer no longer reads stays open behind its back.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, living: dict[_Handler, asyncio.Transport]) -> None:
        super().__init__(loop=loop)
        self._living = living
        self._after_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        # uvloop's transports have the methods of asyncio.Transport, but not the base class.
        self._living[self] = cast("asyncio.Transport", transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Leave out the last chunk of a body that must not be there.

        OpenStack Swift up to 2.30 on older eventlets ends its answers to HEAD with it (RFC 9112 section 6.3: such
        answers end with their header). To aiohttp it would be the beginning of the next answer.
        """
        if self._after_head and data.startswith(_LAST_CHUNK):
            data = data[len(_LAST_CHUNK) :]
            self._after_head = False
            if not data:
                return
        self._after_head = self._skip_payload
        if self._skip_payload and data.endswith(_END_OF_HEADER + _LAST_CHUNK):
            data = data[: -len(_LAST_CHUNK)]
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        self._living.pop(self, None)
        super().connection_lost(exc)


class _Arriving(asyncio.BufferedProtocol):
    """Takes what arrives into a buffer that stays, and passes it on to aiohttp.

    uvloop otherwise makes new memory of 256 KiB for each TLS record of 16 KiB: a quarter of the time of a large body.
    """

    def __init__(self, handler: _Handler) -> None:
        self.handler = handler
        self._buffer = memoryview(bytearray(_BUFFER))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self.handler.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the event loop's signature
        """Where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many have come."""
        self.handler.data_received(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> None:
        """No more will come."""
        self.handler.eof_received()

    def pause_writing(self) -> None:
        """Much waits to be sent."""
        self.handler.pause_writing()

    def resume_writing(self) -> None:
        """Most of it has been sent."""
        self.handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self.handler.connection_lost(exc)


class EgressConnector(aiohttp.BaseConnector):
    """aiohttp's pool on top of `Egress.connect`: no resolver, no proxy code and no address of aiohttp's own.

    `_create_connection` is the method that aiohttp's own connectors (TCP, Unix, named pipe) implement; it raises
    `mover.errors`, which aiohttp lets pass.
    """

    allowed_protocol_schema_set = frozenset({"http", "https"})

    def __init__(
        self, connect: Connect, tls: ssl.SSLContext, *, connections: int, tls_limit_s: float
    ) -> None:
        super().__init__(limit=connections)
        self._connect_socket = connect
        self._tls = tls
        self._tls_limit_s = tls_limit_s
        self._living: dict[_Handler, asyncio.Transport] = {}

    def _handler(self) -> _Arriving:
        return _Arriving(_Handler(self._loop, self._living))

    async def abort(self) -> None:
        """Break off what is still open and return when it is closed; for the end, after `close`."""
        closing = [future for handler in self._living if (future := handler.closed) is not None]
        for transport in list(self._living.values()):
            transport.abort()
        if closing:
            await asyncio.wait(closing, timeout=_GOODBYE_S)
            await asyncio.gather(*(future for future in closing if future.done()), return_exceptions=True)

    async def _create_connection(
        self,
        req: aiohttp.client_reqrep.ClientRequest,
        traces: list[aiohttp.tracing.Trace],  # noqa: ARG002 - aiohttp's signature
        timeout: aiohttp.ClientTimeout,  # noqa: ARG002, ASYNC109 - likewise; the limits are the egress's
    ) -> aiohttp.client_proto.ResponseHandler:
        host, port = req.url.raw_host, req.url.port
        if not host or not port:
            raise Unreachable("the address has no host")
        connection = await self._connect_socket(host, port)
        if not req.is_ssl():
            _, arriving = await self._loop.create_connection(self._handler, sock=connection)
            return arriving.handler
        try:
            async with asyncio.timeout(self._tls_limit_s):
                _, arriving = await self._loop.create_connection(
                    self._handler,
                    sock=connection,
                    ssl=self._tls,
                    server_hostname=host.rstrip("."),
                    ssl_shutdown_timeout=_GOODBYE_S,
                )
        except TimeoutError as error:
            raise TimedOut(f"no TLS connection with {host}:{port} within {self._tls_limit_s:g} s") from error
        except ssl.SSLError as error:
            raise error_from_tls(error, f"{host}:{port}") from error
        except OSError as error:
            raise Unreachable(f"the connection to {host}:{port} broke off: {cause(error)}") from error
        return arriving.handler
