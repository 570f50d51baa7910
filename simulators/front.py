"""The way in: a proxy that clients are told to use, which ends TLS under the vendors' own names and lets nothing else out.

with running(folder) as front:
    front.proxy_url, front.ca_file      for clients that keep the vendors' addresses
    front.address("box")                https://127.0.0.1:PORT, for those that can be given another address
    front.world                         replaced by `front.fresh()` between tests
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from simulators.certificates import make_authority
from simulators.vendor import Vendor
from simulators.world import World

T = TypeVar("T")

_LOOPBACK = "127.0.0.1"
_LONGEST_REQUEST_LINE = 8192
_BACKLOG = 512
_PUMPED = 256 * 1024
_START_WITHIN_S = 20.0


class _Protocol(HttpToolsProtocol):
    """Hands each request the means to break its connection, for `faults.Drop`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {"abort": transport.abort}
        super().connection_made(transport)


class Front:
    """Proxy and TLS listeners. Its methods that touch a world are called from the thread that runs it, or while it rests.

    Args:
        folder: For certificates.
        world: What answers.
        port: Of the proxy; 0: any.
        lets_loopback_through: Connections to this machine's own servers are passed on, as `make demo` needs.
    """

    def __init__(
        self, folder: Path, world: World, *, port: int = 0, lets_loopback_through: bool = False
    ) -> None:
        self.world = world
        self._lets_loopback_through = lets_loopback_through
        self._port = port
        hosts = {host for name in world.vendors for host in world.vendors.hosts(name)}
        self.ca_file, self._tls = make_authority(folder, hosts)
        self._state = ServerState()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[socket.socket] = []
        self._addresses: dict[str, str] = {}
        self.proxy_url = ""

    def address(self, vendor: str) -> str:
        """Return `https://127.0.0.1:PORT` of one vendor, for all of its hosts."""
        return self._addresses[vendor]

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        config = self._config(self._by_host)
        proxy = self._listen(self._port)
        self.proxy_url = f"http://{_LOOPBACK}:{proxy.getsockname()[1]}"
        self._spawn(self._accept(proxy, lambda sock: self._proxied(sock, config)))
        for name in self.world.vendors:
            listener = self._listen(0)
            self._addresses[name] = f"https://{_LOOPBACK}:{listener.getsockname()[1]}"
            direct = self._config(self._of(name))
            self._spawn(self._accept(listener, self._served_by(loop, direct)))

    async def stop(self) -> None:
        """Stop listening and break all connections."""
        for task in tuple(self._tasks):
            task.cancel()
        for listener in self._listeners:
            listener.close()
        for connection in tuple(self._state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for task in tuple(self._state.tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._state.tasks, return_exceptions=True)

    def _config(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> uvicorn.Config:
        config = uvicorn.Config(
            app,
            interface="asgi3",
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=75,
        )
        config.load()
        return config

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((_LOOPBACK, port), backlog=_BACKLOG)
        listener.setblocking(False)
        self._listeners.append(listener)
        return listener

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(
        self, listener: socket.socket, served: Callable[[socket.socket], Coroutine[Any, Any, None]]
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            accepted, _ = await loop.sock_accept(listener)
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(served(accepted))

    def _served_by(
        self, loop: asyncio.AbstractEventLoop, config: uvicorn.Config
    ) -> Callable[[socket.socket], Coroutine[Any, Any, None]]:
        async def served(accepted: socket.socket) -> None:
            try:
                await loop.connect_accepted_socket(
                    lambda: _Protocol(config, self._state, {}), accepted, ssl=self._tls
                )
            except (OSError, ssl.SSLError):  # whoever came went away, or does not trust the certificate
                accepted.close()

        return served

    async def _proxied(self, accepted: socket.socket, config: uvicorn.Config) -> None:
        loop = asyncio.get_running_loop()
        try:
            line = await _request_line(accepted)
            method, _, rest = line.partition(" ")
            host, _, port = rest.partition(" ")[0].rpartition(":")
            if method != "CONNECT" or not host:
                await _refuse(accepted, "405 Method Not Allowed")
            elif port == "443" and self.world.vendor_of(host) is not None:
                await loop.sock_sendall(accepted, b"HTTP/1.1 200 Connection established\r\n\r\n")
                await self._served_by(loop, config)(accepted)
            elif self._lets_loopback_through and host in {_LOOPBACK, "localhost"}:
                await _pass_on(accepted, int(port))
            else:
                await _refuse(accepted, "403 Forbidden")
        except (OSError, ValueError):
            accepted.close()

    async def _by_host(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").partition(":")[0]
        await _answered(self.world.vendor_of(host), scope, receive, send)

    def _of(self, name: str) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await _answered(self.world.vendors[name], scope, receive, send)

        return app


async def _answered(vendor: Vendor | None, scope: Scope, receive: Receive, send: Send) -> None:
    if vendor is not None:
        await vendor.app(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": 421, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def _request_line(accepted: socket.socket) -> str:
    loop = asyncio.get_running_loop()
    received = b""
    while b"\r\n\r\n" not in received:
        piece = await loop.sock_recv(accepted, 4096)
        if not piece or len(received) > _LONGEST_REQUEST_LINE:
            raise ConnectionError("no request")
        received += piece
    return received.partition(b"\r\n")[0].decode("latin-1")


async def _refuse(accepted: socket.socket, status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    await asyncio.get_running_loop().sock_sendall(accepted, answer.encode())
    accepted.close()


async def _pass_on(accepted: socket.socket, port: int) -> None:
    reader, writer = await asyncio.open_connection(_LOOPBACK, port)
    await asyncio.get_running_loop().sock_sendall(accepted, b"HTTP/1.1 200 Connection established\r\n\r\n")
    near_reader, near_writer = await asyncio.open_connection(sock=accepted)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(_PUMPED):
                sink.write(piece)
                await sink.drain()
            sink.write_eof()

    try:
        await asyncio.gather(pump(near_reader, writer), pump(reader, near_writer))
    finally:
        writer.close()
        near_writer.close()


class RunningFront(Front):
    """A front in a thread of its own, so that clients that block can be used beside it."""

    def begin(self) -> None:
        """Start the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulators", daemon=True)
        self._thread.start()
        self._run(self.start()).result(_START_WITHIN_S)

    def end(self) -> None:
        """End the thread."""
        self._run(self.stop()).result(_START_WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_WITHIN_S)
        self._loop.close()

    def fresh(self) -> World:
        """Put an empty world in the place of this one, and return it."""
        world = World(self.world.vendors)
        self.inside(lambda: setattr(self, "world", world))
        return world

    def inside(self, work: Callable[[], T]) -> T:
        """Do something where the vendors run, so that no request is under way in the middle of it."""

        async def do() -> T:
            return work()

        return self._run(do()).result(_START_WITHIN_S)

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)


@contextlib.contextmanager
def running(
    folder: Path, world: World | None = None, *, port: int = 0, lets_loopback_through: bool = False
) -> Iterator[RunningFront]:
    """Run a front for the time of a `with` block."""
    front = RunningFront(folder, world or World(), port=port, lets_loopback_through=lets_loopback_through)
    front.begin()
    try:
        yield front
    finally:
        front.end()
