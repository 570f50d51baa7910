"""What the staff may read: names, paths, sizes, states and times. Every column that is not named here is closed to them.

The one list for both kinds of database: on PostgreSQL the role `mover_staff` is granted SELECT on these columns and
nothing else, on SQLite an authorizer lets statements read no others (`limited.py`). Closed are, among others, everything
of the vault, hashes of passwords, tokens and keys, what people filled in for a connection, options, maps, notes, messages
of services, and hashes of contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_COUNTS = (
    "files_seen",
    "files_copied",
    "files_skipped",
    "files_failed",
    "folders_seen",
    "folders_created",
    "folders_failed",
    "bytes_seen",
    "bytes_copied",
    "bytes_skipped",
    "bytes_failed",
)

STAFF_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "organisations": ("id", "name", "second_factor_required", "kept_days", "created_ns", "deleted_ns"),
        "people": ("id", "email", "name", "email_verified_ns", "created_ns", "last_sign_in_ns"),
        "memberships": ("organisation_id", "person_id", "role", "created_ns"),
        "connections": (
            "id",
            "person",
            "name",
            "service",
            "created_ns",
            "last_used_ns",
            "deauthorised_ns",
        ),
        "migrations": (
            "id",
            "organisation_id",
            "name",
            "source_connection_id",
            "destination_connection_id",
            "pairs_at_once",
            "pairs_now",
            "created_ns",
            "changed_ns",
            "removed_ns",
        ),
        "migration_pairs": (
            "id",
            "organisation_id",
            "migration_id",
            "source_connection_id",
            "source_path",
            "destination_connection_id",
            "destination_path",
            "status",
            "code",
            "last_run_id",
            "started_ns",
            "ended_ns",
            *_COUNTS,
            "runs",
            "created_ns",
            "removed_ns",
        ),
        "pair_runs": (
            "id",
            "organisation_id",
            "migration_id",
            "pair_id",
            "ledger_run_id",
            "mode",
            "trigger",
            "attempt",
            "state",
            "wish",
            "code",
            "runner",
            "losses",
            "queued_ns",
            "started_ns",
            "ended_ns",
            "heartbeat_ns",
            *_COUNTS,
        ),
        "folders": ("id", "run_id", "path", "destination_path", "state"),
        "items": (
            "id",
            "run_id",
            "folder_id",
            "name",
            "kind",
            "size",
            "modified_ns",
            "destination_name",
            "state",
            "action",
            "reason",
            "side",
            "verification",
            "attempts",
            "started_ns",
            "ended_ns",
        ),
        "audit_events": (
            "id",
            "organisation_id",
            "happened_ns",
            "actor_kind",
            "actor_id",
            "actor_name",
            "action",
            "subject",
            "details",
        ),
    }
)
"""Columns by table."""
