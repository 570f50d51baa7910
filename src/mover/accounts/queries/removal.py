"""Removing what is over: rows of deleted organisations, and what has expired, in batches."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, and_, delete, exists, or_, select

from mover.accounts.tables import (
    api_keys,
    invitations,
    known_devices,
    memberships,
    organisations,
    password_resets,
    sessions,
    sign_in_attempts,
    single_sign_on,
    single_sign_on_identities,
    tickets,
)

_OF_ORGANISATION = (sessions, tickets, invitations, api_keys)


def remove_rows(transaction: Connection, organisation_id: str, limit: int) -> int:
    """Remove at most `limit` rows of an organisation, except people, memberships and itself."""
    removed = 0
    for table in _OF_ORGANISATION:
        if removed >= limit:
            return removed
        key = _key(table)
        chosen = select(key).where(table.c.organisation_id == organisation_id).limit(limit - removed)
        removed += transaction.execute(delete(table).where(key.in_(chosen.scalar_subquery()))).rowcount
    return removed


def some_members(transaction: Connection, organisation_id: str, limit: int) -> list[str]:
    """List ids of members, in no order."""
    query = select(memberships.c.person_id).where(memberships.c.organisation_id == organisation_id)
    return list(transaction.scalars(query.limit(limit)))


def belongs_somewhere(transaction: Connection, person_id: str) -> bool:
    """Tell whether a person is a member of any organisation."""
    query = select(memberships.c.person_id).where(memberships.c.person_id == person_id).limit(1)
    return transaction.execute(query).first() is not None


def remove_organisation(transaction: Connection, organisation_id: str) -> None:
    """Remove an organisation that is marked for it, once nobody belongs to it any more."""
    belongs = exists().where(memberships.c.organisation_id == organisation_id)
    for table in (single_sign_on, single_sign_on_identities):
        transaction.execute(delete(table).where(table.c.organisation_id == organisation_id))
    transaction.execute(
        delete(organisations).where(
            organisations.c.id == organisation_id, organisations.c.deleted_ns.is_not(None), ~belongs
        )
    )


def remove_expired(transaction: Connection, now_ns: int, *, idle_ns: int, keep_ns: int, limit: int) -> int:
    """Remove at most about `limit` rows that mean nothing any more; returns how many.

    Sessions, tickets and resets that have expired, counters and devices not used for `keep_ns`, and invitations that
    ended that long ago.
    """
    old_ns = now_ns - keep_ns
    over = (
        (sessions, or_(sessions.c.expires_ns <= now_ns, sessions.c.last_seen_ns <= now_ns - idle_ns)),
        (tickets, tickets.c.expires_ns <= now_ns),
        (password_resets, password_resets.c.expires_ns <= now_ns),
        (
            sign_in_attempts,
            and_(sign_in_attempts.c.last_ns <= old_ns, sign_in_attempts.c.blocked_until_ns <= now_ns),
        ),
        (known_devices, known_devices.c.last_used_ns <= old_ns),
        (invitations, invitations.c.expires_ns <= old_ns),
    )
    removed = 0
    for table, ended in over:
        if removed >= limit:
            break
        key = _key(table)
        chosen = select(key).where(ended).limit(limit - removed)
        removed += transaction.execute(delete(table).where(key.in_(chosen.scalar_subquery()))).rowcount
    return removed


def _key(table: Table) -> Column[Any]:
    return next(iter(table.primary_key.columns))
