"""Connections that nobody uses: their secrets are destroyed, so that they cannot be stolen. Names and history stay."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sqlalchemy import Connection as Transaction

from mover.connections import queries
from mover.database.database import Database
from mover.errors import Changed
from mover.vault.vault import Vault

UNUSED_DAYS = 90

_DAY_NS = 24 * 3600 * 1_000_000_000


class IdleConnections:
    """For the service's housekeeping: organisations' connections only, a person at the command line is left alone."""

    def __init__(self, database: Database, vault: Vault, *, now_ns: Callable[[], int]) -> None:
        self._database = database
        self._vault = vault
        self._now_ns = now_ns

    async def deauthorise(self, *, days: int = UNUSED_DAYS, limit: int = 100) -> int:
        """De-authorise connections that were not signed in to for so many days; returns how many."""
        now_ns = self._now_ns()
        before_ns = now_ns - days * _DAY_NS
        found = await self._database.read(lambda transaction: queries.unused(transaction, before_ns, limit))
        count = 0
        for connection in found:

            def mark(transaction: Transaction, connection_id: str = connection.id) -> None:
                queries.mark_deauthorised(transaction, connection_id, before_ns, now_ns)

            with contextlib.suppress(Changed):  # it is not unused after all
                await self._vault.destroy(connection.owner, along=mark)
                count += 1
        return count
