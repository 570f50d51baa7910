"""A limit on bytes per second, shared by all that moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from mover.errors import InvalidConfiguration
from mover.transfer.measures import parse_size

_BURST_S = 0.25
_NO_LIMIT = {"off", "0"}


def parse_rate(text: str) -> int | None:
    """Return bytes per second for `10M` or `10M/s` (MiB per second); None for `off` and `0`.

    Raises:
        InvalidConfiguration: It is nothing of the kind.
    """
    text = text.strip().removesuffix("/s")
    if text.lower() in _NO_LIMIT:
        return None
    rate = parse_size(text)
    if rate < 1:
        raise InvalidConfiguration(f"less than a byte per second: {text!r}")
    return rate


class Bandwidth:
    """A token bucket: over any time no more than the rate allows, plus at most a quarter of a second's worth at once.

    Those who wait are served in the order in which they asked, so that a large piece is not overtaken for ever by small
    ones. One who is cancelled while waiting has used nothing.

    Args:
        bytes_per_s: The rate; None for no limit, which costs nothing.
        clock: Seconds that only grow.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        bytes_per_s: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if bytes_per_s is not None and bytes_per_s < 1:
            raise ValueError("a rate is at least one byte per second")
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()  # asyncio's lock is fair: first come, first served
        self._burst = (bytes_per_s or 0) * _BURST_S
        self._available = self._burst
        self._counted_at = clock()

    async def take(self, size: int) -> None:
        """Wait until `size` bytes may pass; more than a burst simply takes as long as the rate says."""
        if self._bytes_per_s is None or size <= 0:
            return
        async with self._turn:
            self._refill(self._bytes_per_s)
            self._available -= size
            try:
                # A debt below one byte is rounding, and is carried on to the next.
                while self._available <= -1:
                    await self._sleep(-self._available / self._bytes_per_s)
                    self._refill(self._bytes_per_s)
            except BaseException:
                self._available = min(self._available + size, self._burst)
                raise

    def _refill(self, bytes_per_s: int) -> None:
        now = self._clock()
        self._available = min(self._available + (now - self._counted_at) * bytes_per_s, self._burst)
        self._counted_at = now
