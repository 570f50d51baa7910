"""A WebDAV server that answers just what a test wants, and otherwise holds an empty folder."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.transport.scripted_server import Client, Request, serving

from mover.connectors.webdav import WebDavConfig, WebDavConnector
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.secret import Secret

Act = Callable[[Client, Request], Awaitable[None]]

FOLDER = "<d:resourcetype><d:collection/></d:resourcetype>"
FILE = '<d:resourcetype/><d:getcontentlength>5</d:getcontentlength><d:getetag>"one"</d:getetag>'


def response(href: str, properties: str = FILE) -> str:
    """Return one response of a multistatus."""
    return (
        f"<d:response><d:href>{href}</d:href><d:propstat><d:prop>{properties}</d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )


def multistatus(*responses: str, prologue: str = "") -> bytes:
    """Return a whole multistatus."""
    return f'<?xml version="1.0"?>{prologue}<d:multistatus xmlns:d="DAV:">{"".join(responses)}</d:multistatus>'.encode()


def answers(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> Act:
    """Return what reads the request's body and answers it."""

    async def act(client: Client, request: Request) -> None:
        await client.body(request)
        await client.answer(body, status=status, headers=headers)

    return act


def lists(*responses: str, prologue: str = "") -> Act:
    """Return what answers with a multistatus."""
    return answers(multistatus(*responses, prologue=prologue), status="207 Multi-Status")


async def hangs_up(client: Client, request: Request) -> None:
    """Read the request and break the connection off."""
    await client.body(request)
    client.reset()


@dataclass
class Script:
    """What the server does: the acts of `METHOD path` or `METHOD` in turn, the last one again and again.

    Attributes:
        acts: By `METHOD path` or `METHOD`.
        requests: Heads of all requests as they came.
    """

    acts: dict[str, list[Act]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    def on(self, key: str, *acts: Act) -> None:
        """Say what is done with requests of a kind."""
        self.acts[key] = list(acts)

    def sent(self, method: str) -> list[Request]:
        """Return the requests of a method."""
        return [request for request in self.requests if request.line.startswith(f"{method} ")]

    async def handle(self, client: Client) -> None:
        """Serve one connection."""
        while (request := await client.request()) is not None:
            self.requests.append(request)
            method, path, _ = request.line.split(" ")
            key = f"{method} {path}"
            waiting = self.acts.get(key) or self.acts.get(method) or [_default(method)]
            await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(client, request)


def _default(method: str) -> Act:
    match method:
        case "PROPFIND":
            return lists(response("/dav/", FOLDER))
        case "OPTIONS":
            return answers(headers="DAV: 1\r\nAllow: GET, PUT, PROPFIND, PROPPATCH\r\nServer: Scripted/1\r\n")
        case _:
            return answers(status="501 Not Implemented")


@contextlib.asynccontextmanager
async def scripted(**values: object) -> AsyncIterator[tuple[Script, WebDavConnector]]:
    """Serve, with a connector to the server that is not signed in yet."""
    script = Script()
    async with serving(script.handle, None) as served:
        script.url = f"http://127.0.0.1:{served.port}"
        given = {
            "url": f"{script.url}/dav/",
            "plain": True,
            "username": "alice",
            "password": Secret("secret-word"),
        }
        configuration = WebDavConfig.model_validate(given | values)
        connector = WebDavConnector(configuration, Egress(allowed=PrivateAddresses.parse("127.0.0.0/8")))
        try:
            yield script, connector
        finally:
            await connector.close()
