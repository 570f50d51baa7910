"""What was called: how often each operation, and on demand the whole exchanges, to be checked against a description."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_RECORDED = 4 * 1024 * 1024
"""Bytes of a body that are kept; of longer ones the beginning."""

UNDER_WAY_S = 0.3
"""A call that comes so soon after a refusal was sent before its sender could know of it."""

_REFUSALS = (403, 429, 503)


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    method: str
    host: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    status: int
    answer_headers: list[tuple[str, str]]
    answer: bytes

    @property
    def url(self) -> str:
        """The address as it was asked for."""
        return f"https://{self.host}{self.path}" + (f"?{self.query}" if self.query else "")


@dataclass
class Tally:
    """Counts of one vendor.

    Attributes:
        calls: How often each operation (`METHOD path pattern`, or as the vendor names it) was called.
        statuses: How often each status was answered.
        records: Exchanges are kept in `exchanges`.
        early: Calls that came before the time that a Retry-After had named for their account, those among them that were
            under way already when it was named.
        forbidden: Calls that came within a Retry-After although their sender knew of it; whatever their account.
        now_s: Monotonic seconds, for that.
    """

    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    records: bool = False
    exchanges: list[Exchange] = field(default_factory=list)
    early: int = 0
    forbidden: int = 0
    now_s: Callable[[], float] = time.monotonic
    _told_s: float = -math.inf
    _not_before_s: float = 0.0

    @property
    def total(self) -> int:
        """All calls."""
        return sum(self.calls.values())

    def clear(self) -> None:
        """Begin anew."""
        self.calls.clear()
        self.statuses.clear()
        self.exchanges.clear()
        self.early = self.forbidden = 0
        self._told_s, self._not_before_s = -math.inf, 0.0

    def arrive(self) -> None:
        """Note that a call arrives."""
        if self._told_s + UNDER_WAY_S < self.now_s() < self._not_before_s:
            self.forbidden += 1

    def refuse(self, retry_after_s: float) -> None:
        """Note that somebody is told to come back later."""
        now_s = self.now_s()
        if retry_after_s > 0 and now_s >= self._not_before_s:
            self._told_s = now_s
        self._not_before_s = max(self._not_before_s, now_s + retry_after_s)


class Counted:
    """ASGI middleware that keeps a tally. A route names its operation in `scope["operation"]`; else it is method and path."""

    def __init__(self, app: ASGIApp, tally: Tally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and count it."""
        self._tally.arrive()
        asked: list[bytes] = []
        answered: list[bytes] = []
        begun: list[Message] = []
        records = self._tally.records  # whoever asks for it gets what comes from then on
        is_recorded = False
        left = -1  # bytes of the answer that are still to come, where it says how many

        def count(status: int | None) -> None:
            self._tally.calls[scope.get("operation") or f"{scope['method']} {scope['path']}"] += 1
            if status is not None:
                self._tally.statuses[status] += 1

        def record() -> None:
            nonlocal is_recorded
            if begun and records and not is_recorded:
                is_recorded = True
                self._tally.exchanges.append(_exchange(scope, asked, begun[0], answered))

        async def receiving() -> Message:
            message = await receive()
            if records and message["type"] == "http.request":
                asked.append(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                begun.append(message)
                self._tally.refuse(_forbidden_s(message))
                left = int(dict(message.get("headers", ())).get(b"content-length", -1))
                count(message["status"])  # before the client can have the answer, and look
            else:
                body = message.get("body", b"")
                left -= len(body)
                if records and sum(map(len, answered)) < MOST_RECORDED:
                    answered.append(body)
                if left == 0 or not message.get(
                    "more_body"
                ):  # a client that counts needs no more to have it all
                    record()
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        finally:
            if not begun:
                count(None)
            record()


def _forbidden_s(start: Message) -> float:
    """For how long an answer forbids more calls."""
    if start["status"] not in _REFUSALS:
        return 0.0
    value = next((value for name, value in start.get("headers", []) if name.lower() == b"retry-after"), b"")
    return float(value) if value.isdigit() else 0.0


def _exchange(scope: Scope, asked: list[bytes], start: Message, answered: list[bytes]) -> Exchange:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Exchange(
        scope["method"],
        dict(headers).get("host", ""),
        scope["raw_path"].decode("latin-1").partition("?")[0],
        scope["query_string"].decode("latin-1"),
        headers,
        b"".join(asked)[:MOST_RECORDED],
        start["status"],
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", [])],
        b"".join(answered)[:MOST_RECORDED],
    )
