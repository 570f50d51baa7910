"""How long and how often to try again, for a database server that comes and goes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

OUTAGE_S = 120.0
"""So long Mover waits for a server that has gone away: enough for a restart, an upgrade or a failover."""

_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 3.0
_LONGEST_CONFLICT_WAIT_S = 0.5


class Outage:
    """One for a database: all its transactions wait for the same server, so they lose patience together.

    Args:
        patience_s: How long an outage may last.
        clock: Seconds, monotonic.
    """

    def __init__(self, patience_s: float = OUTAGE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._since: float | None = None
        self._guard = threading.Lock()

    def goes_on(self) -> bool:
        """Note that the server was not there; tell whether to wait for it still."""
        with self._guard:
            now = self._clock()
            if self._since is None:
                self._since = now
            return now - self._since < self._patience_s

    def ended(self) -> None:
        """Note that the server answered."""
        with self._guard:
            self._since = None


def outage_wait_s(attempt: int) -> float:
    """Seconds before attempt number `attempt + 1` to reach a server; at once after the first failure.

    The first one is often just an old connection's news of a server that is back already.
    """
    if attempt <= 1:
        return 0.0
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (attempt - 2)) * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing


def conflict_wait_s(attempt: int) -> float:
    """Seconds before a transaction is tried again that got into another one's way."""
    return random.uniform(0, min(_LONGEST_CONFLICT_WAIT_S, 0.002 * 2.0**attempt))  # noqa: S311 - as above
