"""What an organisation that ends gives back to the services that its people had connected."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mover.connections import queries
from mover.connections.grants import Grant, grant_of
from mover.connections.revoking import Revoking
from mover.connectors.registry import ConnectorType, connector_type
from mover.database.database import Database
from mover.vault.vault import Vault

LIMIT_S = 8.0
"""Longest time for all services together: whoever deletes an organisation waits for it."""


class Farewells:
    """Satisfies `accounts.organisations.Farewell`.

    Args:
        database: Where connections are.
        vault: Holds their secrets, as long as the organisation is there.
        revoking: Gives tokens back.
        types: Finds a service by name.
        limit_s: Longest time for it.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        revoking: Revoking,
        *,
        types: Callable[[str], ConnectorType] = connector_type,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._database = database
        self._vault = vault
        self._revoking = revoking
        self._types = types
        self._limit_s = limit_s

    async def __call__(self, organisation_id: str) -> Callable[[], Awaitable[None]]:
        """Read what is to be revoked, and return what revokes it once the secrets are destroyed."""
        person = f"organisation:{organisation_id}"
        found = await self._database.read(lambda transaction: queries.of_person(transaction, person))
        grants = [await grant_of(connection, (), self._vault, self._types) for connection in found]

        async def give_back() -> None:
            await self._give_back([grant for grant in grants if grant is not None])

        return give_back

    async def _give_back(self, grants: list[Grant]) -> None:
        limit = asyncio.timeout(self._limit_s)
        try:
            async with limit:
                await self._revoking.revoke_all(grants)
        except TimeoutError:
            if not limit.expired():
                raise  # else: the tokens end by themselves, and nobody has them
