"""A server that does to its client just what a test wants, over TLS or plain TCP."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

Handle = Callable[["Client"], Awaitable[None]]


@dataclass
class Request:
    """The head of a request as it came."""

    line: str
    headers: dict[str, str]


@dataclass
class Client:
    """One connection, seen from the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> Request | None:
        """Read the head of the next request; None at the end of the connection."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return None
        line, *fields = head.removesuffix("\r\n\r\n").split("\r\n")
        named = (field.split(": ", 1) for field in fields)
        return Request(line, {name.lower(): value for name, value in named})

    async def body(self, request: Request) -> bytes:
        """Read the body that a request announced."""
        return await self.reader.readexactly(int(request.headers.get("content-length", "0")))

    async def chunked_body(self) -> bytes:
        """Read a body in HTTP chunks."""
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        return body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> None:
        await self.send(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def until_closed(self) -> bytes:
        """Read what still comes until the client closes the connection, however it does that."""
        try:
            return await self.reader.read()
        except OSError:
            return b""

    def reset(self) -> None:
        """Break the connection off with a TCP reset."""
        self.writer.transport.abort()


@dataclass
class Served:
    """A running server and what happened on it."""

    port: int
    connections: int = 0


@contextlib.asynccontextmanager
async def serving(handle: Handle, tls: ssl.SSLContext | None) -> AsyncIterator[Served]:
    """Serve on a free port of 127.0.0.1; what a handler raises fails the test at the end."""
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await handle(Client(reader, writer))
        except (ConnectionError, ssl.SSLError):
            pass  # clients under test break connections
        except Exception as error:  # noqa: BLE001 - raised at the end, in the test itself
            failures.append(error)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    served = Served(server.sockets[0].getsockname()[1])
    try:
        async with server:
            yield served
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failures:
        raise failures[0]


def server_tls(certificate: Path, key: Path, *, client_ca: Path | None = None) -> ssl.SSLContext:
    """Make a server's context; with `client_ca` it demands a certificate of clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context
