"""What is removed or destroyed because it is old. Each step is small and idempotent, so that it can be broken off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from mover.accounts.assembly import Accounts
from mover.connections.idle import IdleConnections
from mover.migrations.retention import Retention
from mover.runner.records import Swept
from mover.staging.folder import sweep
from mover.workplace.workplace import Workplace

_STEPS = 100  # of retention, between two signs of life


class Housekeeper:
    """Tidies up. Several may at the same time."""

    def __init__(
        self,
        place: Workplace,
        accounts: Accounts,
        retention: Retention,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._place = place
        self._accounts = accounts
        self._retention = retention
        self._idle = IdleConnections(place.database, place.vault, now_ns=now_ns)

    async def tidy_up(self, alive: Callable[[], object]) -> Swept:
        """Do everything once; calls `alive` between steps."""
        connections = await self._idle.deauthorise()
        alive()
        await asyncio.to_thread(self._sweep_staging)
        alive()
        return Swept(
            connections=connections,
            expired=await _all(self._accounts.upkeep.remove_expired, alive),
            deleted=await _all(self._accounts.organisations.remove_deleted, alive),
            rows=await _all(lambda: self._retention.sweep(steps=_STEPS), alive),
        )

    def _sweep_staging(self) -> None:
        with suppress(FileNotFoundError):  # nothing was ever staged
            sweep(self._place.settings.staging_path)


async def _all(some: Callable[[], Awaitable[int]], alive: Callable[[], object]) -> int:
    """Remove batch after batch until nothing is left; returns how much went."""
    removed = 0
    while batch := await some():
        removed += batch
        alive()
    return removed
