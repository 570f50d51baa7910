"""From records to rows and back."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import Row

from mover.ledger.states import RunMode
from mover.migrations.folding import fold, folded_tags, tags_from, tags_text
from mover.migrations.options import PairOptions
from mover.migrations.records import (
    Counts,
    MailRule,
    Migration,
    MigrationRun,
    NewMigration,
    Pair,
    PairRun,
    Schedule,
)
from mover.migrations.states import RunState, Status, Trigger, Wish
from mover.migrations.tables import COUNTS
from mover.migrations.timetable import Timing, Window

_options = msgspec.json.Decoder(PairOptions).decode
_window = msgspec.json.Decoder(Window).decode
_timing = msgspec.json.Decoder(Timing).decode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode


def text_of(value: object) -> str:
    """JSON text of a record."""
    return msgspec.json.encode(value).decode()


def options_from(text: str) -> PairOptions:
    """The reverse of `text_of` for options."""
    return _options(text)


def window_from(text: str) -> Window | None:
    """A window; None for empty text."""
    return _window(text) if text else None


def counts_from(row: Any) -> Counts:
    """The counts in a row."""
    return Counts(**{name: getattr(row, name) for name in COUNTS})


def migration_values(new: NewMigration) -> dict[str, Any]:
    """Columns that a person decides about."""
    return {
        "name": new.name.strip(),
        "note": new.note,
        "source_connection_id": new.source_connection_id,
        "destination_connection_id": new.destination_connection_id,
        "options": text_of(new.options),
        "queue": new.queue,
        "user_map_id": new.user_map_id,
        "permission_map_id": new.permission_map_id,
        "mail": new.mail.value,
        "mail_to": text_of(new.mail_to),
        "pairs_at_once": new.pairs_at_once,
    }


def migration_from(row: Row[Any]) -> Migration:
    """A migration."""
    return Migration(
        id=row.id,
        organisation_id=row.organisation_id,
        name=row.name,
        note=row.note,
        source_connection_id=row.source_connection_id,
        destination_connection_id=row.destination_connection_id,
        options=_options(row.options),
        queue=row.queue,
        user_map_id=row.user_map_id,
        permission_map_id=row.permission_map_id,
        mail=MailRule(row.mail),
        mail_to=_texts(row.mail_to),
        pairs_at_once=row.pairs_at_once,
        pairs_now=min(row.pairs_now, row.pairs_at_once),
        version=row.version,
        created_ns=row.created_ns,
        changed_ns=row.changed_ns,
    )


def path_values(source_path: str, destination_path: str) -> dict[str, Any]:
    """Columns of the paths of a pair."""
    return {
        "source_path": source_path,
        "destination_path": destination_path,
        "source_folded": fold(source_path),
        "destination_folded": fold(destination_path),
        "paths_key": paths_key(source_path, destination_path),
    }


def paths_key(source_path: str, destination_path: str) -> str:
    """A short text that is the same for the same two paths only."""
    return hashlib.sha256(f"{source_path}\0{destination_path}".encode()).hexdigest()[:32]


def tag_values(tags: tuple[str, ...]) -> dict[str, Any]:
    """Columns of the tags of a pair."""
    return {"tags": tags_text(tags), "tags_folded": folded_tags(tags)}


def note_values(notes: str) -> dict[str, Any]:
    """Columns of the notes of a pair."""
    return {"notes": notes, "notes_folded": fold(notes)}


def never_run() -> dict[str, Any]:
    """Columns of a pair that has not run."""
    return {
        "status": Status.NEW.value,
        "code": 0,
        "open_run": None,
        "last_run_id": None,
        "message": "",
        "started_ns": None,
        "ended_ns": None,
        **dict.fromkeys(COUNTS, 0),
        "runs": 0,
        "first_started_ns": None,
        "active_ns": 0,
        "last_active_ns": 0,
        "total_files_copied": 0,
        "total_bytes_copied": 0,
        "version": 1,
        "removed_ns": None,
    }


def pair_from(row: Row[Any]) -> Pair:
    """A pair."""
    return Pair(
        id=row.id,
        organisation_id=row.organisation_id,
        migration_id=row.migration_id,
        source_connection_id=row.source_connection_id,
        source_path=row.source_path,
        destination_connection_id=row.destination_connection_id,
        destination_path=row.destination_path,
        tags=tags_from(row.tags),
        notes=row.notes,
        options=_options(row.options),
        queue=row.queue,
        priority=row.priority,
        status=Status(row.status),
        code=row.code,
        last_run_id=row.last_run_id,
        message=row.message,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
        counts=counts_from(row),
        runs=row.runs,
        first_started_ns=row.first_started_ns,
        active_ns=row.active_ns,
        last_active_ns=row.last_active_ns,
        total_files_copied=row.total_files_copied,
        total_bytes_copied=row.total_bytes_copied,
        version=row.version,
        created_ns=row.created_ns,
        changed_ns=row.changed_ns,
    )


def run_from(row: Any) -> PairRun:
    """A run of a pair."""
    return PairRun(
        id=row.id,
        organisation_id=row.organisation_id,
        migration_id=row.migration_id,
        migration_run_id=row.migration_run_id,
        pair_id=row.pair_id,
        ledger_run_id=row.ledger_run_id,
        mode=RunMode(row.mode),
        trigger=Trigger(row.trigger),
        attempt=row.attempt,
        retry_of=row.retry_of,
        state=RunState(row.state),
        wish=Wish(row.wish),
        code=row.code,
        message=row.message,
        queue=row.queue,
        priority=row.priority,
        runner=row.runner,
        queued_ns=row.queued_ns,
        not_before_ns=row.not_before_ns,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
        heartbeat_ns=row.heartbeat_ns,
        active_ns=row.active_ns,
        counts=counts_from(row),
    )


def migration_run_from(row: Row[Any]) -> MigrationRun:
    """Pairs that were started together."""
    return MigrationRun(
        id=row.id,
        organisation_id=row.organisation_id,
        migration_id=row.migration_id,
        mode=RunMode(row.mode),
        trigger=Trigger(row.trigger),
        started_by=row.started_by,
        pairs=row.pairs,
        open_pairs=row.open_pairs,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
    )


def schedule_from(row: Row[Any]) -> Schedule:
    """A schedule."""
    return Schedule(
        id=row.id,
        organisation_id=row.organisation_id,
        migration_id=row.migration_id,
        name=row.name,
        timing=_timing(row.timing),
        filter=row.filter,
        mode=RunMode(row.mode),
        window=window_from(row.window),
        bytes_per_s=row.bytes_per_s,
        active=row.active,
        next_ns=row.next_ns,
        last_ns=row.last_ns,
        version=row.version,
        created_ns=row.created_ns,
        changed_ns=row.changed_ns,
    )
