"""What commands work with: settings, database, vault, ledger, connections, and the way out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mover.cli.ledgers import open_database
from mover.connections.connections import Connections
from mover.database.database import Database
from mover.ledger.ledger import Ledger
from mover.settings import Settings
from mover.transport.egress import Egress
from mover.transport.key_services import open_vault
from mover.vault.vault import Vault


@dataclass(frozen=True)
class Workplace:
    """Everything open, for one command."""

    settings: Settings
    database: Database
    vault: Vault
    egress: Egress
    connections: Connections
    ledger: Ledger


@asynccontextmanager
async def workplace() -> AsyncIterator[Workplace]:
    """Open everything as the operator's settings say, and close it.

    Raises InvalidConfiguration (settings, database, keys) and Locked (database).
    """
    settings = Settings()
    egress = Egress.from_settings(settings)
    async with open_database(settings) as database, open_vault(settings, database) as vault:
        try:
            yield Workplace(
                settings, database, vault, egress, Connections(database, vault, egress), Ledger(database)
            )
        finally:
            await egress.close()
