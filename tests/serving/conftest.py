"""A small application, served as the real one is."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mover.serving.certificates import OwnCertificate, names_of_this_server
from mover.serving.listening import listen
from mover.serving.server import HttpsServer
from mover.serving.streams import Receive, Send
from mover.serving.tls import ServerTls, own_made_certificate
from mover.settings import ListenAt

LOOPBACK = ListenAt("127.0.0.1", 0)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Served:
    """A server that runs in this process."""

    server: HttpsServer
    port: int
    redirect_port: int | None
    tls: ServerTls
    certificate: OwnCertificate

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate.ca_file)

    async def connect(
        self, context: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context or self.trust())

    async def ask(self, path: str, *, method: str = "GET", headers: str = "") -> Answer:
        reader, writer = await self.connect()
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode()
        )
        return await read_answer(reader, writer)

    async def ask_plainly(self, head: str, *, port: int | None = None) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port)
        writer.write(head.encode())
        return await read_answer(reader, writer)


async def read_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
    try:
        async with asyncio.timeout(20):
            whole = await reader.read()
    finally:
        writer.close()
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]) if first else 0, headers, body)


class SmallApplication:
    """Answers `ok`; `/events` never ends; `/slow` waits until it is let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.waiting = asyncio.Event()
        self.schemes: list[str] = []
        self.ended = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                message = await receive()
                await send({"type": message["type"] + ".complete"})
            self.ended = True
            return
        self.schemes.append(scope["scheme"])
        kind = b"text/event-stream" if scope["path"] == "/events" else b"text/plain"
        if scope["path"] == "/slow":
            self.waiting.set()
            await self.let_go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        if scope["path"] == "/events":
            await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
            await asyncio.Event().wait()
        await send({"type": "http.response.body", "body": b"ok"})


Serve = Callable[..., Any]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves an application over TLS in this process."""

    @asynccontextmanager
    async def served(
        application: Any, *, redirect: bool = False, plain_from: Any = (), drain_s: float = 0
    ) -> AsyncIterator[Served]:
        tls, certificate = own_made_certificate(tmp_path / "tls", names_of_this_server())
        sockets = listen(LOOPBACK)
        redirecting = listen(LOOPBACK) if redirect else []
        ready = asyncio.Event()
        server = HttpsServer(
            application,
            sockets,
            tls,
            redirect_sockets=redirecting,
            plain_from=plain_from,
            ready=ready.set,
            drain_s=drain_s,
        )
        port = sockets[0].getsockname()[1]
        redirect_port = redirecting[0].getsockname()[1] if redirecting else None
        task = asyncio.create_task(server.serve())
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waiting.cancel()
            await task
        try:
            yield Served(server, port, redirect_port, tls, certificate)
        finally:
            server.end()
            if drain_s:
                server.end()  # nobody is waited for any more
            await task

    return served
