"""What is removed or destroyed because it is old. Each step is small and idempotent, so that it can be broken off.

The accounts and the audit log are tidied up by the API (`serving/tidying.py`): runners have no business with sessions and
people, and can remove no event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from mover.accounts.upkeep import Upkeep
from mover.connections.idle import IdleConnections
from mover.connections.revoking import Revoking
from mover.migrations.retention import Retention
from mover.runner.records import Swept
from mover.staging.folder import sweep
from mover.transport.oauth.apps import apps_from_settings
from mover.workplace.seeds import destroy_old_seeds
from mover.workplace.upload_keys import destroy_old_upload_keys
from mover.workplace.workplace import Workplace

_STEPS = 100  # of retention, between two signs of life


class Housekeeper:
    """Tidies up. Several may at the same time.

    Args:
        place: Where.
        retention: Removes old runs.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        place: Workplace,
        retention: Retention,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._place = place
        self._retention = retention
        self._now_ns = now_ns
        self._kept = place.settings.retention
        self._upkeep = Upkeep(place.database, now=self._now)
        revoking = Revoking(place.egress, apps_from_settings(place.settings), now=self._now)
        self._idle = IdleConnections(place.database, place.vault, revoking, now_ns=now_ns)

    async def tidy_up(self, alive: Callable[[], object]) -> Swept:
        """Do everything once; calls `alive` between steps."""
        connections = await _all(
            partial(self._idle.deauthorise, days=self._kept.idle_connections_days), alive
        )
        alive()
        await asyncio.to_thread(self._sweep_staging)
        alive()
        await destroy_old_seeds(self._place.vault, now=self._now())
        alive()
        await destroy_old_upload_keys(self._place.vault, now=self._now())
        alive()
        return Swept(connections=connections, rows=await self._sweep_old(alive))

    async def _sweep_old(self, alive: Callable[[], object]) -> int:
        """Remove what each organisation does not keep any longer, then what no organisation decides about."""
        rows = 0
        for organisation_id, days in await self._upkeep.kept_days():
            rows += await _all(
                partial(self._retention.sweep, days=days, organisation_id=organisation_id, steps=_STEPS),
                alive,
            )
            alive()
        return rows + await _all(
            partial(self._retention.sweep_outboxes, days=self._kept.notices_days, steps=_STEPS), alive
        )

    def _now(self) -> float:
        return self._now_ns() / 1e9

    def _sweep_staging(self) -> None:
        with suppress(FileNotFoundError):  # nothing was ever staged
            sweep(self._place.settings.staging_path)


async def _all(remove: Callable[[], Awaitable[int]], alive: Callable[[], object]) -> int:
    """Repeat until nothing is removed; returns how much it was in all."""
    removed = 0
    while some := await remove():
        removed += some
        alive()
    return removed
