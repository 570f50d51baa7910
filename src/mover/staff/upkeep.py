"""What the service does for its staff now and then: sessions that ended go, and organisations are told what they may know by now."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.staff.requests import Requests
from mover.staff.sessions import StaffSessions
from mover.vault.vault import Vault


class StaffUpkeep:
    """Does both, in small steps.

    Args:
        database: Where they are.
        vault: Of requests and sessions.
        auditor: Tells organisations.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self, database: Database, vault: Vault, auditor: Auditor, *, now: Callable[[], float] = time.time
    ) -> None:
        self._sessions = StaffSessions(database, vault, auditor, now=now)
        self._requests = Requests(database, vault, auditor, now=now)

    async def step(self) -> int:
        """Remove and tell some; returns how many. 0: nothing is left to be done."""
        return await self._sessions.remove_expired() + await self._requests.disclose_due()
