"""The room that signing in told of already, where it did: the first question about it costs no call."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

_GOOD_FOR_S = 60.0


class Told(msgspec.Struct, frozen=True):
    """Free bytes as a service told them; None where it knows no limit."""

    free_bytes: int | None


class ToldRoom:
    """Keeps what was told for one question: who asks a second time wants to know how it is by then.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: Told | None = None
        self._at = 0.0

    def tell(self, free_bytes: int | None) -> None:
        """Keep what was told now."""
        self._told, self._at = Told(free_bytes), self._clock()

    def take(self) -> Told | None:
        """Return what was told within the last minute, once; None if the service has to be asked."""
        told, self._told = self._told, None
        return told if self._clock() - self._at <= _GOOD_FOR_S else None
