"""What tells runners that there is something to do. The database is the truth; this only makes it happen sooner."""

from __future__ import annotations

from typing import Protocol

from mover.migrations.records import Schedule


class Orchestration(Protocol):
    """Implemented by the runner's room; services call it after their transaction, and may fail to: nothing is lost."""

    async def nudge(self, organisation_id: str) -> None:
        """Say that something of this organisation is queued or wished. Idempotent."""
        ...

    async def put_schedule(self, schedule: Schedule) -> None:
        """Make a schedule known, or change it. It calls `Scheduler.fire_due` at `schedule.next_ns`. Idempotent."""
        ...

    async def remove_schedule(self, schedule_id: str) -> None:
        """Forget a schedule. Idempotent; also when it is not known."""
        ...
