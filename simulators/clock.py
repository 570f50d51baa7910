"""The time in a world."""

from __future__ import annotations

import time
from collections.abc import Callable

SECOND_NS = 1_000_000_000


class Clock:
    """Real time, moved on by whoever does not want to wait."""

    def __init__(self, real_ns: Callable[[], int] = time.time_ns) -> None:
        self._real_ns = real_ns
        self._ahead_ns = 0

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return self._real_ns() + self._ahead_ns

    def now_s(self) -> float:
        """Seconds since 1970 UTC."""
        return self.now_ns() / SECOND_NS

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self._ahead_ns += int(seconds * SECOND_NS)
