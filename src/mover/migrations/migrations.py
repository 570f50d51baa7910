"""The migrations of an organisation."""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.migrations.records import Migration, MigrationRun, NewMigration, Page


class Migrations:
    """Create, list, change and remove migrations. Whole migrations are started through `Runs` with `Selection.matching(id)`.

    Every method needs READ, those that change something PLAN; what is not the organisation's raises NoSuchThing.
    """

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def create(self, actor: Actor, new: NewMigration) -> Migration:
        """Add a migration. Raises InvalidConfiguration for what cannot work, NoSuchThing for a connection or map that is not there."""
        raise NotImplementedError

    async def list(self, actor: Actor, *, cursor: str | None = None, limit: int = 100) -> Page[Migration]:
        """List them, newest first."""
        raise NotImplementedError

    async def get(self, actor: Actor, migration_id: str) -> Migration:
        """Find one."""
        raise NotImplementedError

    async def update(
        self, actor: Actor, migration_id: str, new: NewMigration, *, version: int | None
    ) -> Migration:
        """Change all that a person decides. Raises Overtaken if `version` is not the present one (None: whatever it is)."""
        raise NotImplementedError

    async def delete(self, actor: Actor, migration_id: str, *, version: int | None = None) -> None:
        """Remove it with its pairs and runs. Raises NotPossible while any of its runs has not ended."""
        raise NotImplementedError

    async def duplicate(self, actor: Actor, migration_id: str, *, name: str) -> Migration:
        """Add a copy with copies of all pairs, none of which has run."""
        raise NotImplementedError

    async def runs(
        self, actor: Actor, migration_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[MigrationRun]:
        """What was started together, newest first."""
        raise NotImplementedError
