"""For each table: which role may do what, to which columns and rows. The one place that says so.

A table that is missing here can be used by the owner alone, and a test fails until somebody has thought about it.

API     everything but to change what was done in the audit log; words of people who were deleted excepted
WEB     only reads, and only what pages about moves show: no hash of a password, no key, no secret, not even sealed
RUNNER  plans, ledger and outbox; of the vault what connections and webhooks of organisations need, and what keys for
        runs are handed over with; of people their mail addresses. Nothing that lets anybody sign in
STAFF   only reads: names, paths, sizes, times and states. No configuration, no text that people wrote for each other,
        no hash of a content, nothing sealed
"""

from __future__ import annotations

from collections.abc import Mapping

from mover.database.roles.words import ALL, Allowed, Privileges, Role
from mover.database.staff_columns import STAFF_COLUMNS

_API = {Role.API: Allowed(select=ALL, insert=ALL, update=ALL, delete=True)}
_READ = Allowed(select=ALL)
_WORK = Allowed(select=ALL, insert=ALL, update=ALL, delete=True)
_WEB_READS = {Role.WEB: _READ}
_RUNNER_WORKS = {Role.RUNNER: _WORK}
_RUNNER_READS = {Role.RUNNER: _READ}

_OF_ORGANISATIONS = "person LIKE 'organisation:%'"
# What runners and API know one another by, when keys are given for runs: `migrations/given/authority.py`.
_OF_RUNNERS = "person = 'runners' AND owner = 'run-keys'"
# Of the secrets of organisations, those that runners work with: not those that sign reports or sign people in.
_FOR_RUNNERS = (
    f"{_OF_ORGANISATIONS} AND (owner LIKE 'connection:%' OR owner LIKE 'predecessor:connection:%'"
    " OR owner LIKE 'webhook:%' OR owner LIKE 'sealing:%' OR owner LIKE 'sealing-names:%'"
    " OR owner LIKE 'uploads:%')"
)
# With it runners see whether an approval is true; what signs them is out of their reach.
_SEES_APPROVALS = "person = 'approvals-public' AND owner = 'approvals:public'"
_READ_ALSO = f"({_SEES_APPROVALS}) OR ({_OF_RUNNERS})"
_SEALED = (
    *("number", "hash", "position", "redaction", "salt"),
    *("actor_id", "actor_name", "subject", "details"),  # of people who were deleted
)
# Not where an event stands in the log: a row in the place of the next one would stop the sealing.
_HAPPENED = (
    *("organisation_id", "happened_ns", "actor_kind", "actor_id", "actor_name", "action", "subject"),
    "details",
    "salt",
)
_CUT_OFF = (
    "EXISTS (SELECT 1 FROM audit_heads WHERE audit_heads.organisation_id = audit_events.organisation_id"
    " AND audit_events.number <= audit_heads.cut_number)"
)
_STAFF_ROWS = {"connections": _OF_ORGANISATIONS}


_SCHEMA: Privileges = {
    "alembic_version": dict.fromkeys((Role.API, Role.WEB, Role.RUNNER), _READ),
}

_VAULT: Privileges = {
    "person_keys": {
        **_API,
        Role.RUNNER: Allowed(
            select=ALL, rows=_OF_ORGANISATIONS, readable="person IN ('approvals-public', 'runners')"
        ),
    },
    "secrets": {
        **_API,
        Role.RUNNER: Allowed(select=ALL, insert=ALL, delete=True, rows=_FOR_RUNNERS, readable=_READ_ALSO),
    },
    "current_global_key": {**_API, **_RUNNER_READS},
    "refresh_leases": {
        **_API,
        Role.RUNNER: Allowed(select=ALL, insert=ALL, update=ALL, delete=True, rows=_FOR_RUNNERS),
    },
}

_ACCOUNTS: Privileges = {
    "organisations": {
        **_API,
        **_WEB_READS,
        **_RUNNER_READS,
    },
    "people": {
        **_API,
        Role.WEB: Allowed(
            select=("id", "email", "name", "email_verified_ns", "created_ns", "last_sign_in_ns")
        ),
        Role.RUNNER: Allowed(select=("id", "email")),
    },
    "memberships": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(select=("organisation_id", "person_id")),
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
    },
    # Events are added by everybody who acts. What seals and redacts them is the API; what is old goes there, too.
    "audit_events": {
        Role.API: Allowed(select=ALL, insert=ALL, update=_SEALED, delete=True, removable=_CUT_OFF),
        Role.RUNNER: Allowed(insert=_HAPPENED, rows="actor_kind = 'system' AND actor_id = 'runner'"),
    },
    **dict.fromkeys(("audit_heads", "audit_roster", "audit_keys", "audit_forgetting", "audit_streams"), _API),
    "api_key_networks": _API,
}

# Runners see whether an order stands, and hand over what they hold, sealed to its recipients.
_STAFF: Privileges = {
    "staff_people": _API,
    "staff_totp": _API,
    "staff_sessions": _API,
    "staff_keys": _API,
    "staff_requests": {**_API, **_RUNNER_READS},
    "staff_approvals": {**_API, **_RUNNER_READS},
    "legal_orders": {**_API, **_RUNNER_READS},
    "legal_collections": {**_API, **_RUNNER_READS},
    "legal_answers": {**_API, Role.RUNNER: Allowed(select=ALL, update=ALL)},
    "legal_parts": {**_API, **_RUNNER_WORKS},
    "legal_pieces": {**_API, **_RUNNER_WORKS},
}

_API_ROOM: Privileges = {"idempotent_requests": _API}

_CONNECTIONS: Privileges = {
    "connections": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(
            select=ALL, update=("config", "last_used_ns", "deauthorised_ns"), rows=_OF_ORGANISATIONS
        ),
    },
}

_NOTICES: Privileges = {
    "webhooks": {
        **_API,
        Role.RUNNER: Allowed(select=ALL, update=("active", "stopped_reason", "version", "changed_ns")),
    },
    "webhook_deliveries": {
        **_API,
        **_RUNNER_WORKS,
    },
    "webhook_attempts": {
        **_API,
        **_RUNNER_WORKS,
    },
    "run_mails": {
        **_API,
        **_RUNNER_WORKS,
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
    },
    "migration_pairs": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(select=ALL, update=ALL, delete=True),
    },
    "migration_runs": {
        **_API,
        **_WEB_READS,
        **_RUNNER_WORKS,
    },
    "pair_runs": {
        **_API,
        **_WEB_READS,
        **_RUNNER_WORKS,
    },
    # Runners publish their keys, open what was given for runs, and seal it for runners that come later.
    "runner_keys": {**_API, **_RUNNER_WORKS},
    "given_boxes": {**_API, **_RUNNER_WORKS},
    "given_keys": {**_API, Role.RUNNER: Allowed(select=ALL, delete=True)},
    "run_samples": {
        **_API,
        **_WEB_READS,
        **_RUNNER_WORKS,
    },
    "pair_imports": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(select=ALL, delete=True),
    },
    "pair_import_rows": {**_API, **_WEB_READS, Role.RUNNER: Allowed(select=ALL, delete=True)},
    "schedules": {
        **_API,
        **_WEB_READS,
        Role.RUNNER: Allowed(select=ALL, update=("next_ns", "last_ns")),
    },
    "user_maps": {
        **_API,
        **_WEB_READS,
        **_RUNNER_READS,
    },
    "user_map_rows": {**_API, **_WEB_READS, **_RUNNER_READS},
    "user_map_changes": {**_API, **_WEB_READS},
    "saved_views": {**_API, **_WEB_READS},
    "signing_keys": {
        **_API,
        **_WEB_READS,
    },
}

_LEDGER_ROW = {**_API, **_WEB_READS, **_RUNNER_WORKS}
_LEDGER: Privileges = {
    "pairs": {
        **_LEDGER_ROW,
    },
    "runs": {
        **_LEDGER_ROW,
    },
    "folders": {
        **_LEDGER_ROW,
    },
    "items": {
        **_LEDGER_ROW,
    },
    "changed_folders": _LEDGER_ROW,
    "listings": _LEDGER_ROW,
    "trees": _LEDGER_ROW,
    "tree_entries": _LEDGER_ROW,
    "arrivals": {
        **_LEDGER_ROW,
    },
    "uploads": {
        **_LEDGER_ROW,
    },
    "upload_parts": {
        **_LEDGER_ROW,
    },
    "archives": _LEDGER_ROW,
    "archive_members": _LEDGER_ROW,
    "archive_marks": _LEDGER_ROW,
    "accesses": _LEDGER_ROW,
    "grants": {
        **_LEDGER_ROW,
    },
    "granted": _LEDGER_ROW,
}

_SERVICE: Privileges = {
    **_SCHEMA,
    **_VAULT,
    **_ACCOUNTS,
    **_STAFF,
    **_API_ROOM,
    **_CONNECTIONS,
    **_NOTICES,
    **_MIGRATIONS,
    **_LEDGER,
}


def _for_staff(table: str) -> Mapping[Role, Allowed]:
    columns = STAFF_COLUMNS.get(table)
    return {Role.STAFF: Allowed(select=columns, rows=_STAFF_ROWS.get(table))} if columns else {}


PRIVILEGES: Privileges = {table: {**roles, **_for_staff(table)} for table, roles in _SERVICE.items()}
"""All of it."""
