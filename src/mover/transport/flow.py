"""Bytes on their way between the event loop and a thread: bounded, and given up from either side."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Self

LIMIT = 512 * 1024
"""Bytes that wait in one flow before its writer has to."""

PIECE = 1 << 20
"""Most bytes that a reader gets at once."""


class FlowEndedError(Exception):
    """The other side wants no more, or gives no more."""


class _Flow:
    """What both directions have in common.

    Args:
        loop: Of the event loop's side; None if nobody is there.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._pieces: deque[bytes | memoryview] = deque()
        self._size = 0
        self._is_ended = False
        self._is_abandoned = False
        self._sleeper: asyncio.Future[None] | None = None

    def abandon(self) -> None:
        """Give it up, from any thread: whoever waits wakes, and nothing more is taken or given."""
        with self._changed:
            self._is_abandoned = True
            self._pieces.clear()
            self._size = 0
            self._wake_both()

    def _wake_both(self) -> None:
        self._changed.notify_all()
        self._wake_loop()

    def _wake_loop(self) -> None:
        """Wake the event loop's side if it sleeps; the lock is held."""
        sleeper, self._sleeper = self._sleeper, None
        if sleeper is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(_wake, sleeper)

    def _fall_asleep(self) -> asyncio.Future[None]:
        """Return what the event loop's side waits for; the lock is held."""
        self._sleeper = asyncio.get_running_loop().create_future()
        return self._sleeper


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class Inflow(_Flow):
    """From a thread to the event loop."""

    def put(self, data: bytes) -> None:
        """Hand on data, in the thread; waits while too much waits. Raises FlowEndedError once it is abandoned."""
        with self._changed:
            while self._size >= LIMIT and not self._is_abandoned:
                self._changed.wait()
            if self._is_abandoned:
                raise FlowEndedError
            self._pieces.append(data)
            self._size += len(data)
            self._wake_loop()

    def end(self) -> None:
        """Say, in any thread, that there is no more."""
        with self._changed:
            self._is_ended = True
            self._wake_both()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield what comes, in pieces of at most 1 MiB, until the end."""
        while True:
            with self._changed:
                piece = self._next_piece()
                if piece is None and (self._is_ended or self._is_abandoned):
                    return
                sleeper = None if piece is not None else self._fall_asleep()
            if sleeper is not None:
                await sleeper
            elif piece is not None:
                yield piece

    def _next_piece(self) -> bytes | None:
        taken: list[bytes | memoryview] = []
        size = 0
        while self._pieces and size + len(self._pieces[0]) <= PIECE:
            taken.append(self._pieces.popleft())
            size += len(taken[-1])
        if not taken:
            return None
        self._size -= size
        self._changed.notify_all()
        return b"".join(taken)


class Outflow(_Flow):
    """From the event loop to a thread.

    Attributes:
        taken: Bytes that the thread has taken so far.
        is_drained: The thread was told that there is no more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        super().__init__(loop)
        self.taken = 0
        self.is_drained = False

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Make one that holds these few bytes already; in any thread."""
        flow = cls(loop=None)
        flow._pieces.append(data)
        flow._is_ended = True
        return flow

    async def feed(self, chunks: AsyncIterator[bytes]) -> int:
        """Hand on all that an iterator yields, and return how many bytes that were.

        An error of the iterator abandons the flow and is raised.
        """
        fed = 0
        try:
            async for chunk in chunks:
                fed += len(chunk)
                await self._put(memoryview(chunk))
        except BaseException:
            self.abandon()
            raise
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()
        return fed

    async def _put(self, data: memoryview) -> None:
        while data:
            with self._changed:
                if self._is_abandoned:
                    raise FlowEndedError
                room = LIMIT - self._size
                if room > 0:
                    self._pieces.append(data[:room])
                    self._size += min(room, len(data))
                    data = data[room:]
                    self._changed.notify_all()
                    continue
                sleeper = self._fall_asleep()
            await sleeper

    def take(self, most: int) -> bytes:
        """Return up to `most` bytes, in the thread; waits for some, and returns none at the end.

        Raises FlowEndedError once it is abandoned.
        """
        with self._changed:
            while not self._pieces and not self._is_ended and not self._is_abandoned:
                self._changed.wait()
            if self._is_abandoned:
                raise FlowEndedError
            if not self._pieces:
                self.is_drained = True
                return b""
            first = self._pieces[0]
            data = bytes(first[:most])
            if len(first) > most:
                self._pieces[0] = first[most:]
            else:
                self._pieces.popleft()
            self._size -= len(data)
            self.taken += len(data)
            self._wake_loop()
            return data
