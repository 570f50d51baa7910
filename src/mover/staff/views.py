"""What the staff may see without asking anybody: metadata, read through a database that has nothing else to give."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from mover.accounts.refusals import NoSuchThing
from mover.database.limited import LimitedDatabase
from mover.database.locations import SQLITE, parsed
from mover.database.staff_columns import STAFF_COLUMNS
from mover.errors import InvalidConfiguration
from mover.ledger.states import ItemState
from mover.settings import Settings
from mover.staff.metadata import (
    ConnectionLine,
    EventPage,
    Figures,
    MigrationLine,
    MigrationView,
    OrganisationView,
    PairView,
    RunLine,
)
from mover.staff.queries import metadata as queries
from mover.vault.secret import Secret

T = TypeVar("T")

_PAIRS = 100
_RUNS = 20
_ITEMS = 100
_EVENTS = 100

PROBLEMS = (ItemState.FAILED.value, ItemState.CONFLICT.value, ItemState.UNSUPPORTED.value)
"""Items that somebody may have to look at."""


class Views:
    """Reads metadata. The database is opened at the first look.

    Args:
        settings: Say where it is: `staff_database_url`; with SQLite the file that Mover has anyway.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._database: LimitedDatabase | None = None

    async def organisations(self) -> list[Figures]:
        """List all organisations with figures, by name."""
        return await self._read(queries.figures)

    async def organisation_name(self, organisation_id: str) -> str:
        """Tell the name of an organisation, also of one that is being deleted. Raises NotFound."""
        return (await self._read(lambda connection: _organisation(connection, organisation_id))).name

    async def organisation(self, organisation_id: str) -> OrganisationView:
        """Show an organisation. Raises NotFound."""

        def work(connection: Connection) -> OrganisationView:
            return OrganisationView(
                figures=_organisation(connection, organisation_id),
                members=tuple(queries.members(connection, organisation_id)),
                connections=tuple(queries.connections_of(connection, organisation_id)),
                migrations=tuple(queries.migrations_of(connection, organisation_id)),
            )

        return await self._read(work)

    async def migration(self, organisation_id: str, migration_id: str, *, after_id: int = 0) -> MigrationView:
        """Show a migration and a hundred of its pairs. Raises NotFound."""

        def work(connection: Connection) -> MigrationView:
            migration = _migration(connection, organisation_id, migration_id)
            pairs = queries.pairs_of(
                connection, organisation_id, migration_id, after_id=after_id, limit=_PAIRS + 1
            )
            return MigrationView(
                migration=migration,
                connections=_connections(connection, organisation_id),
                pairs=tuple(pairs[:_PAIRS]),
                next_id=pairs[_PAIRS - 1].id if len(pairs) > _PAIRS else None,
            )

        return await self._read(work)

    async def pair(
        self,
        organisation_id: str,
        pair_id: int,
        *,
        run_id: int | None = None,
        problems_only: bool = False,
        after_id: int = 0,
    ) -> PairView:
        """Show a pair, its latest runs, and a hundred items of one of them (the last one). Raises NotFound."""

        def work(connection: Connection) -> PairView:
            pair = queries.pair(connection, organisation_id, pair_id)
            if pair is None:
                raise NoSuchThing("there is no such pair in this organisation")
            runs = queries.runs_of(connection, organisation_id, pair_id, limit=_RUNS)
            shown = _shown(runs, run_id)
            items = (
                queries.items_of(
                    connection,
                    organisation_id,
                    shown.id,
                    states=PROBLEMS if problems_only else None,
                    after_id=after_id,
                    limit=_ITEMS + 1,
                )
                if shown
                else []
            )
            return PairView(
                pair=pair,
                migration=_migration(connection, organisation_id, pair.migration_id),
                connections=_connections(connection, organisation_id),
                runs=tuple(runs),
                run=shown,
                items=tuple(items[:_ITEMS]),
                next_id=items[_ITEMS - 1].id if len(items) > _ITEMS else None,
            )

        return await self._read(work)

    async def events(self, organisation_id: str | None, *, before: int | None = None) -> EventPage:
        """Show a hundred events of an organisation's audit log, or (None) of what the staff did anywhere."""
        found = await self._read(
            lambda connection: queries.events(connection, organisation_id, before=before, limit=_EVENTS + 1)
        )
        return EventPage(
            events=tuple(found[:_EVENTS]), before=found[_EVENTS - 1].id if len(found) > _EVENTS else None
        )

    async def close(self) -> None:
        """Close what was opened. Idempotent."""
        if self._database is not None:
            await self._database.close()
            self._database = None

    async def _read(self, work: Callable[[Connection], T]) -> T:
        async with self._opening:
            if self._database is None:
                self._database = await LimitedDatabase.open(_url(self._settings), STAFF_COLUMNS)
            database = self._database
        return await database.read(work)


def _url(settings: Settings) -> Secret:
    if settings.staff_database_url is not None:
        return settings.staff_database_url
    if parsed(settings.database_url).get_backend_name() == SQLITE:
        return settings.database_url
    raise InvalidConfiguration(
        "the pages of the staff read through a role of the database that can see metadata alone; "
        "set MOVER_STAFF_DATABASE_URL to its URL"
    )


def _shown(runs: Sequence[RunLine], run_id: int | None) -> RunLine | None:
    """The run that was asked for, else the latest that has begun: one that waits has nothing to show."""
    if run_id is not None:
        return next((run for run in runs if run.id == run_id), None)
    return next((run for run in runs if run.started_ns is not None), runs[0] if runs else None)


def _organisation(connection: Connection, organisation_id: str) -> Figures:
    found = queries.figures(connection, organisation_id)
    if not found:
        raise NoSuchThing("there is no such organisation")
    return found[0]


def _migration(connection: Connection, organisation_id: str, migration_id: str) -> MigrationLine:
    found = queries.migrations_of(connection, organisation_id, migration_id)
    if not found:
        raise NoSuchThing("there is no such migration in this organisation")
    return found[0]


def _connections(connection: Connection, organisation_id: str) -> dict[str, ConnectionLine]:
    return {one.id: one for one in queries.connections_of(connection, organisation_id)}
