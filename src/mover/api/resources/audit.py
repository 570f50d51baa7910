"""The audit log: who did what to what."""

from __future__ import annotations

from pydantic import Field
from starlette.responses import StreamingResponse

from mover.accounts.actor import ActorKind, Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Cursor, Limit, Moment
from mover.api.operations import Resource
from mover.api.streams import jsonl_download

resource = Resource("Audit log", "Who did what to what.")


class AuditEvent(Answer):
    """One event."""

    id: int
    number: int | None = Field(
        description="Its place in the organisation's chain; null for a moment, until it is sealed."
    )
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


class AuditCheckpoint(Answer):
    """The signed state of the organisation's log: its events are those after `cut_number`, up to `number`."""

    cut_number: int = Field(description="Events up to this one were removed, as they were old.")
    number: int
    hash: str = Field(description="Of the last event; SHA-256 in hexadecimal digits.")
    signed_at: Moment
    key_id: str
    public_key: str = Field(description="With which it is verified: Ed25519, 32 bytes in base64.")
    signature: str


class AuditState(Answer):
    """How far the organisation's log is sealed."""

    checkpoint: AuditCheckpoint | None
    pending: int = Field(description="Events that are not sealed yet.")


@resource.get("/audit-checkpoint", Permission.ADMINISTER)
async def audit_checkpoint(call: Calling) -> AuditState:
    """Tell how far the log is sealed, and with which key. Note the key: it is what exports are verified with."""
    state = await call.services.audit_log.state(call.actor)
    found = state.checkpoint
    return AuditState(
        checkpoint=AuditCheckpoint.of(found, public_key=state.public_key or "") if found else None,
        pending=state.pending,
    )


@resource.get("/audit-log", Permission.ADMINISTER, media_types=("application/jsonl",))
async def audit_log(call: Calling) -> StreamingResponse:
    """Download the sealed log as JSON lines; `mover audit verify` verifies it, without this server."""
    return await jsonl_download(await call.services.audit_log.export(call.actor), "audit-log")


@resource.get("/audit-events", Permission.ADMINISTER, problems=(400,))
async def list_audit_events(call: Calling, cursor: Cursor = None, limit: Limit = 50) -> AuditPage:
    """List what happened in the organisation, the newest first."""
    before = call.cursors.open(cursor)
    page = await call.services.audit_log.page(call.actor, before=int(before) if before else None, limit=limit)
    return AuditPage(
        items=[AuditEvent.of(event) for event in page.events],
        next_cursor=call.cursors.make(None if page.before is None else str(page.before)),
    )
