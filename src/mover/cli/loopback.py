"""Where the browser comes back to after signing in: this machine only, once, and not for long (RFC 8252 section 7.3)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from mover.errors import InvalidConfiguration, TimedOut

HOST = "127.0.0.1"
PATIENCE_S = 300.0

_LONGEST_HEAD = 16 * 1024
_HEAD_S = 10.0
_MOST_PARAMETERS = 30
_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Mover</title>"
    "<h1>{heading}</h1><p>{text}</p>"
)


class Loopback:
    """Waits for a browser. Made by `listening`.

    Attributes:
        redirect_uri: What the service is told to send the browser to.
    """

    def __init__(self, redirect_uri: str, belongs: Callable[[Mapping[str, str]], bool]) -> None:
        self.redirect_uri = redirect_uri
        self._belongs = belongs
        self._path = urlsplit(redirect_uri).path
        self._hosts = {urlsplit(redirect_uri).netloc}
        self._came: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def answer(self, *, patience_s: float = PATIENCE_S) -> dict[str, str]:
        """The parameters that the browser brings back. Raises TimedOut."""
        try:
            async with asyncio.timeout(patience_s):
                return await self._came
        except TimeoutError:
            raise TimedOut(f"nobody signed in within {patience_s / 60:g} minutes") from None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError
        ):
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answered(head.decode("latin-1")))
                await writer.drain()
        writer.close()

    def _answered(self, head: str) -> bytes:
        line, *fields = head.split("\r\n")
        method, _, rest = line.partition(" ")
        hosts = [field.partition(":")[2].strip() for field in fields if field.lower().startswith("host:")]
        try:
            target = urlsplit(rest.partition(" ")[0])
            given = dict(parse_qsl(target.query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS))
        except ValueError:
            return _page(HTTPStatus.BAD_REQUEST, "That is no answer", "Go back to the terminal.")
        # A page elsewhere whose name was made to lead here (DNS rebinding) asks for another host.
        if method != "GET" or target.path != self._path or not set(hosts) <= self._hosts or len(hosts) != 1:
            return _page(HTTPStatus.NOT_FOUND, "There is nothing here", "Go back to the terminal.")
        if self._came.done() or not self._belongs(given):
            return _page(
                HTTPStatus.BAD_REQUEST,
                "This is not what was begun",
                "Open the address that stands in the terminal, and finish in the same browser.",
            )
        self._came.set_result(given)
        return _page(HTTPStatus.OK, "Back to the terminal", "Mover goes on there. You can close this window.")


@asynccontextmanager
async def listening(template: str, belongs: Callable[[Mapping[str, str]], bool]) -> AsyncIterator[Loopback]:
    """Listen on the loopback address for the length of a block.

    Args:
        template: Of the address, `http://127.0.0.1:{port}/`; one with a port of its own is taken at its word.
        belongs: Tells whether parameters are those that are waited for; others are refused, and waited on.

    Raises InvalidConfiguration if the port is taken.
    """
    fixed = None if "{port}" in template else urlsplit(template).port
    loopback: Loopback | None = None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert loopback is not None
        await loopback.serve(reader, writer)

    try:
        server = await asyncio.start_server(serve, HOST, fixed or 0, limit=_LONGEST_HEAD)
    except OSError as error:
        raise InvalidConfiguration(
            f"the browser cannot come back to port {fixed or 0} of this machine: {error.strerror}; "
            "end what uses it, or connect with --no-browser"
        ) from None
    port = server.sockets[0].getsockname()[1]
    loopback = Loopback(template.format(port=port), belongs)
    try:
        yield loopback
    finally:
        server.close()
        await server.wait_closed()


def _page(status: HTTPStatus, heading: str, text: str) -> bytes:
    body = _PAGE.format(heading=heading, text=text).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
        "Content-Security-Policy: default-src 'none'\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
