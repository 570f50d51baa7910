"""Signed-in connections to one account, as many as the server bears.

A connection serves one operation at a time. What is idle is lent first; another is made while the server lets in more.
When it does not, the pacer is told (Throttled) and the number is remembered for a while: from then on operations wait
here. Reads wait for staging, which uploads empty, and uploads of streams wait for reads, perhaps of the same account: so
both leave one connection to the other, and nothing can wait in a circle.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from mover.errors import Canceled, Throttled
from mover.transport.ftp_link import FtpLink

MOST_CONNECTIONS = 16
_REMEMBERED_S = 60.0
_ALONE_S = (
    3.0  # a server may still count a connection that was dropped: a single one is not believed for long
)
_PATIENCE_S = 120.0


class Pool:
    """Lends links to operations.

    Args:
        dial: Makes a signed-in link. Raises Throttled if the server wants no more of them.
        clock: Monotonic seconds.
    """

    def __init__(
        self, dial: Callable[[], Awaitable[FtpLink]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._dial = dial
        self._clock = clock
        self._idle: list[FtpLink] = []
        self._lent: set[FtpLink] = set()
        self._held = {True: 0, False: 0}  # by reads, by others
        self._most = MOST_CONNECTIONS
        self._most_until = 0.0
        self._given_back = asyncio.Condition()
        self._is_closed = False
        self._calls_of_dropped = 0

    @property
    def calls(self) -> int:
        """Commands answered so far on all connections that were ever made."""
        return self._calls_of_dropped + sum(link.calls for link in (*self._idle, *self._lent))

    @property
    def bears_one(self) -> bool:
        """The server lets in one connection and no more, as far as is known."""
        return self._most == 1 and self._clock() <= self._most_until

    @contextlib.asynccontextmanager
    async def link(self, *, read: bool = False) -> AsyncIterator[FtpLink]:
        """Lend a link for the length of a block. Raises what making one raises, and Throttled when none becomes free.

        Args:
            read: It may be held for as long as somebody else takes.
        """
        link = await self._take(read=read)
        try:
            yield link
        finally:
            self._lent.discard(link)
            self._give_back(link)
            await self._release(read=read)

    async def close(self) -> None:
        """Drop all connections; from now on none is made."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        for link in (*idle, *self._lent):
            self._calls_of_dropped += link.calls
        self._lent.clear()
        await asyncio.gather(*(link.closed() for link in idle))

    async def _take(self, *, read: bool) -> FtpLink:
        try:
            async with asyncio.timeout(_PATIENCE_S), self._given_back:
                while not self._has_room(read=read):
                    await self._something_changes()
                self._held[read] += 1
        except TimeoutError:
            raise Throttled("the server lets in no more connections, and none became free") from None
        try:
            link = self._alive() or self._unless_closed(await self._dial())
        except BaseException as error:
            if isinstance(error, Throttled):
                self._most = max(1, self._standing)
                self._most_until = self._clock() + (_REMEMBERED_S if self._most > 1 else _ALONE_S)
            await self._release(read=read)
            raise
        self._lent.add(link)
        self._most = max(self._most, self._standing)
        return link

    async def _something_changes(self) -> None:
        """Wait until a link is given back, or what the server bears is forgotten."""
        forgotten_in_s = self._most_until - self._clock()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(forgotten_in_s if forgotten_in_s > 0 else None):
                await self._given_back.wait()

    @property
    def _standing(self) -> int:
        return len(self._lent) + len(self._idle)

    def _unless_closed(self, link: FtpLink) -> FtpLink:
        if self._is_closed:  # meanwhile
            link.close()
            raise Canceled("the connection was closed")
        return link

    def _alive(self) -> FtpLink | None:
        """Take an idle connection that still stands, and drop those that do not."""
        while self._idle:
            link = self._idle.pop()
            if link.wire.looks_alive():
                return link
            self._drop(link)
        return None

    async def _release(self, *, read: bool) -> None:
        self._held[read] -= 1
        async with self._given_back:
            self._given_back.notify_all()

    def _has_room(self, *, read: bool) -> bool:
        if self._is_closed:
            raise Canceled("the connection was closed")
        if self._clock() > self._most_until:
            self._most = MOST_CONNECTIONS
        leaves_one = self._most == 1 or self._held[read] < self._most - 1
        return leaves_one and sum(self._held.values()) < self._most

    def _give_back(self, link: FtpLink) -> None:
        if self._is_closed or not link.is_usable:
            self._drop(link)
        else:
            self._idle.append(link)

    def _drop(self, link: FtpLink) -> None:
        self._calls_of_dropped += link.calls
        link.close()
