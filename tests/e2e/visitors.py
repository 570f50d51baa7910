"""People and programs who use a service all the time, try each thing once, and note everything that goes wrong."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import aiohttp
from tests.servers.service import EMAIL, Prepared

_ONE_REQUEST_S = 160  # longer than the load balancer has patience
_BETWEEN_S = 0.1  # some are on their way at each moment; who comes without a pause takes the processor that all else needs


@dataclass
class Visits:
    """What came of them.

    Attributes:
        done: How many succeeded, by what was done.
        failed: What went wrong, each in a line.
        longest_s: The longest wait for an answer.
    """

    done: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    longest_s: float = 0.0


class Visitors:
    """They come until `leave`; an async context manager.

    Args:
        url: Of the service.
        trust: Whose certificates are believed.
        prepared: Whose password and keys they use.
    """

    def __init__(self, url: str, trust: ssl.SSLContext, prepared: Prepared) -> None:
        self.visits = Visits()
        self._url = url
        self._trust = trust
        self._prepared = prepared
        self._leaving = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._sessions: list[aiohttp.ClientSession] = []

    async def __aenter__(self) -> Self:
        key = {"Authorization": f"Bearer {self._prepared.key.reveal()}"}
        program, newcomer, person = (self._session(headers) for headers in (key, key, {}))
        form = {"email": EMAIL, "password": self._prepared.password.reveal()}
        async with person.post(f"{self._url}/sign-in", data=form, headers={"Origin": self._url}) as answer:
            assert answer.status == 200, await answer.text()
            assert not answer.url.path.startswith("/sign-in"), await answer.text()
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "ask the API": lambda: self._get(program, "/api/v1/migrations"),
            "ask the API on a new connection": lambda: self._get(newcomer, "/api/v1/connections", close=True),
            "change something": lambda: self._make_and_remove(program),
            "see a page": lambda: self._get(person, "/migrations"),
            "see another page": lambda: self._get(person, "/connections"),
        }
        self._tasks = [asyncio.create_task(self._again_and_again(*way)) for way in ways.items()]
        for path in ("/app/v1/runs/events", "/live"):
            self._tasks.append(
                asyncio.create_task(self._again_and_again(f"listen at {path}", self._listening(person, path)))
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leaving.set()
        for task in self._tasks[-2:]:
            task.cancel()  # streams have no end of their own
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._sessions:
            await session.close()

    def _session(self, headers: dict[str, str]) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=20)
        made = aiohttp.ClientSession(
            connector=connector,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_read=_ONE_REQUEST_S),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
        )
        self._sessions.append(made)
        return made

    async def _again_and_again(self, what: str, once: Callable[[], Awaitable[None]]) -> None:
        while not self._leaving.is_set():
            began = time.monotonic()
            try:
                await once()
            except (aiohttp.ClientError, AssertionError, TimeoutError, OSError) as error:
                self.visits.failed.append(f"{what}: {type(error).__name__} {error}")
            else:
                self.visits.done[what] += 1
                if not what.startswith("listen"):
                    self.visits.longest_s = max(self.visits.longest_s, time.monotonic() - began)
            await asyncio.sleep(_BETWEEN_S)

    async def _get(self, session: aiohttp.ClientSession, path: str, *, close: bool = False) -> None:
        headers = {"Connection": "close"} if close else {}
        async with session.get(self._url + path, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 200, f"{answer.status} {await answer.text()}"
            await answer.read()

    async def _make_and_remove(self, session: aiohttp.ClientSession) -> None:
        body: dict[str, Any] = {"name": f"map {uuid4()}", "kind": "users"}
        headers = {"Idempotency-Key": str(uuid4())}
        async with session.post(f"{self._url}/api/v1/maps", json=body, headers=headers) as answer:
            assert answer.status == 201, f"{answer.status} {await answer.text()}"
            made = await answer.json()
        match = {"If-Match": answer.headers["ETag"]}
        async with session.delete(f"{self._url}/api/v1/maps/{made['id']}", headers=match) as answer:
            assert answer.status == 204, f"{answer.status} {await answer.text()}"

    def _listening(self, session: aiohttp.ClientSession, path: str) -> Callable[[], Awaitable[None]]:
        async def listen() -> None:
            async with session.get(self._url + path, headers={"Accept": "text/event-stream"}) as answer:
                assert answer.status == 200, f"{answer.status} {await answer.text()}"
                connection = answer.connection  # none once it has come to its end
                told = 0
                try:
                    async for piece in answer.content.iter_any():  # an end that is not in order raises
                        told += len(piece)
                except asyncio.CancelledError:
                    if connection is not None and connection.transport is not None:
                        connection.transport.abort()  # nobody waits for a farewell
                    raise
                assert told, "a stream without a word"

        return listen
