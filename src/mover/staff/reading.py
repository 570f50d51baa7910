"""The way to metadata: a database that has nothing else to give, opened at the first look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from mover.database.limited import LimitedDatabase
from mover.database.locations import SQLITE, parsed
from mover.database.staff_columns import STAFF_COLUMNS
from mover.errors import InvalidConfiguration
from mover.settings import Settings
from mover.vault.secret import Secret

T = TypeVar("T")


class Reading:
    """Reads through the staff's role of the database.

    Args:
        settings: Say where it is: `staff_database_url`; with SQLite the file that Mover has anyway.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._database: LimitedDatabase | None = None

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        """Read. Raises InvalidConfiguration: the role is missing, or may do more than it should."""
        async with self._opening:
            if self._database is None:
                self._database = await LimitedDatabase.open(_url(self._settings), STAFF_COLUMNS)
            database = self._database
        return await database.read(work)

    async def close(self) -> None:
        """Close what was opened. Idempotent."""
        if self._database is not None:
            await self._database.close()
            self._database = None


def _url(settings: Settings) -> Secret:
    if settings.staff_database_url is not None:
        return settings.staff_database_url
    if parsed(settings.database_url).get_backend_name() == SQLITE:
        return settings.database_url
    raise InvalidConfiguration(
        "the staff read through a role of the database that can see metadata alone; "
        "set MOVER_STAFF_DATABASE_URL to its URL"
    )
