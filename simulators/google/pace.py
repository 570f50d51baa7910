"""Limits of calls: so many a minute for each user ("Usage limits" of the Drive guides). Off unless a test sets one."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable

from simulators.google.errors import rate_limited

_WINDOW_NS = 60_000_000_000


class Pace:
    """Counts calls of users.

    Attributes:
        calls_a_minute: Of one user; None: as many as he likes.
        refused: How often somebody was told to wait.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.calls_a_minute: int | None = None
        self.refused = 0
        self._now_ns = now_ns
        self._called: defaultdict[str, deque[int]] = defaultdict(deque)

    def count(self, user: str) -> None:
        """Count a call. Raises Refusal for one too many; that does not count."""
        if self.calls_a_minute is None:
            return
        now = self._now_ns()
        called = self._called[user]
        while called and called[0] <= now - _WINDOW_NS:
            called.popleft()
        if len(called) >= self.calls_a_minute:
            self.refused += 1
            raise rate_limited()
        called.append(now)
