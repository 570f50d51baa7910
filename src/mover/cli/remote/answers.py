"""What a server says, as far as commands need it. Names that are not here are passed over, so that servers may grow."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T]):
    """Some of many."""

    items: list[T]
    next_cursor: str | None = None
    total: int = 0


class Connection(msgspec.Struct):
    """A signed-in account."""

    id: str
    name: str
    service: str
    configuration: dict[str, Any] = {}
    last_used_at: str | None = None


class Migration(msgspec.Struct):
    """Pairs with options in common."""

    id: str
    name: str
    source_connection_id: str
    destination_connection_id: str
    queue: str = ""
    created_at: str | None = None


class Counts(msgspec.Struct):
    """What a run has come to."""

    files_seen: int = 0
    files_copied: int = 0
    files_skipped: int = 0
    files_failed: int = 0
    bytes_seen: int = 0
    bytes_copied: int = 0
    bytes_skipped: int = 0


class Pair(msgspec.Struct):
    """One source path to one destination path."""

    id: int
    migration_id: str
    source_path: str
    destination_path: str
    status: str
    code: int
    meaning: str = ""
    message: str = ""
    tags: list[str] = []
    last_run_id: int | None = None
    started_at: str | None = None
    ended_at: str | None = None
    counts: Counts = msgspec.field(default_factory=Counts)


class Run(msgspec.Struct):
    """One execution of a pair."""

    id: int
    migration_id: str
    migration_run_id: str
    pair_id: int
    mode: str
    state: str
    status: str
    code: int
    meaning: str = ""
    message: str = ""
    counts: Counts = msgspec.field(default_factory=Counts)
    queued_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    active_ns: int = 0


class MigrationRun(msgspec.Struct):
    """Pairs that were started together."""

    id: str
    migration_id: str
    mode: str
    pairs: int
    open_pairs: int
    started_at: str | None = None
    ended_at: str | None = None


class Started(msgspec.Struct):
    """What came of a start."""

    migration_run_id: str | None
    started: int
    already_running: int


class Changed(msgspec.Struct):
    """How many pairs something was done to."""

    pairs: int


class StatusCounts(msgspec.Struct):
    """How many pairs are in each status."""

    counts: dict[str, int]


class ImportLine(msgspec.Struct):
    """A row of a CSV file."""

    line: int
    problem: str = ""


class ImportPreview(msgspec.Struct):
    """What a CSV file would do."""

    id: str
    rows: int
    problems: int
    duplicates: int
    problem: str = ""
    first_problems: list[ImportLine] = []


class ProblemGroup(msgspec.Struct):
    """Items of a run that share a reason."""

    reason: str
    state: str
    count: int
    advice: str = ""
    example: str = ""
    message: str = ""


class Problems(msgspec.Struct):
    """What went wrong in a run."""

    items: list[ProblemGroup]
