"""Calls of the public API: over TLS alone, repeated when that can help, never twice what must happen once.

A POST carries an `Idempotency-Key` that is the same for all its tries, so the server does it once whatever is lost on
the way. `Retry-After` is obeyed. Lists come page by page and are given on as they come.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from mover.cli.remote.answers import Page
from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.refusals import refusal
from mover.errors import ProtocolViolation, TimedOut, Transient
from mover.settings import PrivateAddresses, Settings
from mover.transport.egress import Egress
from mover.transport.limits import Limits
from mover.transport.proxy import Proxy
from mover.transport.retries import Retries, RetryPolicy

if TYPE_CHECKING:
    from mover.transport.http import HttpResponse, HttpSession

T = TypeVar("T")
Query = Mapping[str, str | int]

_PREFIX = "/api/v1"
_PAGE = 200
_LARGEST_ANSWER = 32 << 20
_LARGEST_PROBLEM = 64 << 10
_GOOD = range(200, 300)
_NOTHING: Query = {}
_NO_HEADERS: Mapping[str, str] = {}
_MANY = 10_000
_LOOK_S = 15.0
POLICY = RetryPolicy(attempts=6, first_s=0.5, cap_s=10.0, total_s=300.0)


class Server:
    """A Mover server, called with one API key. Made by `open_server`.

    Args:
        session: HTTP, with TLS verified.
        choice: Which server, with which key.
        policy: How often and how long is tried.
        sleep: Waits so many seconds.
        rng: For jitter.
        look_s: Longest time for one try of a GET; None: as long as the session allows.
    """

    def __init__(
        self,
        session: HttpSession,
        choice: ServerChoice,
        *,
        policy: RetryPolicy = POLICY,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
        look_s: float | None = None,
    ) -> None:
        self._session = session
        self._look_s = look_s
        self._choice = choice
        self._policy = policy
        self._sleep = sleep
        self._rng = rng
        self._host = urlsplit(choice.url).netloc

    def patient(self, *, look_s: float = _LOOK_S) -> Server:
        """The same server for somebody who watches it, and outlasts it when it is away for some minutes.

        One look is not waited for longer than `look_s`: whoever answered may be gone without a word (its machine, or the
        load balancer before it), and silence on its connection would last a minute. It is tried anew on another
        connection, as often as `total_s` of the policy allows.
        """
        policy = replace(self._policy, attempts=_MANY)
        return Server(
            self._session, self._choice, policy=policy, sleep=self._sleep, rng=self._rng, look_s=look_s
        )

    async def get(self, path: str, answer: type[T], query: Query = _NOTHING) -> T:
        """Ask for one thing. Raises what `refusal` makes of a problem, and the errors of `transport.http`."""
        return await self._tried("GET", path, answer, query=query)

    async def post(
        self,
        path: str,
        answer: type[T],
        body: Any = None,
        *,
        query: Query = _NOTHING,
        content: bytes | None = None,
        media_type: str = "application/json",
    ) -> T:
        """Have something done, once. `content` is sent as it is; `body` as JSON. Raises as `get`."""
        sent = content if content is not None else msgspec.json.encode(body) if body is not None else None
        headers = {"Idempotency-Key": token_hex(16)}
        if sent is not None:
            headers["Content-Type"] = media_type
        return await self._tried("POST", path, answer, query=query, headers=headers, body=sent)

    async def pages(
        self, path: str, item: type[T], query: Query = _NOTHING, *, page: int = _PAGE
    ) -> AsyncIterator[T]:
        """Ask for a list and yield what is in it as its pages come. Raises as `get`."""
        cursor: str | None = None
        while True:
            asked = {**query, "limit": page, **({"cursor": cursor} if cursor else {})}
            found = await self.get(path, Page[item], asked)  # type: ignore[valid-type]  # made at run time
            for each in found.items:
                yield each
            if not found.next_cursor:
                return
            if found.next_cursor == cursor:
                raise ProtocolViolation("the server repeats a page without end", service=self._host)
            cursor = found.next_cursor

    @asynccontextmanager
    async def download(self, path: str, query: Query = _NOTHING) -> AsyncIterator[AsyncIterator[bytes]]:
        """Ask for a file; yields its pieces, to be read within the `async with`. Raises as `get`."""
        retries = self._retries()
        while True:
            async with AsyncExitStack() as stack:
                try:
                    response = await stack.enter_async_context(
                        self._session.request(
                            "GET", self._url(path, query), headers=self._headers(_NO_HEADERS), path=path
                        )
                    )
                    await self._check(response)
                except Transient as error:
                    await retries.wait_or_raise(error)
                    continue
                yield response.chunks()
                return

    async def _tried(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        query: Query,
        headers: Mapping[str, str] = {},
        body: bytes | None = None,
    ) -> T:
        retries = self._retries()
        while True:
            try:
                async with (
                    self._in_time(method),
                    self._session.request(
                        method, self._url(path, query), headers=self._headers(headers), body=body
                    ) as response,
                ):
                    await self._check(response)
                    return self._decoded(await response.read(_LARGEST_ANSWER), answer)
            except Transient as error:
                error.service = self._host
                await retries.wait_or_raise(error)

    @asynccontextmanager
    async def _in_time(self, method: str) -> AsyncIterator[None]:
        limit = asyncio.timeout(self._look_s if method == "GET" else None)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimedOut(f"no answer within {self._look_s:g} s") from None

    async def _check(self, response: HttpResponse) -> None:
        if response.status not in _GOOD:
            body = await response.read(_LARGEST_PROBLEM)
            raise refusal(response.status, response.headers, body, host=self._host)

    def _decoded(self, content: bytes, answer: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ProtocolViolation(
                "the server's answer is not what Mover's API says", service=self._host
            ) from None

    def _url(self, path: str, query: Query) -> str:
        text = self._choice.url + _PREFIX + path
        return f"{text}?{urlencode(query, quote_via=quote)}" if query else text

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._choice.key.reveal()}",
            "Accept": "application/json, application/problem+json, text/csv, application/jsonl",
            **more,
        }

    def _retries(self) -> Retries:
        return Retries(self._policy, sleep=self._sleep, rng=self._rng)


@asynccontextmanager
async def open_server(choice: ServerChoice, *, policy: RetryPolicy = POLICY) -> AsyncIterator[Server]:
    """Open the way to a server, through the operator's proxy if there is one.

    Its address was typed by the person whose machine this is, so it may be a private one.

    Raises InvalidConfiguration.
    """
    settings = Settings()
    egress = Egress(
        allowed=PrivateAddresses(every=True),
        proxy=Proxy.parse(settings.proxy) if settings.proxy else None,
        ca_file=settings.ca_file,
        limits=Limits(
            connect_s=settings.connect_timeout_s,
            read_s=settings.read_timeout_s,
            answer_s=max(settings.answer_timeout_s, settings.read_timeout_s),
        ),
    )
    try:
        yield Server(egress.http("", ca_file=choice.ca_file), choice, policy=policy)
    finally:
        await egress.close()
