"""Removes what is old, in small steps: items, runs, samples, deliveries. Summaries of pairs stay."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.database.database import Database

DEFAULT_DAYS = 90


class Retention:
    """For runners: knows no actor."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def sweep(
        self, *, days: int = DEFAULT_DAYS, organisation_id: str | None = None, steps: int = 1000
    ) -> int:
        """Remove what is older, and what people removed; at most so many steps of some thousand rows. Returns how many rows went."""
        raise NotImplementedError
