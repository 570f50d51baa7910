"""The audit log in the database: append-only by having no statement that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from mover.accounts.actor import Actor
from mover.accounts.records import AuditEvent
from mover.database.database import Database


@dataclass(frozen=True)
class AuditPage:
    """Events, the newest first, and where the next page begins (`before`); None on the last one."""

    events: list[AuditEvent]
    before: int | None


class AuditLog:
    """An `Auditor` that writes to `audit_events`."""

    def record(
        self,
        transaction: Connection,
        actor: Actor,
        action: str,
        subject: str,
        details: Mapping[str, str] | None = None,
        *,
        now_ns: int,
    ) -> None:
        """See `Auditor`."""
        raise NotImplementedError

    async def page(
        self, database: Database, actor: Actor, *, before: int | None = None, limit: int = 100
    ) -> AuditPage:
        """List the organisation's events. Needs ADMINISTER."""
        raise NotImplementedError
