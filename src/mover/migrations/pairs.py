"""The pairs of a migration."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.migrations.records import NewPair, Page, Pair
from mover.migrations.selection import Selection
from mover.migrations.states import Status


class Pairs:
    """Add, find, change and remove pairs. Needs READ, what changes something PLAN."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def add(self, actor: Actor, migration_id: str, new: Sequence[NewPair]) -> list[Pair]:
        """Add pairs, all or none. Raises InvalidConfiguration."""
        raise NotImplementedError

    async def page(
        self,
        actor: Actor,
        migration_id: str,
        *,
        filter: str = "",
        sort: str = "id",
        descending: bool = False,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Pair]:
        """Pairs that match a filter box, in an order. `sort` is one of `SORTS`. Raises FilterMistake, InvalidConfiguration."""
        raise NotImplementedError

    async def summary(self, actor: Actor, migration_id: str, *, filter: str = "") -> Mapping[Status, int]:
        """How many of the pairs that match are in each status."""
        raise NotImplementedError

    async def get(self, actor: Actor, pair_id: int) -> Pair:
        """Find one."""
        raise NotImplementedError

    async def update(self, actor: Actor, pair_id: int, new: NewPair, *, version: int | None) -> Pair:
        """Change all that a person decides. Raises Overtaken."""
        raise NotImplementedError

    async def delete(self, actor: Actor, selection: Selection) -> int:
        """Remove pairs; returns how many. Those with a run that has not ended stay."""
        raise NotImplementedError

    async def duplicate(self, actor: Actor, selection: Selection) -> int:
        """Add copies that have not run; returns how many."""
        raise NotImplementedError

    async def tag(
        self, actor: Actor, selection: Selection, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> int:
        """Add and remove tags; returns how many pairs were changed."""
        raise NotImplementedError

    async def note(self, actor: Actor, selection: Selection, notes: str) -> int:
        """Set the notes; returns how many pairs were changed."""
        raise NotImplementedError

    async def prioritise(self, actor: Actor, selection: Selection, priority: int) -> int:
        """Set the priority, of runs that wait as well; returns how many pairs were changed."""
        raise NotImplementedError

    def export_csv(self, actor: Actor, migration_id: str, *, filter: str = "") -> AsyncIterator[str]:
        """Lines of `ID,Source Path,Destination Path,Tags`, with line ends; what `Imports.read` takes as an update."""
        raise NotImplementedError
