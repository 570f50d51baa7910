"""What the service does for its accounts now and then: remove what has expired, and say how long the rest is kept."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.accounts.queries import organisations, removal
from mover.database.database import Database

_SECOND_NS = 1_000_000_000


class Upkeep:
    """Removes what means nothing any more, in batches, so that no transaction is long.

    Args:
        database: Where it is.
        idle_s: After which sessions have ended, as `Sessions` has it.
        keep_s: How long counters, devices and ended invitations are kept when unused; at least a day.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        *,
        idle_s: float = 12 * 3600,
        keep_s: float = 90 * 24 * 3600,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._idle_ns = int(idle_s * _SECOND_NS)
        self._keep_ns = int(max(keep_s, 24 * 3600) * _SECOND_NS)
        self._now = now

    async def remove_expired(self, *, limit: int = 1000) -> int:
        """Remove at most `limit` rows; returns how many. 0: nothing is left to be removed."""
        now_ns = int(self._now() * _SECOND_NS)
        return await self._database.write(
            lambda transaction: removal.remove_expired(
                transaction, now_ns, idle_ns=self._idle_ns, keep_ns=self._keep_ns, limit=limit
            )
        )

    async def kept_days(self) -> list[tuple[str, int]]:
        """List the organisations by id, each with the days that it keeps runs, items and reports after their end."""
        return await self._database.read(organisations.kept_days)
