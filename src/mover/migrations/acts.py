"""What people and programs do to migrations, in the words of the audit log."""

from __future__ import annotations

import enum

import msgspec
from sqlalchemy import Connection

from mover.accounts.actor import Actor
from mover.accounts.audit import Auditor
from mover.migrations.queries.found import found
from mover.migrations.tables import migrations


class Act(enum.StrEnum):
    """What can have happened. The words are stored: they are added to, never changed."""

    MIGRATION_CREATED = "migration.created"
    MIGRATION_CHANGED = "migration.changed"
    MIGRATION_DUPLICATED = "migration.duplicated"
    MIGRATION_DELETED = "migration.deleted"
    PAIRS_ADDED = "pairs.added"
    PAIRS_IMPORTED = "pairs.imported"
    PAIRS_CHANGED = "pairs.changed"
    PAIRS_DUPLICATED = "pairs.duplicated"
    PAIRS_DELETED = "pairs.deleted"
    RUNS_STARTED = "runs.started"
    RUNS_RETRIED = "runs.retried"
    RUNS_PAUSED = "runs.paused"
    RUNS_RESUMED = "runs.resumed"
    RUNS_CANCELED = "runs.canceled"
    RUN_KEYS_GIVEN = "run_keys.given"
    SCHEDULE_CREATED = "schedule.created"
    SCHEDULE_CHANGED = "schedule.changed"
    SCHEDULE_DELETED = "schedule.deleted"
    MAP_CREATED = "map.created"
    MAP_CHANGED = "map.changed"
    MAP_IMPORTED = "map.imported"
    MAP_DELETED = "map.deleted"
    REPORT_DOWNLOADED = "report.downloaded"
    CONNECTIONS_OPENED = "connections.opened"
    PERMISSIONS_GIVEN = "permissions.given"
    SIGNING_KEY_ROTATED = "signing_key.rotated"


def note(
    auditor: Auditor,
    connection: Connection,
    actor: Actor,
    act: Act,
    migration_id: str,
    *,
    now_ns: int,
    **details: object,
) -> None:
    """Keep one act on a migration in the transaction of the act; what is None is left out. Raises NoSuchThing."""
    name = found(connection, migrations, "migration", actor.organisation_id, migration_id).name
    told = {key: str(value) for key, value in details.items() if value is not None}
    auditor.record(connection, actor, act, f"migration {name}", told, now_ns=now_ns)


def changed_fields(decided: type[msgspec.Struct], before: object, after: object) -> str:
    """Name the fields of what a person decides that are not as they were: `name, options`; empty if all are."""
    names = decided.__struct_fields__
    return ", ".join(name for name in names if getattr(before, name) != getattr(after, name))
