"""Connections that nobody uses: their secrets are destroyed, so that they cannot be stolen. Names and history stay.

Tokens are revoked at their services, too, where those offer it; what a service does about it delays nothing for long.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sqlalchemy import Connection as Transaction

from mover.connections import queries
from mover.connections.grants import Grant, grant_of
from mover.connections.records import Connection
from mover.connections.revoking import Revoking
from mover.connectors.registry import ConnectorType, connector_type
from mover.database.database import Database
from mover.errors import Changed
from mover.vault.vault import Vault

UNUSED_DAYS = 90

_DAY_NS = 24 * 3600 * 1_000_000_000


class IdleConnections:
    """For the service's housekeeping: organisations' connections only, a person at the command line is left alone.

    Args:
        database: Where they are.
        vault: Holds their secrets.
        revoking: Gives tokens back.
        types: Finds a service by name.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        revoking: Revoking,
        *,
        types: Callable[[str], ConnectorType] = connector_type,
        now_ns: Callable[[], int],
    ) -> None:
        self._database = database
        self._vault = vault
        self._revoking = revoking
        self._types = types
        self._now_ns = now_ns

    async def deauthorise(self, *, days: int = UNUSED_DAYS, limit: int = 16) -> int:
        """De-authorise at most `limit` connections that were not signed in to for so many days; returns how many."""
        now_ns = self._now_ns()
        before_ns = now_ns - days * _DAY_NS
        found = await self._database.read(lambda transaction: queries.unused(transaction, before_ns, limit))
        grants: list[Grant] = []
        count = 0
        for connection in found:
            grant = await self._grant(connection)

            def mark(transaction: Transaction, connection_id: str = connection.id) -> None:
                queries.mark_deauthorised(transaction, connection_id, before_ns, now_ns)

            with contextlib.suppress(Changed):  # it is not unused after all
                await self._vault.destroy(connection.owner, along=mark)
                count += 1
                grants += [grant] if grant else []
        await self._revoking.revoke_all(grants)
        return count

    async def _grant(self, connection: Connection) -> Grant | None:
        others = await self._database.read(
            lambda transaction: queries.of_person(transaction, connection.person)
        )
        return await grant_of(connection, others, self._vault, self._types)
