"""Telling the runners that there is something to do. It may fail, and then it happens a little later: the database is the truth."""

from __future__ import annotations

import asyncio
import logging

from mover.errors import MoverError
from mover.migrations.orchestration import Orchestration
from mover.migrations.records import Schedule

_log = logging.getLogger(__name__)
_LIMIT_S = 5.0


class Nudging:
    """An `Orchestration` whose failures are logged, and never keep an answer waiting for longer than some seconds."""

    def __init__(self, orchestration: Orchestration, *, limit_s: float = _LIMIT_S) -> None:
        self._orchestration = orchestration
        self._limit_s = limit_s

    async def nudge(self, organisation_id: str) -> None:
        """Say that something of this organisation is queued or wished."""
        try:
            async with asyncio.timeout(self._limit_s):
                await self._orchestration.nudge(organisation_id)
        except (MoverError, TimeoutError) as error:
            _log.warning("the runners were not told that there is work: %s", error)

    async def put_schedule(self, schedule: Schedule) -> None:
        """Make a schedule known, or change it."""
        try:
            async with asyncio.timeout(self._limit_s):
                await self._orchestration.put_schedule(schedule)
        except (MoverError, TimeoutError) as error:
            _log.warning("the schedule %s was not made known: %s", schedule.id, error)

    async def remove_schedule(self, schedule_id: str) -> None:
        """Forget a schedule."""
        try:
            async with asyncio.timeout(self._limit_s):
                await self._orchestration.remove_schedule(schedule_id)
        except (MoverError, TimeoutError) as error:
            _log.warning("the schedule %s was not forgotten: %s", schedule_id, error)
