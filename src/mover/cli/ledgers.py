"""The ledger alone, for commands that look back: opened without all that is needed to reach services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mover.cli.logs import log_path, log_to
from mover.database.database import Database
from mover.ledger.ledger import Ledger
from mover.settings import Settings


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the operator's database, and let everything be logged beside it.

    Raises InvalidConfiguration and Locked.
    """
    log_to(log_path(settings))
    database = await Database.open(settings.database_url, connections=settings.database_connections)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_ledger() -> AsyncIterator[Ledger]:
    """Open the ledger as the operator's settings say. Raises InvalidConfiguration and Locked."""
    async with open_database(Settings()) as database:
        yield Ledger(database)
