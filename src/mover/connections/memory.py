"""What connectors find out while they are open, kept in their connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection as Transaction

from mover.connections import queries
from mover.connections.filled_in import FilledIn, filled_in
from mover.connections.records import Connection
from mover.connectors.registry import ConnectorType
from mover.database.database import Database
from mover.errors import Changed, NotFound
from mover.vault.vault import Vault


class Memory:
    """The memory of one open connector; `remember` is what the connector is given."""

    def __init__(
        self, database: Database, vault: Vault, connection: Connection, kind: ConnectorType, opened: FilledIn
    ) -> None:
        self._database = database
        self._vault = vault
        self._connection = connection
        self._kind = kind
        self._plain = dict(opened.plain)
        self._secret = dict(opened.secret)

    async def remember(self, field: str, value: str) -> None:
        """Keep a value, secret ones in the vault. Another process's different value is never overwritten.

        Raises Changed in that case (two processes that pin a host key at the same time), NotFound if the connection
        is gone, InvalidConfiguration if the connector could not work with the value.
        """
        new = filled_in(self._kind.config, {**self._plain, **self._secret, field: value})
        if field in new.secret:
            await self._vault.store(
                self._connection.person, self._connection.owner, field, new.secret[field], along=self._stored
            )
            self._secret[field] = new.secret[field]
            return

        def save(transaction: Transaction) -> None:
            config = self._stored(transaction)
            if config.get(field) not in (self._plain.get(field), new.plain[field]):
                raise Changed(
                    f"{field!r} of {self._connection.name!r} was changed by another process meanwhile"
                )
            queries.change_config(transaction, self._connection.id, {**config, field: new.plain[field]})

        await self._database.write(save)
        self._plain[field] = new.plain[field]

    def _stored(self, transaction: Transaction) -> Mapping[str, Any]:
        config = queries.stored_config(transaction, self._connection.id)
        if config is None:
            raise NotFound(f"the connection {self._connection.name!r} was removed meanwhile")
        return config
