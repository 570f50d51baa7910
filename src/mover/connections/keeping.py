"""The tokens of a saved connection, renewed by one process of all that use it."""

from __future__ import annotations

from collections.abc import Callable

from mover.connections.records import Connection
from mover.transport.oauth.tokens import (
    ACCESS_EXPIRES,
    ACCESS_TOKEN,
    REFRESH_TOKEN,
    Exchange,
    Secrets,
)
from mover.vault.vault import Vault

_FIELDS = (REFRESH_TOKEN, ACCESS_TOKEN, ACCESS_EXPIRES)


class VaultKeeper:
    """Satisfies `TokenKeeper`: the secrets are in the vault, and exchanged under its lease."""

    def __init__(self, vault: Vault, connection: Connection) -> None:
        self._vault = vault
        self._connection = connection

    async def renew(self, exchange: Exchange, is_fresh: Callable[[Secrets], bool]) -> Secrets:
        """See `TokenKeeper`."""
        return await self._vault.refresh(
            self._connection.person, self._connection.owner, _FIELDS, exchange, is_fresh
        )
