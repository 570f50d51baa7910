"""What the staff see with an approved exception: configuration, maps and messages. Still no secret, and no content."""

from __future__ import annotations

import msgspec


class MapInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A map with its first rows: kind, source, destination."""

    name: str
    kind: str
    rows: tuple[tuple[str, str, str], ...]


class ScheduleInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule as it was filled in."""

    name: str
    timing: dict[str, object]
    filter: str
    mode: str
    active: bool
    next_ns: int | None


class MigrationInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A migration with everything that people decided about it."""

    id: str
    name: str
    note: str
    options: dict[str, object]
    mail: str
    maps: tuple[MapInFull, ...]
    schedules: tuple[ScheduleInFull, ...]


class RunMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a run said at its end, and the options that it ran with."""

    id: int
    code: int
    message: str
    options: dict[str, object]
    queued_ns: int


class ItemMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a service said about an item that did not go well."""

    path: str
    state: str
    reason: str | None
    message: str


class PairInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A pair with everything that people decided about it, and what was said by its runs."""

    id: int
    migration_id: str
    source_path: str
    destination_path: str
    tags: tuple[str, ...]
    notes: str
    options: dict[str, object]
    message: str
    runs: tuple[RunMessage, ...]
    items: tuple[ItemMessage, ...]


class ConnectionInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A connection with what was filled in and is not secret. Its secrets are in the vault, which is not read here."""

    id: str
    name: str
    service: str
    config: dict[str, object]


class SessionInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in of a person."""

    method: str
    second_factor: str | None
    address: str
    device: str
    created_ns: int
    last_seen_ns: int


class KeyInFull(msgspec.Struct, frozen=True, kw_only=True):
    """An API key of a person."""

    name: str
    scopes: tuple[str, ...]
    created_ns: int
    expires_ns: int | None
    revoked_ns: int | None
    last_used_ns: int | None


class PersonInFull(msgspec.Struct, frozen=True, kw_only=True):
    """A person with what they sign in with, in this organisation."""

    id: str
    name: str
    email: str
    second_factors: tuple[str, ...]
    sessions: tuple[SessionInFull, ...]
    keys: tuple[KeyInFull, ...]
