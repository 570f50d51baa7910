"""How much may be staged at once: so much in memory, so much on disk, and a line where there is no room.

Whoever comes first is served first. The one at the head of the line is not passed by smaller requests behind it, so
that a large part gets its room as soon as enough of the parts before it are gone.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque

from mover.errors import Canceled, StagingFull


class Place(enum.Enum):
    """Where a part rests."""

    MEMORY = "memory"
    DISK = "disk"


class Budget:
    """Room for staged bytes, in memory first and then on disk. Belongs to one event loop.

    Args:
        memory_bytes: Most bytes in memory.
        disk_bytes: Most bytes on disk.
    """

    def __init__(self, *, memory_bytes: int, disk_bytes: int) -> None:
        self._most = {Place.MEMORY: memory_bytes, Place.DISK: disk_bytes}
        self._used = {Place.MEMORY: 0, Place.DISK: 0}
        self._line: deque[tuple[int, asyncio.Future[Reservation]]] = deque()
        self._closed = False

    def used(self, place: Place) -> int:
        """Return how many bytes are reserved now."""
        return self._used[place]

    async def reserve(self, size: int) -> Reservation:
        """Wait for room for one part of at most `size` bytes, all in one place.

        Raises:
            StagingFull: So much does not fit even when nothing else is staged.
            Canceled: The budget was closed meanwhile.
            ValueError: The size is negative.
        """
        if size < 0:
            raise ValueError("a size cannot be negative")
        if self._closed:
            raise _closed()
        if size > max(self._most.values()):
            raise StagingFull(
                f"a part of {size} bytes is larger than the whole staging budget", operation="staging"
            )
        if not self._line and (reservation := self._grant(size)):
            return reservation
        granted: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._line.append((size, granted))
        try:
            return await granted
        except asyncio.CancelledError:
            if (
                not granted.cancelled() and granted.exception() is None
            ):  # granted and cancelled in the same turn
                granted.result().give_back()
            self._serve()
            raise

    def give_back(self, place: Place, size: int) -> None:
        """Take bytes back and serve those who wait for them."""
        self._used[place] -= size
        self._serve()

    def close(self) -> None:
        """Send everybody in the line away, and grant nothing any more. Idempotent."""
        self._closed = True
        while self._line:
            _, granted = self._line.popleft()
            if not granted.done():
                granted.set_exception(_closed())

    def _serve(self) -> None:
        while self._line:
            size, granted = self._line[0]
            if not granted.done():
                reservation = self._grant(size)
                if reservation is None:
                    return
                granted.set_result(reservation)
            self._line.popleft()

    def _grant(self, size: int) -> Reservation | None:
        for place in Place:
            if self._used[place] + size <= self._most[place]:
                self._used[place] += size
                return Reservation(self, place, size)
        return None


class Reservation:
    """Room that was granted for one part."""

    __slots__ = ("_budget", "_size", "place")

    def __init__(self, budget: Budget, place: Place, size: int) -> None:
        self._budget = budget
        self._size = size
        self.place = place

    def shrink(self, size: int) -> None:
        """Keep only `size` bytes and give the rest back."""
        rest = self._size - size
        if rest > 0:
            self._size = size
            self._budget.give_back(self.place, rest)

    def give_back(self) -> None:
        """Give everything back. Idempotent."""
        self.shrink(0)


def _closed() -> Canceled:
    return Canceled("staging was closed", operation="staging")
