"""Saved views of the table of pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.migrations.records import SavedView


class Views:
    """A person's own views, and those that all share. Needs READ; sharing one PLAN."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def save(
        self,
        actor: Actor,
        name: str,
        *,
        filter: str = "",
        sort: str = "id",
        descending: bool = False,
        columns: Sequence[str] = (),
        shared: bool = False,
    ) -> SavedView:
        """Save a view, in place of the one of this name. Raises InvalidConfiguration."""
        raise NotImplementedError

    async def list(self, actor: Actor) -> list[SavedView]:
        """The person's own and the shared ones, by name."""
        raise NotImplementedError

    async def delete(self, actor: Actor, view_id: str) -> None:
        """Remove one. A shared one needs PLAN."""
        raise NotImplementedError
