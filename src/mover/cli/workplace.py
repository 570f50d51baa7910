"""What commands work with: settings, database, vault, ledger, connections, and the way out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mover.cli.logs import log_path, log_to
from mover.connections.connections import Connections
from mover.database.database import Database
from mover.ledger.ledger import Ledger
from mover.settings import Settings
from mover.transport.egress import Egress
from mover.vault.providers import key_provider
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
    log_to(log_path(settings))
    egress = Egress.from_settings(settings)
    provider = key_provider(settings.global_key, settings.global_key_path)
    database = await Database.open(settings.database_url)
    try:
        vault = Vault(database, provider)
        yield Workplace(
            settings, database, vault, egress, Connections(database, vault, egress), Ledger(database)
        )
    finally:
        try:
            await egress.close()
        finally:
            await database.close()
