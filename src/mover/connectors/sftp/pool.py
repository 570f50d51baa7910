"""A few connections to one server, shared by all operations.

To a server nearby one connection is best: requests of many operations travel together, and this side's processor is the
limit (measured on two cores: 6,200 uploads of 16 KiB a second over one connection, 3,700 over four). A line with a long
round trip is filled by several connections only, and a server that works through one session's requests in order is
relieved by them: so another connection is made when all have many operations on their hands, sooner if they are slow.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from mover.connectors.sftp.ssh import Link
from mover.errors import MoverError, Unreachable

MOST_CONNECTIONS = 4
_CROWDED = 16
_CROWDED_FAR = 4
_FAR_S = 0.005


class Pool:
    """Lends links to operations. A link that breaks is dropped; the next operation that needs one makes a new one.

    Args:
        dial: Makes a link.
        most: Connections at once; servers limit them (OpenSSH: MaxStartups, and many hosts by address).
    """

    def __init__(self, dial: Callable[[], Awaitable[Link]], *, most: int = MOST_CONNECTIONS) -> None:
        self._dial = dial
        self._most = most
        self._links: dict[Link, int] = {}
        self._dialling = asyncio.Lock()
        self._is_closed = False
        self._calls_of_dropped = 0

    @property
    def calls(self) -> int:
        """Requests sent so far on all connections that were ever made."""
        return self._calls_of_dropped + sum(link.sftp.session.calls for link in self._links)

    @contextlib.asynccontextmanager
    async def link(self) -> AsyncIterator[Link]:
        """Lend the least busy link for the length of a block. Raises what making one raises."""
        link = await self._choose()
        self._links[link] += 1
        try:
            yield link
        finally:
            if link in self._links:
                self._links[link] -= 1

    def close(self) -> None:
        """Drop all connections; from now on none is made."""
        self._is_closed = True
        for link in list(self._links):
            self._drop(link)

    def _accept(self, link: Link) -> Link:
        if self._is_closed:  # meanwhile
            link.close()
            raise Unreachable("the connection was closed")
        self._links[link] = 0
        return link

    async def _choose(self) -> Link:
        best = self._least_busy()
        if best is not None and (not self._is_crowded(best) or self._is_full() or self._dialling.locked()):
            return best
        async with self._dialling:
            best = self._least_busy()
            if best is not None and not self._is_crowded(best):
                return best
            if self._is_closed:
                raise Unreachable("the connection was closed")
            try:
                link = await self._dial()
            except MoverError:
                best = self._least_busy()
                if best is None:
                    raise
                self._most = len(self._links)  # the server wants no more of them
                return best
            return self._accept(link)

    def _is_crowded(self, link: Link) -> bool:
        return self._links[link] >= (_CROWDED_FAR if link.round_trip_s > _FAR_S else _CROWDED)

    def _is_full(self) -> bool:
        return len(self._links) >= self._most

    def _least_busy(self) -> Link | None:
        for link in [link for link in self._links if link.sftp.session.is_lost]:
            self._drop(link)
        return min(self._links, key=self._links.__getitem__, default=None)

    def _drop(self, link: Link) -> None:
        self._calls_of_dropped += link.sftp.session.calls
        del self._links[link]
        link.close()
