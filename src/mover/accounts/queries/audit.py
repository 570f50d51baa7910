"""The audit log: one statement that adds, one that lists."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, insert, select

from mover.accounts.actor import ActorKind
from mover.accounts.records import AuditEvent
from mover.accounts.tables import audit_events


def add(transaction: Connection, **values: Any) -> None:
    """Add an event; `values` are its columns."""
    transaction.execute(insert(audit_events), values)


def page(transaction: Connection, organisation_id: str, before: int | None, limit: int) -> list[AuditEvent]:
    """List events of an organisation, the newest first, older than `before`."""
    query = select(audit_events).where(audit_events.c.organisation_id == organisation_id)
    if before is not None:
        query = query.where(audit_events.c.id < before)
    rows = transaction.execute(query.order_by(audit_events.c.id.desc()).limit(limit))
    return [
        AuditEvent(
            id=row.id,
            happened_ns=row.happened_ns,
            actor_kind=ActorKind(row.actor_kind),
            actor_id=row.actor_id,
            actor_name=row.actor_name,
            action=row.action,
            subject=row.subject,
            details=json.loads(row.details),
        )
        for row in rows
    ]
