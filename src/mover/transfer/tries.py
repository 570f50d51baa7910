"""How often a file is tried, and how long is waited in between.

A file that is told to come later is not in vain: it is waited for as long as its service serves anything at all. One
that breaks has a number of attempts, counted anew from each part that arrived.
"""

from __future__ import annotations

import random

import msgspec

from mover.errors import Changed, MoverError, Throttled, Transient
from mover.transport.retries import RetryPolicy


class Tries(msgspec.Struct):
    """The attempts at one file.

    Attributes:
        retries: Pauses between attempts.
        most: Attempts that may fail one after the other.
        arrivals: Files that had arrived in all lanes when this one was last seen to get on.
        attempt: How many there were.
        parts: Of the file, that the destination has.
    """

    retries: RetryPolicy
    most: int
    rng: random.Random
    arrivals: int
    attempt: int = 0
    parts: int = 0
    _fruitless: int = 0
    _broken: int = 0
    _throttled_s: float = 0.0

    def begin(self) -> None:
        """Count one more."""
        self.attempt += 1
        self._fruitless += 1

    def failed(self, error: MoverError, *, parts: int, arrivals: int) -> tuple[bool, float]:
        """Tell whether to try again, and after how many seconds.

        Args:
            error: What the attempt ended with.
            parts: Of the file, that the destination has by now.
            arrivals: Files that have arrived in all lanes by now.
        """
        self._broken += not isinstance(error, Throttled)
        if parts > self.parts and not isinstance(error, Changed):
            self._gets_on(arrivals)  # a bad line that brings a part each time brings the file in the end
        elif isinstance(error, Throttled) and arrivals > self.arrivals:
            self._gets_on(arrivals)  # others are served: its turn comes
        self.parts = max(self.parts, parts)
        wait_s = self.retries.wait_s(max(self._fruitless, 1), error, self.rng)
        if not isinstance(error, Throttled):
            return isinstance(error, Transient) and self._broken < self.most, wait_s
        # A file takes several calls. Who comes back at the first moment each time may never get all of them. Those whose
        # calls are shared come back together, to share them again.
        if error.in_turn:
            wait_s = error.retry_after_s or self.retries.first_s
        elif self._fruitless > 1:
            wait_s += self.retries.jitter_s(self._fruitless - 1, self.rng)
        self._throttled_s += wait_s
        return self._throttled_s <= self.retries.total_s, wait_s

    def _gets_on(self, arrivals: int) -> None:
        self._fruitless, self._broken, self._throttled_s, self.arrivals = 0, 0, 0.0, arrivals
