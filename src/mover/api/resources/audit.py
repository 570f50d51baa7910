"""The audit log: who did what to what."""

from __future__ import annotations

from pydantic import Field

from mover.accounts.actor import ActorKind, Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Cursor, Limit, Moment
from mover.api.operations import Resource

resource = Resource("Audit log", "Who did what to what.")


class AuditEvent(Answer):
    """One event."""

    id: int
    happened_at: Moment
    actor_kind: ActorKind
    actor_id: str
    actor_name: str
    action: str = Field(examples=["api_key.made"])
    subject: str
    details: dict[str, str]


class AuditPage(Answer):
    """Some events, the newest first."""

    items: list[AuditEvent]
    next_cursor: str | None


@resource.get("/audit-events", Permission.ADMINISTER, problems=(400,))
async def list_audit_events(call: Calling, cursor: Cursor = None, limit: Limit = 50) -> AuditPage:
    """List what happened in the organisation, the newest first."""
    before = call.cursors.open(cursor)
    page = await call.services.audit_log.page(call.actor, before=int(before) if before else None, limit=limit)
    return AuditPage(
        items=[AuditEvent.of(event) for event in page.events],
        next_cursor=call.cursors.make(None if page.before is None else str(page.before)),
    )
