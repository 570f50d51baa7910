"""For each table: which role may do what, to which columns and rows. The one place that says so.

A table that is missing here can be used by the owner alone, and a test fails until somebody has thought about it.

API     everything but to change what is in the audit log, or to remove from that of an organisation that is there
WEB     only reads, and only what pages about moves show: no hash of a password, no key, no secret, not even sealed
RUNNER  plans, ledger and outbox; of the vault what connections and webhooks of organisations need; of people their
        mail addresses. Nothing that lets anybody sign in
STAFF   only reads: names, paths, sizes, times and states. No configuration, no text that people wrote for each other,
        no hash of a content, nothing sealed
"""

from __future__ import annotations

from collections.abc import Mapping

from mover.database.roles.words import ALL, Allowed, Privileges, Role

_API = {Role.API: Allowed(select=ALL, insert=True, update=ALL, delete=True)}
_READ = Allowed(select=ALL)
_WORK = Allowed(select=ALL, insert=True, update=ALL, delete=True)
_WEB_READS = {Role.WEB: _READ}
_RUNNER_WORKS = {Role.RUNNER: _WORK}
_RUNNER_READS = {Role.RUNNER: _READ}

_OF_ORGANISATIONS = "person LIKE 'organisation:%'"
# Of the secrets of organisations, those that runners work with: not those that sign reports or sign people in.
_FOR_RUNNERS = f"{_OF_ORGANISATIONS} AND (owner LIKE 'connection:%' OR owner LIKE 'predecessor:connection:%' OR owner LIKE 'webhook:%')"
_AUDIT_IS_OVER = (
    "organisation_id = '' OR EXISTS (SELECT 1 FROM organisations"
    " WHERE organisations.id = audit_events.organisation_id AND organisations.deleted_ns IS NOT NULL)"
)


def _staff(*columns: str) -> Mapping[Role, Allowed]:
    return {Role.STAFF: Allowed(select=columns)}


_COUNTED = (
    *("files_seen", "files_copied", "files_skipped", "files_failed"),
    *("folders_seen", "folders_created", "folders_failed"),
    *("bytes_seen", "bytes_copied", "bytes_skipped", "bytes_failed", "bytes_received", "throttled"),
)

_SCHEMA: Privileges = {
    "alembic_version": dict.fromkeys((Role.API, Role.WEB, Role.RUNNER, Role.STAFF), _READ),
}

_VAULT: Privileges = {
    "person_keys": {**_API, Role.RUNNER: Allowed(select=ALL, rows=_OF_ORGANISATIONS)},
    "secrets": {**_API, Role.RUNNER: Allowed(select=ALL, insert=True, delete=True, rows=_FOR_RUNNERS)},
    "current_global_key": {**_API, **_RUNNER_READS},
    "refresh_leases": {
        **_API,
        Role.RUNNER: Allowed(select=ALL, insert=True, update=ALL, delete=True, rows=_FOR_RUNNERS),
    },
}

_ACCOUNTS: Privileges = {
    "organisations": {
        **_API,
        **_WEB_READS,
        **_RUNNER_READS,
        **_staff("id", "name", "second_factor_required", "kept_days", "created_ns", "deleted_ns"),
    },
    "people": {
        **_API,
        Role.WEB: Allowed(
            select=("id", "email", "name", "email_verified_ns", "created_ns", "last_sign_in_ns")
        ),
        Role.RUNNER: Allowed(select=("id", "email")),
        **_staff("id", "email", "name", "email_verified_ns", "created_ns", "last_sign_in_ns"),
    },
    "memberships": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(select=("organisation_id", "person_id")),
        **_staff("organisation_id", "person_id", "role", "created_ns"),
    },
    # The token itself is in the browser alone; that a session was used is all that pages write.
    "sessions": {**_API, Role.WEB: Allowed(select=ALL, update=("last_seen_ns",))},
    "known_devices": _API,
    "sign_in_attempts": _API,
    "tickets": _API,
    "invitations": _API,
    "password_resets": _API,
    "totp": _API,
    "recovery_codes": _API,
    "passkeys": _API,
    "single_sign_on": {**_API, Role.WEB: Allowed(select=("organisation_id", "required"))},
    "single_sign_on_identities": _API,
    "api_keys": {
        **_API,
        **_staff(
            *("id", "organisation_id", "person_id", "name", "scopes", "calls_per_minute"),
            *("created_ns", "rotated_ns", "expires_ns", "revoked_ns", "last_used_ns"),
        ),
    },
    "audit_events": {
        Role.API: Allowed(select=ALL, insert=True, delete=True, removable=_AUDIT_IS_OVER),
        Role.RUNNER: Allowed(insert=True),
        Role.STAFF: _READ,
    },
}

_API_ROOM: Privileges = {"idempotent_requests": _API}

_CONNECTIONS: Privileges = {
    "connections": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(
            select=ALL, update=("config", "last_used_ns", "deauthorised_ns"), rows=_OF_ORGANISATIONS
        ),
        Role.STAFF: Allowed(
            select=("id", "person", "name", "service", "created_ns", "last_used_ns", "deauthorised_ns"),
            rows=_OF_ORGANISATIONS,
        ),
    },
}

_NOTICES: Privileges = {
    "webhooks": {
        **_API,
        Role.RUNNER: Allowed(select=ALL, update=("active", "stopped_reason", "version", "changed_ns")),
        **_staff("id", "organisation_id", "events", "active", "stopped_reason", "created_ns", "changed_ns"),
    },
    "webhook_deliveries": {
        **_API,
        **_RUNNER_WORKS,
        **_staff(
            *("id", "organisation_id", "webhook_id", "message_id", "event", "state", "attempts", "status"),
            *("message", "created_ns", "give_up_ns", "due_ns", "ended_ns"),
        ),
    },
    "webhook_attempts": {**_API, **_RUNNER_WORKS, Role.STAFF: _READ},
    "run_mails": {
        **_API,
        **_RUNNER_WORKS,
        **_staff(
            *("id", "organisation_id", "person_id", "state", "attempts", "message"),
            *("created_ns", "due_ns", "ended_ns"),
        ),
    },
}

_MIGRATIONS: Privileges = {
    "migrations": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(
            select=ALL,
            update=("pairs_now", "lowered_ns", "raised_ns"),
            delete=True,
            removable="removed_ns IS NOT NULL",
        ),
        **_staff(
            *(
                "id",
                "organisation_id",
                "name",
                "source_connection_id",
                "destination_connection_id",
                "options",
            ),
            *("queue", "user_map_id", "permission_map_id", "mail", "pairs_at_once", "pairs_now"),
            *("lowered_ns", "raised_ns", "version", "created_ns", "changed_ns", "removed_ns"),
        ),
    },
    "migration_pairs": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(select=ALL, update=ALL, delete=True),
        **_staff(
            *("id", "organisation_id", "migration_id", "source_connection_id", "source_path"),
            *(
                "destination_connection_id",
                "destination_path",
                "options",
                "queue",
                "priority",
                "status",
                "code",
            ),
            *("open_run", "last_run_id", "message", "started_ns", "ended_ns", *_COUNTED, "runs"),
            *("first_started_ns", "active_ns", "last_active_ns", "total_files_copied", "total_bytes_copied"),
            *("version", "created_ns", "changed_ns", "removed_ns"),
        ),
    },
    "migration_runs": {**_API, **_WEB_READS, **_RUNNER_WORKS, Role.STAFF: _READ},
    "pair_runs": {**_API, **_WEB_READS, **_RUNNER_WORKS, Role.STAFF: _READ},
    "run_samples": {**_API, **_WEB_READS, **_RUNNER_WORKS, Role.STAFF: _READ},
    "pair_imports": {**_API, **_WEB_READS, Role.RUNNER: Allowed(select=ALL, delete=True), Role.STAFF: _READ},
    "pair_import_rows": {**_API, **_WEB_READS, Role.RUNNER: Allowed(select=ALL, delete=True)},
    "schedules": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(select=ALL, update=("next_ns", "last_ns")),
        Role.STAFF: _READ,
    },
    "user_maps": {**_API, **_WEB_READS, **_RUNNER_READS, Role.STAFF: _READ},
    "user_map_rows": {**_API, **_WEB_READS, **_RUNNER_READS},
    "user_map_changes": {**_API, **_WEB_READS},
    "saved_views": {**_API, **_WEB_READS},
    "signing_keys": {**_API, **_WEB_READS, Role.STAFF: _READ},
}

_LEDGER_ROW = {**_API, **_WEB_READS, **_RUNNER_WORKS}
_LEDGER: Privileges = {
    "pairs": {
        **_LEDGER_ROW,
        **_staff("id", "source", "source_path", "destination", "destination_path", "turn"),
    },
    "runs": {
        **_LEDGER_ROW,
        **_staff(
            *(
                "id",
                "pair_id",
                "mode",
                "dry_run",
                "source_label",
                "destination_label",
                "options",
                "code",
                "finished",
            ),
            *(
                "scanned",
                "started_ns",
                "ended_ns",
                "active_ns",
                "message",
                "unencrypted",
                "base_id",
                "carries",
            ),
        ),
    },
    "folders": {
        **_LEDGER_ROW,
        **_staff(
            *("id", "run_id", "item_id", "parent_id", "path", "destination_path"),
            *("destination_exists", "modified_ns", "state", "earlier_id"),
        ),
    },
    "items": {
        **_LEDGER_ROW,
        **_staff(
            *("id", "run_id", "folder_id", "name", "kind", "size", "modified_ns", "created_ns", "media_type"),
            *("destination_name", "state", "action", "large", "interrupted", "reason", "side", "message"),
            *("verification", "sent_bytes", "attempts", "started_ns", "ended_ns"),
        ),
    },
    "changed_folders": _LEDGER_ROW,
    "listings": _LEDGER_ROW,
    "arrivals": {
        **_LEDGER_ROW,
        **_staff(
            *("id", "pair_id", "path", "size", "modified_ns", "destination_path", "destination_size"),
            *("destination_modified_ns", "verification"),
        ),
    },
    "uploads": {**_LEDGER_ROW, **_staff("id", "pair_id", "part_size")},
    "upload_parts": {**_LEDGER_ROW, **_staff("upload_id", "number", "size")},
    "accesses": _LEDGER_ROW,
    "grants": {
        **_LEDGER_ROW,
        **_staff(
            "id", "run_id", "action", "kind", "role", "target_kind", "target_role", "state", "reason", "side"
        ),
    },
    "granted": _LEDGER_ROW,
}

PRIVILEGES: Privileges = {
    **_SCHEMA,
    **_VAULT,
    **_ACCOUNTS,
    **_API_ROOM,
    **_CONNECTIONS,
    **_NOTICES,
    **_MIGRATIONS,
    **_LEDGER,
}
"""All of it."""
