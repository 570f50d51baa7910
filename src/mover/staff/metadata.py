"""What the staff see of organisations: names, paths, sizes, states, times. No type here has a field for more than that."""

from __future__ import annotations

import msgspec

from mover.accounts.actor import ActorKind, Role
from mover.migrations.states import Status


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation in a line. `running` counts runs that have not ended; `moved_bytes` is of the last run of each pair."""

    id: str
    name: str
    created_ns: int
    deleted_ns: int | None
    people: int
    connections: int
    migrations: int
    pairs: int
    failed_pairs: int
    running: int
    moved_files: int
    moved_bytes: int
    last_run_ns: int | None


class MemberLine(msgspec.Struct, frozen=True, kw_only=True):
    """A person of an organisation."""

    person_id: str
    name: str
    email: str
    role: Role
    joined_ns: int
    last_sign_in_ns: int | None


class ConnectionLine(msgspec.Struct, frozen=True, kw_only=True):
    """A connected account: what it is called and of which service it is, not what was filled in for it."""

    id: str
    name: str
    service: str
    created_ns: int
    last_used_ns: int | None
    deauthorised_ns: int | None


class MigrationLine(msgspec.Struct, frozen=True, kw_only=True):
    """A migration, without options, maps and notes."""

    id: str
    name: str
    source_connection_id: str
    destination_connection_id: str
    pairs: int
    failed_pairs: int
    running: int
    pairs_at_once: int
    pairs_now: int
    created_ns: int


class PairLine(msgspec.Struct, frozen=True, kw_only=True):
    """A pair with the figures of its last run, without options, tags, notes and messages."""

    id: int
    migration_id: str
    source_connection_id: str
    source_path: str
    destination_connection_id: str
    destination_path: str
    status: Status
    code: int
    runs: int
    files_seen: int
    files_copied: int
    files_skipped: int
    files_failed: int
    bytes_copied: int
    started_ns: int | None
    ended_ns: int | None


class RunLine(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a pair, without its options and message."""

    id: int
    pair_id: int
    mode: str
    trigger: str
    attempt: int
    state: str
    wish: str
    code: int
    runner: str
    losses: int
    queued_ns: int
    started_ns: int | None
    ended_ns: int | None
    heartbeat_ns: int | None
    files_seen: int
    files_copied: int
    files_skipped: int
    files_failed: int
    bytes_copied: int


class ItemLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an entry, without hashes and the service's own message."""

    id: int
    path: str
    destination_path: str
    kind: str
    size: int | None
    state: str
    action: str
    reason: str | None
    side: str | None
    verification: str | None
    attempts: int
    ended_ns: int | None


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an audit log."""

    id: int
    organisation_id: str
    happened_ns: int
    actor_kind: ActorKind
    actor_name: str
    action: str
    subject: str
    details: dict[str, str]


class OrganisationView(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation's page."""

    figures: Figures
    members: tuple[MemberLine, ...]
    connections: tuple[ConnectionLine, ...]
    migrations: tuple[MigrationLine, ...]


class MigrationView(msgspec.Struct, frozen=True, kw_only=True):
    """A migration's page; `next_id` begins the next one."""

    migration: MigrationLine
    connections: dict[str, ConnectionLine]
    pairs: tuple[PairLine, ...]
    next_id: int | None


class PairView(msgspec.Struct, frozen=True, kw_only=True):
    """A pair's page: its latest runs, and items of one of them; `next_id` begins the next page of items."""

    pair: PairLine
    migration: MigrationLine
    connections: dict[str, ConnectionLine]
    runs: tuple[RunLine, ...]
    run: RunLine | None
    items: tuple[ItemLine, ...]
    next_id: int | None


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events, the newest first; `before` begins the next page."""

    events: tuple[EventLine, ...]
    before: int | None
