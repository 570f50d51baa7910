"""What commands work with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mover.cli.logs import log_path, log_to
from mover.settings import Settings
from mover.workplace.workplace import Workplace, open_workplace


@asynccontextmanager
async def workplace() -> AsyncIterator[Workplace]:
    """Open everything as the operator's settings say, log beside it, and close it.

    Raises InvalidConfiguration (settings, database, keys) and Locked (database).
    """
    settings = Settings()
    log_to(log_path(settings))
    async with open_workplace(settings) as place:
        yield place
