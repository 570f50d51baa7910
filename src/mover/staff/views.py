"""What the staff may see without asking anybody: metadata, read through a database that has nothing else to give."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from mover.ledger.states import ItemState
from mover.staff import finding
from mover.staff.metadata import (
    ConnectionLine,
    EventPage,
    Figures,
    MigrationView,
    OrganisationView,
    PairView,
    RunLine,
)
from mover.staff.queries import metadata as queries
from mover.staff.reading import Reading

_PAIRS = 100
_RUNS = 20
_ITEMS = 100
_EVENTS = 100

PROBLEMS = (ItemState.FAILED.value, ItemState.CONFLICT.value, ItemState.UNSUPPORTED.value)
"""Items that somebody may have to look at."""


class Views:
    """Reads metadata, as pages show it.

    Args:
        read: Through a database that has nothing else.
    """

    def __init__(self, read: Reading) -> None:
        self._read = read

    async def organisations(self) -> list[Figures]:
        """List all organisations with figures, by name."""
        return await self._read(queries.figures)

    async def organisation_name(self, organisation_id: str) -> str:
        """Tell the name of an organisation, also of one that is being deleted. Raises NotFound."""
        return (await self._read(lambda connection: finding.organisation(connection, organisation_id))).name

    async def organisation(self, organisation_id: str) -> OrganisationView:
        """Show an organisation. Raises NotFound."""

        def work(connection: Connection) -> OrganisationView:
            return OrganisationView(
                figures=finding.organisation(connection, organisation_id),
                members=tuple(queries.members(connection, organisation_id)),
                connections=tuple(queries.connections_of(connection, organisation_id)),
                migrations=tuple(queries.migrations_of(connection, organisation_id)),
            )

        return await self._read(work)

    async def migration(self, organisation_id: str, migration_id: str, *, after_id: int = 0) -> MigrationView:
        """Show a migration and a hundred of its pairs. Raises NotFound."""

        def work(connection: Connection) -> MigrationView:
            migration = finding.migration(connection, organisation_id, migration_id)
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
            pair = finding.pair(connection, organisation_id, pair_id)
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
                migration=finding.migration(connection, organisation_id, pair.migration_id),
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


def _shown(runs: Sequence[RunLine], run_id: int | None) -> RunLine | None:
    """The run that was asked for, else the latest that has begun: one that waits has nothing to show."""
    if run_id is not None:
        return next((run for run in runs if run.id == run_id), None)
    return next((run for run in runs if run.started_ns is not None), runs[0] if runs else None)


def _connections(connection: Connection, organisation_id: str) -> dict[str, ConnectionLine]:
    return {one.id: one for one in queries.connections_of(connection, organisation_id)}
