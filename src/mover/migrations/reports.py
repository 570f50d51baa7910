"""Reports as streams of rows: memory does not grow with the number of items."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.migrations.signing import SigningKeys


@dataclass(frozen=True)
class RowStream:
    """A report: the name of its file without extension, its columns, and its rows (values as `reports.cells` writes them)."""

    name: str
    columns: tuple[str, ...]
    rows: AsyncIterator[tuple[object, ...]]

    def csv(self) -> AsyncIterator[str]:
        """As CSV (RFC 4180, UTF-8), some lines at a time, cells safe against formulas."""
        raise NotImplementedError

    def jsonl(self) -> AsyncIterator[str]:
        """As lines of JSON objects."""
        raise NotImplementedError


class Reports:
    """Needs READ. `RowStream`s are read once."""

    def __init__(
        self, database: Database, keys: SigningKeys, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._keys = keys
        self._now_ns = now_ns

    async def migration_report(self, actor: Actor, migration_id: str, *, filter: str = "") -> RowStream:
        """A row a pair."""
        raise NotImplementedError

    async def item_log(self, actor: Actor, run_id: int) -> RowStream:
        """A row an item of a run."""
        raise NotImplementedError

    async def errors(
        self, actor: Actor, *, run_id: int | None = None, migration_id: str | None = None
    ) -> RowStream:
        """A row a problem: of a run, or of the last run of every pair of a migration."""
        raise NotImplementedError

    async def scan(self, actor: Actor, run_id: int, kind: str) -> RowStream:
        """`summary`, `extensions`, `large`, `long`, `names` or `folders`: what a scan found."""
        raise NotImplementedError

    async def reconciliation(self, actor: Actor, run_id: int) -> AsyncIterator[bytes]:
        """Source against destination, signed: lines of JSON for a file `.jsonl`; `mover report verify` checks it."""
        raise NotImplementedError
