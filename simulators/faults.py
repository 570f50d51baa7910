"""What is to go wrong, and when: a script that a test writes and a vendor's app follows.

faults.add(Answer(503, {"Retry-After": "2"}), path=r"/upload/", times=3)      any vendor's error, to the letter
faults.add(Drop(after=1000), method="GET", path=r"/content$", skip=5)          the connection breaks in mid-answer
faults.add(LoseAnswer(), method="POST")                                        done, but nobody hears of it
faults.switch("rewrite office files")                                          the vendor's own oddities, by name
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ENDLESS = 1 << 62


@dataclass(frozen=True)
class Answer:
    """Answer this instead; the app never sees the request (its body is read to the end first)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Drop:
    """Break the connection after so many bytes of the answer's body."""

    after: int = 0


@dataclass(frozen=True)
class DropRequest:
    """Break the connection after so many bytes of the request's body; the app sees a client that went away."""

    after: int = 0


@dataclass(frozen=True)
class LoseAnswer:
    """Do what was asked, then break the connection instead of answering."""


@dataclass(frozen=True)
class Stall:
    """Wait so long before the app sees the request, or until `FaultScript.go_on` is set (a delay of None)."""

    seconds: float | None = None


@dataclass(frozen=True)
class Corrupt:
    """Change one byte of the answer's body."""

    at: int = 0


Fault = Answer | Drop | DropRequest | LoseAnswer | Stall | Corrupt


@dataclass
class _Rule:
    fault: Fault
    method: str | None
    host: str | None
    path: re.Pattern[str]
    skip: int
    left: int

    def applies(self, scope: Scope, host: str) -> bool:
        if self.left <= 0 or self.method not in {None, scope["method"]}:
            return False
        if self.host is not None and self.host != host:
            return False
        query = scope["query_string"].decode("latin-1")
        if not self.path.search(scope["path"] + (f"?{query}" if query else "")):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.left -= 1
        return True


class FaultScript:
    """The faults of one vendor.

    Attributes:
        latency_s: How far away it is: each request waits so long before it is looked at, and the processor rests meanwhile.
    """

    def __init__(self) -> None:
        self.latency_s = 0.0
        self._rules: list[_Rule] = []
        self._switches: Counter[str] = Counter()
        self.go_on = asyncio.Event()

    def add(
        self,
        fault: Fault,
        *,
        method: str | None = None,
        host: str | None = None,
        path: str = "",
        skip: int = 0,
        times: int = 1,
    ) -> None:
        """Let a fault happen to the requests that match, after `skip` of them, so many times.

        `path` is a regular expression that is searched in path and query.
        """
        self._rules.append(_Rule(fault, method, host, re.compile(path), skip, times))

    def switch(self, oddity: str, times: int = ENDLESS) -> None:
        """Turn a vendor's own oddity on, for so many occasions; 0 turns it off."""
        self._switches[oddity] = times

    def take(self, oddity: str) -> bool:
        """Tell whether an oddity is to happen now, and count it."""
        if self._switches[oddity] <= 0:
            return False
        self._switches[oddity] -= 1
        return True

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._rules.clear()
        self._switches.clear()
        self.latency_s = 0.0
        self.go_on.set()

    def find(self, scope: Scope) -> Fault | None:
        """Return what is to happen to a request."""
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        return next((rule.fault for rule in self._rules if rule.applies(scope, host)), None)


class Faulty:
    """ASGI middleware that lets the script's faults happen."""

    def __init__(self, app: ASGIApp, script: FaultScript) -> None:
        self._app = app
        self._script = script

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as the script says."""
        if self._script.latency_s:
            await asyncio.sleep(self._script.latency_s)
        abort: Callable[[], None] = scope.get("state", {}).get("abort", _cannot)
        match self._script.find(scope):
            case None:
                await self._app(scope, receive, send)
            case Answer() as answer:
                while (await receive()).get("more_body"):
                    pass
                headers = {"Content-Length": str(len(answer.body)), **answer.headers}
                await send(
                    {
                        "type": "http.response.start",
                        "status": answer.status,
                        "headers": [
                            (name.lower().encode("latin-1"), value.encode("latin-1"))
                            for name, value in headers.items()
                        ],
                    }
                )
                await send({"type": "http.response.body", "body": answer.body})
            case Drop(after=after):
                await self._app(scope, receive, _dropping(send, after, abort))
            case DropRequest(after=after):
                await self._app(scope, _vanishing(receive, after, abort), _into_the_void)
            case LoseAnswer():
                await self._app(scope, receive, _into_the_void)
                abort()
            case Stall(seconds=None):
                await self._script.go_on.wait()
                await self._app(scope, receive, send)
            case Stall(seconds=float() | int() as seconds):
                await asyncio.sleep(seconds)
                await self._app(scope, receive, send)
            case Corrupt(at=at):
                await self._app(scope, receive, _corrupting(send, at))


def _cannot() -> None:
    raise RuntimeError("connections can be broken by the front only")


async def _into_the_void(_message: Message) -> None:
    pass


def _dropping(send: Send, left: int, abort: Callable[[], None]) -> Send:
    async def sending(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            await send(message)
            return
        body = message.get("body", b"")
        if len(body) >= left:
            await send({"type": "http.response.body", "body": body[:left], "more_body": True})
            left = 0
            abort()
            return
        left -= len(body)
        await send(message)

    return sending


def _vanishing(receive: Receive, left: int, abort: Callable[[], None]) -> Receive:
    async def receiving() -> Message:
        nonlocal left
        message = await receive()
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            if left <= 0:
                abort()
                return {"type": "http.disconnect"}
        return message

    return receiving


def _corrupting(send: Send, at: int) -> Send:
    position = 0

    async def sending(message: Message) -> None:
        nonlocal position
        body = message.get("body", b"")
        if body and position <= at < position + len(body):
            changed = bytearray(body)
            changed[at - position] ^= 0x20
            message = {**message, "body": bytes(changed)}
        position += len(body)
        await send(message)

    return sending
