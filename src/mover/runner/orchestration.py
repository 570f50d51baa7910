"""How API and pages tell runners that something is to be done. They never fail for it: the database has it already."""

from __future__ import annotations

import logging

from mover.errors import MoverError
from mover.migrations.records import Schedule
from mover.runner.reconciler import Reconciler

_log = logging.getLogger(__name__)


class TemporalOrchestration:
    """Satisfies `mover.migrations.orchestration.Orchestration`. What fails is logged, and made up for by the runners."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler

    async def nudge(self, organisation_id: str) -> None:
        """Say that something of this organisation is queued or wished."""
        try:
            await self._reconciler.reconcile(organisation_id)
        except MoverError as error:
            _log.warning("runners could not be told that there is work: %s", error)

    async def put_schedule(self, schedule: Schedule) -> None:
        """Make a schedule known, or change it."""
        try:
            await self._reconciler.put_schedule(schedule)
        except MoverError as error:
            _log.warning("a schedule could not be made known: %s", error)

    async def remove_schedule(self, schedule_id: str) -> None:
        """Forget a schedule."""
        try:
            await self._reconciler.remove_schedule(schedule_id)
        except MoverError as error:
            _log.warning("a schedule could not be taken back: %s", error)
