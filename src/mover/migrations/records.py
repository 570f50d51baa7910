"""Values that go into and come out of the migrations. Times in nanoseconds since 1970 UTC, sizes in bytes."""

from __future__ import annotations

import enum
from typing import Generic, TypeVar

import msgspec

from mover.ledger.states import RunMode
from mover.migrations.options import PairOptions
from mover.migrations.states import MEANINGS, RunCode, RunState, Status, Trigger, Wish, run_code, status_of
from mover.migrations.timetable import Timing, Window

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of many. `next` asks for those that follow, None at the end; `total` counts all that match."""

    items: tuple[T, ...]
    next: str | None
    total: int


class MailRule(enum.StrEnum):
    """When people are told of a migration run by mail."""

    COMPLETION = "completion"
    ERRORS = "errors"
    NEVER = "never"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has come to. Files are all entries that are not folders; `folders_seen` were listed to their end.

    `throttled` is how often a service asked for fewer calls.
    """

    files_seen: int = 0
    files_copied: int = 0
    files_skipped: int = 0
    files_failed: int = 0
    folders_seen: int = 0
    folders_created: int = 0
    folders_failed: int = 0
    bytes_seen: int = 0
    bytes_copied: int = 0
    bytes_skipped: int = 0
    bytes_failed: int = 0
    bytes_received: int = 0
    throttled: int = 0


class NewMigration(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decides about a migration.

    Attributes:
        name: At most 200 characters.
        source_connection_id: Where pairs read unless they say otherwise; likewise the destination.
        options: For all pairs; a pair's own win.
        queue: Of the runners that do the work: `default`, `site-a`.
        mail_to: Ids of people of the organisation.
        pairs_at_once: 1 to 1,000.
    """

    name: str
    source_connection_id: str
    destination_connection_id: str
    note: str = ""
    options: PairOptions = PairOptions()
    queue: str = "default"
    user_map_id: str | None = None
    permission_map_id: str | None = None
    mail: MailRule = MailRule.ERRORS
    mail_to: tuple[str, ...] = ()
    pairs_at_once: int = 50


class Migration(NewMigration, frozen=True, kw_only=True):
    """A migration. `pairs_now` is how many pairs at once the services bear at present. `version` is for ETags."""

    id: str
    organisation_id: str
    pairs_now: int
    version: int
    created_ns: int
    changed_ns: int


class NewPair(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decides about a pair. Connections that are None are those of the migration."""

    source_path: str
    destination_path: str
    source_connection_id: str | None = None
    destination_connection_id: str | None = None
    tags: tuple[str, ...] = ()
    notes: str = ""
    options: PairOptions = PairOptions()
    queue: str = ""
    priority: int = 0  # -100 to 100; higher is earlier


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A pair, with what its last run came to. Read the whole of it from one row: no query besides."""

    id: int
    organisation_id: str
    migration_id: str
    source_connection_id: str
    source_path: str
    destination_connection_id: str
    destination_path: str
    tags: tuple[str, ...]
    notes: str
    options: PairOptions
    queue: str
    priority: int
    status: Status
    code: int
    last_run_id: int | None
    message: str
    started_ns: int | None
    ended_ns: int | None
    counts: Counts
    runs: int
    first_started_ns: int | None
    active_ns: int
    last_active_ns: int
    total_files_copied: int
    total_bytes_copied: int
    version: int
    created_ns: int
    changed_ns: int

    @property
    def meaning(self) -> str:
        """What the code means, in words."""
        return MEANINGS[run_code(self.code)]


class PairRun(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a pair."""

    id: int
    organisation_id: str
    migration_id: str
    migration_run_id: str
    pair_id: int
    ledger_run_id: int | None
    mode: RunMode
    trigger: Trigger
    attempt: int
    retry_of: int | None
    state: RunState
    wish: Wish
    code: int
    message: str
    queue: str
    priority: int
    runner: str
    queued_ns: int
    not_before_ns: int
    started_ns: int | None
    ended_ns: int | None
    heartbeat_ns: int | None
    active_ns: int
    counts: Counts

    @property
    def status(self) -> Status:
        """What people see."""
        return status_of(self.state, self.code)

    @property
    def meaning(self) -> str:
        """What the code means, in words."""
        if self.mode is RunMode.SCAN and self.code == RunCode.SUCCESS:
            return "Everything was looked at, nothing was copied"
        return MEANINGS[run_code(self.code)]


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """All that a runner needs to run a pair. `options` are the effective ones, fixed when the run was first taken.

    `engine_options(assignment.options, ...)` of `mover.migrations.options` makes the engine's of them.

    Attributes:
        retry_paths: Of a retry: the paths that failed before, and nothing else is moved; None for all.
    """

    run: PairRun
    source_connection_id: str
    source_path: str
    destination_connection_id: str
    destination_path: str
    options: PairOptions
    bytes_per_s: int | None
    retry_paths: tuple[str, ...] | None


class Answer(msgspec.Struct, frozen=True):
    """What a runner is told when it reports progress.

    Attributes:
        wish: RUN: go on. PAUSE: stop in order, then `Work.pause`. CANCEL: stop in order, then `Work.end` with 230.
        give_way: Another organisation waits for a slot and has none: stop in order, then `Work.give_way`.
    """

    wish: Wish
    give_way: bool = False


class MigrationRun(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of a migration that were started together."""

    id: str
    organisation_id: str
    migration_id: str
    mode: RunMode
    trigger: Trigger
    started_by: str
    pairs: int
    open_pairs: int
    started_ns: int
    ended_ns: int | None


class StartResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a start: how many pairs were queued, and how many had a run under way already (code 250)."""

    migration_run_id: str | None
    started: int
    already_running: int


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Items of a run that share a reason. `example` is the path of one, `message` what was said about it."""

    reason: str
    state: str
    count: int
    advice: str
    example: str
    message: str


class Sample(msgspec.Struct, frozen=True):
    """How far a run was at a time: files and bytes copied since it began."""

    at_ns: int
    files: int
    bytes: int


class MapKind(enum.StrEnum):
    """What a map is for."""

    USERS = "users"
    PERMISSIONS = "permissions"


class Subject(enum.StrEnum):
    """What the source of a row in a map is."""

    PERSON = "person"
    GROUP = "group"
    DOMAIN = "domain"


class UserMap(msgspec.Struct, frozen=True, kw_only=True):
    """A map: who of a source is who at a destination."""

    id: str
    organisation_id: str
    name: str
    kind: MapKind
    rows: int
    version: int
    created_ns: int
    changed_ns: int


class MapRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a map. An empty destination drops what the source had."""

    id: int
    kind: Subject
    source: str
    destination: str


class MapChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a map: who, when, what. None: there was no such row, or it is there no more."""

    at_ns: int
    actor_kind: str
    actor_name: str
    action: str
    source: str
    before: str | None
    after: str | None


class NewSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decides about a schedule. `filter` chooses pairs, all if it is empty."""

    name: str
    timing: Timing
    filter: str = ""
    mode: RunMode = RunMode.COPY
    window: Window | None = None
    bytes_per_s: int | None = None
    active: bool = True


class Schedule(NewSchedule, frozen=True, kw_only=True):
    """A schedule. `next_ns` is when it starts pairs next, None if never again."""

    id: str
    organisation_id: str
    migration_id: str
    next_ns: int | None
    last_ns: int | None
    version: int
    created_ns: int
    changed_ns: int


class SavedView(msgspec.Struct, frozen=True, kw_only=True):
    """A way to look at the table of pairs. `person_id` is empty when all of the organisation share it."""

    id: str
    person_id: str
    name: str
    filter: str
    sort: str
    descending: bool
    columns: tuple[str, ...]
    created_ns: int
