"""Passes requests on to the API as they came, and answers with what it answers.

Over TLS to the one address of the settings, whose certificate is looked at. The host stays the one that was asked for;
who asks is told in X-Forwarded-For, which the API believes if this process stands in its MOVER_TRUSTED_PROXIES.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mover.api.problems import HttpProblem
from mover.errors import MoverError, ServiceFault
from mover.transport.http import HttpResponse, HttpSession

_log = logging.getLogger(__name__)

_OF_THIS_CONNECTION = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("trailer", "transfer-encoding", "upgrade", "expect", "content-length"),
        "te",  # codespell:ignore te
    )
)
"""RFC 9110 section 7.6.1; the length of a body is told anew."""

_ABOUT_THE_SENDER = frozenset(
    {"forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"}
)
_TOLD_ONCE = frozenset({"date", "server"})


class PassingOn:
    """The way to the API.

    Args:
        session: That trusts the API's certificate.
        api_url: `https://host[:port]`.
    """

    def __init__(self, session: HttpSession, api_url: str) -> None:
        self._session = session
        self._api_url = api_url.rstrip("/")

    async def answer(self, request: Request) -> Response:
        """Answer a request with the API's answer. Raises HttpProblem (503): it does not answer."""
        length = request.headers.get("content-length")
        has_body = length not in {None, "0"} or "transfer-encoding" in request.headers
        exchange = self._session.request(
            request.method,
            self._address(request.scope),
            headers=_asked(request),
            body=_body(request) if has_body else None,
            size=int(length) if has_body and length is not None else None,
            operation=f"pass on {request.method}",
        )
        try:
            answer = await exchange.__aenter__()
        except MoverError as error:
            _log.warning("a request could not be passed on: %s", error)
            raise _away() from None
        return _Passed(exchange, answer, head=request.method == "HEAD")

    async def expect_answers(self) -> None:
        """Raise ServiceFault unless the API says that it lives."""
        try:
            async with self._session.request("GET", f"{self._api_url}/healthz") as answer:
                status = answer.status
        except MoverError as error:
            raise ServiceFault(f"the API does not answer: {error.message}") from None
        if status != HTTPStatus.OK:
            raise ServiceFault(f"the API answers with {status}")

    def _address(self, scope: Scope) -> str:
        path = bytes(scope.get("raw_path") or b"/").split(b"?", 1)[0].decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return f"{self._api_url}{path}" + (f"?{query}" if query else "")


class _Passed(Response):
    """An answer that is still coming, passed on piece by piece; it ends as soon as nobody waits for it."""

    def __init__(
        self, exchange: AbstractAsyncContextManager[HttpResponse], answer: HttpResponse, *, head: bool
    ) -> None:
        self._exchange = exchange
        self._answer = answer
        self._head = head
        self.status_code = answer.status
        self.background = None
        self.raw_headers = list(_told(answer.headers.items()))
        if answer.size is not None:
            self.raw_headers.append((b"content-length", str(answer.size).encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as its base
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_gone(receive))
        whole = False
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            whole = sending.done() and sending.exception() is None
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            # What is left of an answer that nobody waits for may never end: it is not read for the sake of the connection.
            left = None if whole else ClientDisconnect()
            await self._exchange.__aexit__(type(left) if left else None, left, None)
        if sending.done() and not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if not self._head:
            async for piece in self._answer.chunks():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            if piece:
                yield piece
    except ClientDisconnect:
        raise ServiceFault("the browser went away") from None


def _asked(request: Request) -> dict[str, str]:
    """The headers of a request, without those of its connection, and with who sent it."""
    named = {name.strip().lower() for name in request.headers.get("connection", "").split(",")}
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        if name in _OF_THIS_CONNECTION or name in _ABOUT_THE_SENDER or name in named:
            continue
        # Cookies that came in several lines are one list, with its own separator (RFC 9113 section 8.2.3).
        joined = "; " if name == "cookie" else ", "
        found[name] = f"{found[name]}{joined}{value}" if name in found else value
    assert request.client is not None
    return {**found, "x-forwarded-for": request.client.host, "x-forwarded-proto": request.url.scheme}


def _told(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[bytes, bytes]]:
    """The headers of an answer, each line by itself: cookies are never joined."""
    for name, value in headers:
        lower = name.lower()
        if lower not in _OF_THIS_CONNECTION and lower not in _TOLD_ONCE:
            yield lower.encode("latin-1"), value.encode("utf-8", "surrogateescape")


def _away() -> HttpProblem:
    return HttpProblem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not_reachable",
        "this part of Mover cannot be reached now",
        advice="Try again in a moment. Moves that run are not concerned.",
        headers={"Retry-After": "5"},
    )
