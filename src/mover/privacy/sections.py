"""Which rows are a person's, and which an organisation's. `docs/privacy.md` says of each column what it is for.

A table that is in neither list has a reason in `NOBODYS`; a test compares the three with the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, or_, select

from mover.accounts.attempts import account_limit
from mover.accounts.records import Person
from mover.accounts.tables import (
    api_key_networks,
    api_keys,
    invitations,
    known_devices,
    memberships,
    organisations,
    passkeys,
    password_resets,
    people,
    recovery_codes,
    sessions,
    sign_in_attempts,
    single_sign_on,
    single_sign_on_identities,
    tickets,
    totp,
)
from mover.audit.tables import audit_events
from mover.connections.tables import connections
from mover.ledger.tables import grants, items, runs
from mover.migrations.tables import (
    migration_pairs,
    migration_runs,
    migrations,
    pair_imports,
    pair_runs,
    saved_views,
    schedules,
    signing_keys,
    user_map_changes,
    user_map_rows,
    user_maps,
)
from mover.notices.tables import run_mails, webhook_attempts, webhook_deliveries, webhooks

SECRETS = frozenset(
    {"token_hash", "secret_hash", "previous_hash", "code_hash", "password_hash", "salt", "claim", "token"}
)
"""Columns that are never exported, wherever they stand: what they hold opens something, or proves that it fits."""


@dataclass(frozen=True)
class Section:
    """A table, and which of its rows are meant.

    Attributes:
        table: Named so in the archive.
        of: Whose rows: makes the condition of a person, or of an organisation's id.
    """

    table: Table
    of: Callable[[Any], ColumnElement[bool]]


def _ids(table: Table, where: ColumnElement[bool]) -> Select[Any]:
    return select(table.c.id).where(where)


def _by_person(table: Table) -> Section:
    return Section(table, lambda person: table.c.person_id == person.id)


def _events_of(person: Person) -> ColumnElement[bool]:
    """What they did, and what was done to them: such events name their mail address."""
    e = audit_events.c
    named = [func.lower(column).contains(person.email, autoescape=True) for column in (e.subject, e.details)]
    return or_((e.actor_kind == "person") & (e.actor_id == person.id), *named)


PERSON: tuple[Section, ...] = (
    Section(people, lambda person: people.c.id == person.id),
    _by_person(memberships),
    _by_person(sessions),
    _by_person(known_devices),
    _by_person(passkeys),
    _by_person(totp),
    _by_person(recovery_codes),
    _by_person(password_resets),
    _by_person(single_sign_on_identities),
    _by_person(tickets),
    _by_person(api_keys),
    Section(
        api_key_networks,
        lambda person: api_key_networks.c.key_id.in_(_ids(api_keys, api_keys.c.person_id == person.id)),
    ),
    Section(
        invitations,
        lambda person: or_(invitations.c.email == person.email, invitations.c.invited_by == person.id),
    ),
    Section(sign_in_attempts, lambda person: sign_in_attempts.c.key == account_limit(person.email).key),
    _by_person(saved_views),
    _by_person(run_mails),
    Section(
        user_map_changes,
        lambda person: (
            (user_map_changes.c.actor_kind == "person") & (user_map_changes.c.actor_id == person.id)
        ),
    ),
    Section(migration_runs, lambda person: migration_runs.c.started_by == person.email),
    Section(audit_events, _events_of),
)


def _own(table: Table) -> Section:
    return Section(table, lambda organisation_id: table.c.organisation_id == organisation_id)


def _below(table: Table, column: str, above: Table) -> Section:
    return Section(
        table,
        lambda organisation_id: table.c[column].in_(_ids(above, above.c.organisation_id == organisation_id)),
    )


def _of_runs(table: Table, column: str) -> Section:
    return Section(
        table,
        lambda organisation_id: table.c[column].in_(
            select(pair_runs.c.ledger_run_id).where(
                pair_runs.c.organisation_id == organisation_id, pair_runs.c.ledger_run_id.is_not(None)
            )
        ),
    )


def _members(organisation_id: str) -> ColumnElement[bool]:
    return people.c.id.in_(
        select(memberships.c.person_id).where(memberships.c.organisation_id == organisation_id)
    )


ORGANISATION: tuple[Section, ...] = (
    Section(organisations, lambda organisation_id: organisations.c.id == organisation_id),
    Section(people, _members),
    _own(memberships),
    _own(invitations),
    _own(api_keys),
    _below(api_key_networks, "key_id", api_keys),
    _own(single_sign_on),
    _own(single_sign_on_identities),
    Section(connections, lambda organisation_id: connections.c.person == f"organisation:{organisation_id}"),
    _own(migrations),
    _own(migration_pairs),
    _own(schedules),
    _own(user_maps),
    _below(user_map_rows, "map_id", user_maps),
    _below(user_map_changes, "map_id", user_maps),
    Section(
        saved_views,
        lambda organisation_id: (
            (saved_views.c.organisation_id == organisation_id) & (saved_views.c.person_id == "")
        ),
    ),
    _own(pair_imports),
    _own(migration_runs),
    _own(pair_runs),
    _of_runs(runs, "id"),
    _of_runs(items, "run_id"),
    _of_runs(grants, "run_id"),
    _own(signing_keys),
    _own(webhooks),
    _own(webhook_deliveries),
    _below(webhook_attempts, "delivery_id", webhook_deliveries),
)

PEOPLE_IN_AN_ORGANISATION = frozenset({"id", "email", "name", "created_ns", "last_sign_in_ns"})
"""What an owner sees of people; the rest is theirs."""

NOBODYS: Mapping[str, str] = MappingProxyType(
    {
        "accesses": "working state of a run; what came of it is in grants",
        "arrivals": "what Mover remembers of files between runs; paths and hashes are in items",
        "audit_forgetting": "names of people who are gone, for moments",
        "audit_heads": "signatures; in the exported audit log",
        "audit_keys": "public keys; in the exported audit log",
        "audit_roster": "signatures; in the exported audit log",
        "audit_streams": "the operator's",
        "archive_marks": "working state of a run",
        "archive_members": "working state of a run; paths are in items",
        "archives": "working state of a run; items say what is in which",
        "changed_folders": "working state of a run",
        "current_global_key": "the operator's",
        "folders": "working state of a run; paths are in items",
        "given_boxes": "keys for a run, sealed for runners",
        "given_keys": "keys for a run, sealed",
        "granted": "what Mover remembers of permissions between runs; in grants",
        "idempotent_requests": "answers to requests, for a day; what they made is here itself",
        "legal_answers": "a lawful export under way",
        "legal_collections": "a lawful export under way",
        "legal_orders": "the installation's; disclosed in the audit log when that is lawful",
        "legal_parts": "a lawful export under way",
        "legal_pieces": "a lawful export under way, sealed to others",
        "listings": "working state of a run",
        "pair_import_rows": "a file that was uploaded, for a day",
        "pairs": "working state of the ledger; migration_pairs says it for people",
        "person_keys": "keys, wrapped",
        "refresh_leases": "moments",
        "runner_keys": "the installation's",
        "run_samples": "figures of a chart; totals are in pair_runs",
        "secrets": "secrets, sealed",
        "staff_approvals": "the installation's; what concerns an organisation is in its audit log",
        "staff_keys": "those who run the installation",
        "staff_people": "those who run the installation",
        "staff_requests": "the installation's; what concerns an organisation is in its audit log",
        "staff_sessions": "those who run the installation",
        "staff_totp": "those who run the installation",
        "tree_entries": "working state of a run; paths are in items",
        "trees": "working state of a run",
        "upload_parts": "working state of an upload",
        "uploads": "working state of an upload",
    }
)
"""Tables that no export has, and why."""
