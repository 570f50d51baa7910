"""What the service does for its staff now and then: sessions and keys that ended go, and organisations are told what they may know by now."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.accounts.attempts import Attempts
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.staff.disclosures import Disclosures
from mover.staff.keys import StaffKeys
from mover.staff.sessions import StaffSessions
from mover.vault.vault import Vault


class StaffUpkeep:
    """Does it in small steps.

    Args:
        database: Where they are.
        vault: Of sessions and keys.
        auditor: Tells organisations.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self, database: Database, vault: Vault, auditor: Auditor, *, now: Callable[[], float] = time.time
    ) -> None:
        self._sessions = StaffSessions(database, vault, auditor, now=now)
        self._keys = StaffKeys(database, vault, Attempts(database, now=now), auditor, now=now)
        self._disclosures = Disclosures(database, auditor, now=now)

    async def step(self) -> int:
        """Remove and tell some; returns how many. 0: nothing is left to be done."""
        gone = await self._sessions.remove_expired() + await self._keys.remove_ended()
        return gone + await self._disclosures.tell_due()
