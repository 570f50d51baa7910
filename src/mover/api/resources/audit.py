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
    action: str = Field(
        description="What was done, such as `api_key.made`, `runs.started`, `report.downloaded`. New ones can come.",
        examples=["pairs.deleted"],
    )
    subject: str = Field(description="To whom or what.", examples=["migration Marketing"])
    details: dict[str, str] = Field(
        description="What else helps, never a secret. An act on many pairs is one event, with their number.",
        examples=[{"pairs": "12"}],
    )


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
