"""Pairs from CSV: read into the database line by line, looked at, then applied as a whole or not at all."""

from __future__ import annotations

import enum
import time
from collections.abc import AsyncIterable, Callable

import msgspec

from mover.accounts.actor import Actor
from mover.database.database import Database


class ImportKind(enum.StrEnum):
    """What a file is for: `Source Path,Destination Path,Tags`, or `ID,Source Path,Destination Path` (blank: unchanged)."""

    ADD = "add"
    UPDATE = "update"


class ImportLine(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the file. A path of None stays as it is. `problem` and `duplicate_of` are empty when all is well."""

    line: int
    pair_id: int | None
    source_path: str | None
    destination_path: str | None
    tags: tuple[str, ...]
    problem: str
    duplicate_of: str


class ImportPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file would do. It can be applied when there is no problem. Lists have at most 100 lines; `Imports.lines` has all."""

    id: str
    migration_id: str
    kind: ImportKind
    rows: int
    problems: int
    duplicates: int
    problem: str
    first_problems: tuple[ImportLine, ...]
    first_duplicates: tuple[ImportLine, ...]
    first_rows: tuple[ImportLine, ...]
    applied: bool


class Imports:
    """CSV files of pairs. Needs PLAN."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def read(
        self, actor: Actor, migration_id: str, kind: ImportKind, content: AsyncIterable[bytes]
    ) -> ImportPreview:
        """Read a file to its end and tell what it would do; no pair is touched. Memory stays flat."""
        raise NotImplementedError

    async def preview(self, actor: Actor, import_id: str) -> ImportPreview:
        """Tell again what a file would do."""
        raise NotImplementedError

    async def apply(self, actor: Actor, import_id: str) -> int:
        """Add or change the pairs, all in one transaction; returns how many. Raises NotPossible if there are problems, or it was applied."""
        raise NotImplementedError
