"""What is removed or destroyed because it is old. Each step is small and idempotent, so that it can be broken off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from mover.accounts.departures import Departures, Remover
from mover.accounts.upkeep import Upkeep
from mover.connections.idle import IdleConnections
from mover.migrations.retention import Retention
from mover.runner.records import Swept
from mover.staging.folder import sweep
from mover.workplace.removers import REMOVERS
from mover.workplace.workplace import Workplace

_STEPS = 100  # of retention, between two signs of life


class Housekeeper:
    """Tidies up. Several may at the same time.

    Args:
        place: Where.
        retention: Removes old runs.
        removers: Of what belongs to deleted organisations, in every room that keeps something of them.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        place: Workplace,
        retention: Retention,
        *,
        removers: Sequence[Remover] = REMOVERS,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._place = place
        self._retention = retention
        self._now_ns = now_ns
        self._departures = Departures(place.database, place.vault, removers=removers, now=self._now)
        self._upkeep = Upkeep(place.database, now=self._now)
        self._idle = IdleConnections(place.database, place.vault, now_ns=now_ns)

    async def tidy_up(self, alive: Callable[[], object]) -> Swept:
        """Do everything once; calls `alive` between steps."""
        connections = await self._idle.deauthorise()
        alive()
        await asyncio.to_thread(self._sweep_staging)
        alive()
        expired = 0
        while removed := await self._upkeep.remove_expired():
            expired += removed
            alive()
        rows = 0
        while removed := await self._departures.remove_deleted():
            rows += removed
            alive()
        while removed := await self._retention.sweep(steps=_STEPS):
            rows += removed
            alive()
        return Swept(rows=rows, expired=expired, connections=connections)

    def _now(self) -> float:
        return self._now_ns() / 1e9

    def _sweep_staging(self) -> None:
        with suppress(FileNotFoundError):  # nothing was ever staged
            sweep(self._place.settings.staging_path)
