"""Sends what waits in the outbox: webhooks through the egress, mail through `Mail`. For runners."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.database.database import Database
from mover.mail.message import Mail
from mover.transport.egress import Egress
from mover.vault.vault import Vault


class Deliverer:
    """Sends at least once; two never send the same at the same time. `mail` of None leaves mail waiting."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        egress: Egress,
        mail: Mail | None,
        *,
        allow_plain: bool = False,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._vault = vault
        self._egress = egress
        self._mail = mail
        self._allow_plain = allow_plain
        self._now_ns = now_ns

    async def deliver_due(self, limit: int = 50) -> int:
        """Send what is due, at most so many of each kind; returns how many were tried. Raises nothing of the receivers'."""
        raise NotImplementedError
