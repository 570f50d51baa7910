"""Calls no faster than the service says that it has units left for them.

Each call costs so many "resource units", and an app has a number of them a minute. From four fifths of it on, answers tell
how many are left and when the count begins anew (`RateLimit-Limit`, `-Remaining`, `-Reset`); calls beyond are refused, and
count all the same. A refused call is a call too many, and often half of a pair: so no call begins that would find nothing
left, and no more writes are on their way at once than the last fifth has room for, whose beginning only an answer tells.

Source: "Avoid getting throttled or blocked in SharePoint Online", sections "Resource units per API request type" and
"RateLimit headers".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from mover.transport.status import parse_retry_after

ONE = 1
"""A single item, a delta with a token, the download of a file."""
MANY = 2
"""A list, a change, an upload."""
PERMISSIONS = 5

_TOLD_FROM = 0.8
_LONGEST_WAIT_S = 300.0
_MOST_DIGITS = 9
_REFUSALS = frozenset({429, 503})


def units_of(method: str, url: str) -> int:
    """What a call costs."""
    path = urlsplit(url).path
    if "/permissions" in path or path.endswith(("/invite", "/createLink", "/$batch")):
        return PERMISSIONS
    if method != "GET" or path.endswith(("/children", "/users", "/sites")):
        return MANY
    return ONE


class Units:
    """What one account's calls may still cost.

    Args:
        clock: Monotonic seconds.
        sleep: Waits so many seconds of that clock.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._limit: int | None = None
        self._left = 0
        self._until_s = float("-inf")
        self._under_way = 0
        self._waiting: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def spent(
        self, method: str, url: str
    ) -> AsyncGenerator[Callable[[int, Mapping[str, str]], None], None]:
        """Wait until a call may begin, and count it. What is yielded is to be told the status and headers of its answer.

        From then on the call is no longer under way, though its content may still be: a reader may wait for an upload.
        """
        units = units_of(method, url)
        await self._turn(units, is_write=method != "GET")
        self._left -= units
        self._under_way += units
        left = units

        def answered(status: int, headers: Mapping[str, str]) -> None:
            nonlocal left
            self._under_way -= left
            left = 0
            self._learn(status, headers)
            self._wake()

        try:
            yield answered
        finally:
            self._under_way -= left
            self._wake()

    async def _turn(self, units: int, *, is_write: bool) -> None:
        while True:
            wait_s = self._until_s - self._clock()
            if wait_s > 0 and units > self._left:
                await self._sleep(wait_s)
            elif is_write and not self._has_room(units):
                await self._next_answer()
            else:
                return

    def _has_room(self, units: int) -> bool:
        """Only writes wait for this, so that nothing waits in a circle: their content may come from this very account."""
        if self._limit is None or not self._under_way:
            return True
        return self._under_way + units <= self._limit * (1 - _TOLD_FROM)

    async def _next_answer(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def _wake(self) -> None:
        """Let all that wait look again: some go on, and some find that it is time that they wait for."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _learn(self, status: int, headers: Mapping[str, str]) -> None:
        limit, left, reset_s = (
            _number(headers.get(f"RateLimit-{name}")) for name in ("Limit", "Remaining", "Reset")
        )
        now = self._clock()
        if limit:
            self._limit = limit
        if left is not None and reset_s:
            left -= self._under_way  # they may not be counted yet
            self._left = min(self._left, left) if now < self._until_s else left
            self._until_s = max(self._until_s, now + min(reset_s, _LONGEST_WAIT_S))
        if status in _REFUSALS and (pause_s := parse_retry_after(headers.get("Retry-After"))):
            self._left = 0
            self._until_s = max(self._until_s, now + min(pause_s, _LONGEST_WAIT_S))


def _number(text: str | None) -> int | None:
    """Read a number from outside; what is none is passed over."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        return None
    return int(text)
