"""Schedules, and what starts pairs when one is due."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.migrations.records import NewSchedule, Schedule


class Schedules:
    """Needs READ, what changes something PLAN. The caller tells `Orchestration.put_schedule` / `remove_schedule`."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def create(self, actor: Actor, migration_id: str, new: NewSchedule) -> Schedule:
        """Add a schedule. Raises InvalidConfiguration."""
        raise NotImplementedError

    async def list(self, actor: Actor, migration_id: str | None = None) -> list[Schedule]:
        """Those of a migration or of the organisation, by name."""
        raise NotImplementedError

    async def get(self, actor: Actor, schedule_id: str) -> Schedule:
        """Find one."""
        raise NotImplementedError

    async def update(
        self, actor: Actor, schedule_id: str, new: NewSchedule, *, version: int | None
    ) -> Schedule:
        """Change it. Raises Overtaken."""
        raise NotImplementedError

    async def delete(self, actor: Actor, schedule_id: str) -> None:
        """Remove it. Runs that it started go on."""
        raise NotImplementedError

    def next_times(self, new: NewSchedule, count: int = 5) -> list[int]:
        """When it would start pairs next, within no window. Raises InvalidConfiguration."""
        raise NotImplementedError


class Scheduler:
    """For runners: starts what is due. Several may call it at once; each time of a schedule starts its pairs once."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def fire_due(self, limit: int = 50) -> list[str]:
        """Start the pairs of schedules whose time has come; returns the ids of the organisations concerned.

        Times that passed while nothing ran are made up for once. A pair whose run is still under way gets a row with 250.
        """
        raise NotImplementedError

    async def next_due_ns(self) -> int | None:
        """When `fire_due` has something to do next."""
        raise NotImplementedError

    async def all(self) -> list[Schedule]:
        """All active schedules of all organisations, to make them known anew."""
        raise NotImplementedError
