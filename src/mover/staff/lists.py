"""Metadata in parts of any size, as programs of the staff ask for it: the same lines as on the pages, in the order of ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from mover.staff import finding
from mover.staff.metadata import (
    ConnectionLine,
    EventLine,
    Figures,
    ItemLine,
    MemberLine,
    MigrationLine,
    PairLine,
    RunLine,
)
from mover.staff.queries import metadata as queries
from mover.staff.queries.metadata import Part
from mover.staff.reading import Reading
from mover.staff.views import PROBLEMS

T = TypeVar("T")


@dataclass(frozen=True)
class Some(Generic[T]):
    """A part of a list; `next` is where the next one begins, None for the last."""

    items: tuple[T, ...]
    next: str | None


class Lists:
    """Reads metadata by the part: `after` is `Some.next` of the part before. All raise NotFound for what is not there.

    Args:
        read: Through a database that has nothing else.
    """

    def __init__(self, read: Reading) -> None:
        self._read = read

    async def organisations(self, *, after: str | None, limit: int) -> Some[Figures]:
        """List organisations."""
        return await self._some(
            lambda connection, part: queries.figures(connection, part=part),
            after,
            limit,
            lambda line: line.id,
        )

    async def organisation(self, organisation_id: str) -> Figures:
        """Show one."""
        return await self._read(lambda connection: finding.organisation(connection, organisation_id))

    async def people(self, organisation_id: str, *, after: str | None, limit: int) -> Some[MemberLine]:
        """List who belongs to an organisation."""
        return await self._some(
            lambda connection, part: queries.members(connection, organisation_id, part),
            after,
            limit,
            lambda line: line.person_id,
        )

    async def connections(
        self, organisation_id: str, *, after: str | None, limit: int
    ) -> Some[ConnectionLine]:
        """List the connections of an organisation."""
        return await self._some(
            lambda connection, part: queries.connections_of(connection, organisation_id, part),
            after,
            limit,
            lambda line: line.id,
        )

    async def migrations(self, organisation_id: str, *, after: str | None, limit: int) -> Some[MigrationLine]:
        """List the migrations of an organisation."""
        return await self._some(
            lambda connection, part: queries.migrations_of(connection, organisation_id, part=part),
            after,
            limit,
            lambda line: line.id,
        )

    async def migration(self, organisation_id: str, migration_id: str) -> MigrationLine:
        """Show one."""
        return await self._read(
            lambda connection: finding.migration(connection, organisation_id, migration_id)
        )

    async def pairs(
        self, organisation_id: str, migration_id: str, *, after: str | None, limit: int
    ) -> Some[PairLine]:
        """List the pairs of a migration."""

        def work(connection: Connection, part: Part) -> list[PairLine]:
            finding.migration(connection, organisation_id, migration_id)
            return queries.pairs_of(
                connection, organisation_id, migration_id, after_id=int(part.after or 0), limit=part.limit
            )

        return await self._some(work, after, limit, lambda line: str(line.id))

    async def pair(self, organisation_id: str, pair_id: int) -> PairLine:
        """Show one."""
        return await self._read(lambda connection: finding.pair(connection, organisation_id, pair_id))

    async def runs(
        self, organisation_id: str, pair_id: int, *, after: str | None, limit: int
    ) -> Some[RunLine]:
        """List the runs of a pair, the newest first."""

        def work(connection: Connection, part: Part) -> list[RunLine]:
            finding.pair(connection, organisation_id, pair_id)
            before = int(part.after) if part.after else None
            return queries.runs_of(connection, organisation_id, pair_id, before=before, limit=part.limit)

        return await self._some(work, after, limit, lambda line: str(line.id))

    async def run(self, organisation_id: str, run_id: int) -> RunLine:
        """Show one."""
        return await self._read(lambda connection: finding.run(connection, organisation_id, run_id))

    async def items(
        self, organisation_id: str, run_id: int, *, problems_only: bool, after: str | None, limit: int
    ) -> Some[ItemLine]:
        """List the items of a run in the order in which they were seen."""

        def work(connection: Connection, part: Part) -> list[ItemLine]:
            finding.run(connection, organisation_id, run_id)
            return queries.items_of(
                connection,
                organisation_id,
                run_id,
                states=PROBLEMS if problems_only else None,
                after_id=int(part.after or 0),
                limit=part.limit,
            )

        return await self._some(work, after, limit, lambda line: str(line.id))

    async def events(self, organisation_id: str | None, *, after: str | None, limit: int) -> Some[EventLine]:
        """List events of an organisation's audit log, or (None) of what the staff did anywhere, the newest first."""
        return await self._some(
            lambda connection, part: queries.events(
                connection,
                organisation_id,
                before=int(part.after) if part.after else None,
                limit=part.limit,
            ),
            after,
            limit,
            lambda line: str(line.id),
        )

    async def _some(
        self,
        work: Callable[[Connection, Part], Sequence[T]],
        after: str | None,
        limit: int,
        place: Callable[[T], str],
    ) -> Some[T]:
        """Read one line more than is wanted: whether there is a next part."""
        part = Part(after, limit + 1)
        found = await self._read(lambda connection: work(connection, part))
        shown = tuple(found[:limit])
        return Some(shown, place(shown[-1]) if len(found) > limit else None)
