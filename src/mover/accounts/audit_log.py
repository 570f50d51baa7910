"""The audit log in the database: append-only by having no statement that changes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from mover.accounts.actor import Actor, ActorKind, Permission
from mover.accounts.queries import audit as queries
from mover.accounts.records import AuditEvent
from mover.database.database import Database
from mover.errors import one_line

_LONGEST_SUBJECT = 300
_LONGEST_NAME = 254
_LONGEST_DETAIL = 500
_LARGEST_PAGE = 1000


@dataclass(frozen=True)
class AuditPage:
    """Events, the newest first, and where the next page begins (`before`); None on the last one."""

    events: list[AuditEvent]
    before: int | None


class AuditLog:
    """An `Auditor` that writes to `audit_events`, and shows them."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        """See `Auditor`. Text is made safe to print on one line."""
        queries.add(
            transaction,
            organisation_id=actor.organisation_id,
            happened_ns=now_ns,
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            actor_name=one_line(actor.name, limit=_LONGEST_NAME),
            action=str(action),
            subject=one_line(subject, limit=_LONGEST_SUBJECT),
            details=json.dumps(
                {key: one_line(value, limit=_LONGEST_DETAIL) for key, value in (details or {}).items()}
            ),
        )

    async def page(self, actor: Actor, *, before: int | None = None, limit: int = 100) -> AuditPage:
        """List the organisation's events, at most 1000. Needs ADMINISTER."""
        actor.require(Permission.ADMINISTER)
        limit = max(1, min(limit, _LARGEST_PAGE))
        found = await self._database.read(
            lambda transaction: queries.page(transaction, actor.organisation_id, before, limit + 1)
        )
        shown = found[:limit]
        return AuditPage(shown, shown[-1].id if len(found) > limit else None)


def nobody(name: str, organisation_id: str = "") -> Actor:
    """Make the actor of what somebody did who is not signed in."""
    return Actor(organisation_id, ActorKind.SYSTEM, "", name, frozenset())
