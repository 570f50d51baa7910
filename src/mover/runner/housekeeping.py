"""What is removed or destroyed because it is old. Each step is small and idempotent, so that it can be broken off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from mover.connections.idle import IdleConnections
from mover.migrations.retention import Retention
from mover.runner import queries
from mover.runner.records import Swept
from mover.staging.folder import sweep
from mover.workplace.workplace import Workplace

_DAY_NS = 24 * 3600 * 1_000_000_000
_KEPT_DAYS = (
    30  # invitations, links and attempts that are of no use any more, for those who ask what happened
)
_STEPS = 100  # of retention, between two signs of life
_BATCH = 1000


class Housekeeper:
    """Tidies up. Several may at the same time."""

    def __init__(
        self, place: Workplace, retention: Retention, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._place = place
        self._retention = retention
        self._now_ns = now_ns
        self._idle = IdleConnections(place.database, place.vault, now_ns=now_ns)

    async def tidy_up(self, alive: Callable[[], object]) -> Swept:
        """Do everything once; calls `alive` between steps."""
        connections = await self._idle.deauthorise()
        alive()
        await asyncio.to_thread(self._sweep_staging)
        alive()
        expired = 0
        while removed := await self._place.database.write(
            lambda connection: queries.remove_expired(
                connection, self._now_ns(), self._now_ns() - _KEPT_DAYS * _DAY_NS, _BATCH
            )
        ):
            expired += removed
            alive()
        rows = 0
        while removed := await self._retention.sweep(steps=_STEPS):
            rows += removed
            alive()
        return Swept(rows=rows, expired=expired, connections=connections)

    def _sweep_staging(self) -> None:
        with suppress(FileNotFoundError):  # nothing was ever staged
            sweep(self._place.settings.staging_path)
