"""User maps and permission maps. No connector applies permissions yet: maps are kept, previewed and exported."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence

import msgspec

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.migrations.records import MapChange, MapKind, MapRow, Page, UserMap


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a user: `destination` None if no row speaks of them, empty if they are dropped; `by` is the row's source."""

    user: str
    destination: str | None
    by: str


class Maps:
    """Needs READ, what changes something PLAN."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def create(self, actor: Actor, name: str, kind: MapKind) -> UserMap:
        """Add an empty map."""
        raise NotImplementedError

    async def list(self, actor: Actor) -> list[UserMap]:
        """All maps, by name."""
        raise NotImplementedError

    async def get(self, actor: Actor, map_id: str) -> UserMap:
        """Find one."""
        raise NotImplementedError

    async def rename(self, actor: Actor, map_id: str, name: str, *, version: int | None) -> UserMap:
        """Give it another name. Raises Overtaken."""
        raise NotImplementedError

    async def delete(self, actor: Actor, map_id: str) -> None:
        """Remove it. Raises NotPossible while a migration uses it."""
        raise NotImplementedError

    async def rows(
        self, actor: Actor, map_id: str, *, text: str = "", cursor: str | None = None, limit: int = 100
    ) -> Page[MapRow]:
        """Rows by source."""
        raise NotImplementedError

    async def put_row(self, actor: Actor, map_id: str, source: str, destination: str) -> MapRow:
        """Add a row, or change the one with this source."""
        raise NotImplementedError

    async def remove_row(self, actor: Actor, map_id: str, row_id: int) -> None:
        """Remove a row."""
        raise NotImplementedError

    async def import_csv(
        self,
        actor: Actor,
        map_id: str,
        content: AsyncIterable[bytes],
        *,
        replace: bool = False,
        dry_run: bool = False,
    ) -> MapImport:
        """Read `Source User,Destination User`: all or nothing. With `replace` rows that are not in the file go."""
        raise NotImplementedError

    def export_csv(self, actor: Actor, map_id: str) -> AsyncIterator[str]:
        """Lines of CSV, with line ends."""
        raise NotImplementedError

    async def preview(
        self, actor: Actor, map_id: str, users: Sequence[str], *, groups: Sequence[str] = ()
    ) -> list[Mapped]:
        """What the map does to users: their own row, else that of their domain."""
        raise NotImplementedError

    async def history(
        self, actor: Actor, map_id: str, *, cursor: str | None = None, limit: int = 100
    ) -> Page[MapChange]:
        """Who changed what and when, newest first."""
        raise NotImplementedError


class MapImport(msgspec.Struct, frozen=True, kw_only=True):
    """What a file does to a map. `problems` are sentences with their line; nothing is changed if there are any."""

    added: int
    changed: int
    removed: int
    unchanged: int
    problems: tuple[str, ...]
