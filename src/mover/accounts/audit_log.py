"""The audit log as an organisation's people see it: who may read it, export it, and ask for its state."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from mover.accounts.actor import Actor, ActorKind, Permission
from mover.accounts.audit import Action
from mover.accounts.records import AuditEvent
from mover.audit import queries
from mover.audit.reading import lines, parts
from mover.audit.recording import Recorder
from mover.audit.records import Checkpoint, Event
from mover.audit.verifying import Part
from mover.database.database import Database

_LARGEST_PAGE = 1000
_PIECE_EVENTS = 500


@dataclass(frozen=True)
class AuditPage:
    """Events, the newest first, and where the next page begins (`before`); None on the last one."""

    events: list[AuditEvent]
    before: int | None


@dataclass(frozen=True)
class AuditState:
    """How far an organisation's log is sealed.

    Attributes:
        checkpoint: The newest one; None: nothing is sealed yet.
        public_key: With which it is verified, in base64; None like it.
        pending: How many events wait to be sealed.
    """

    checkpoint: Checkpoint | None
    public_key: str | None
    pending: int


class AuditLog(Recorder):
    """An `Auditor` that shows what it wrote.

    Args:
        database: Where the log is.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, database: Database, *, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._database = database
        self._now = now

    async def page(self, actor: Actor, *, before: int | None = None, limit: int = 100) -> AuditPage:
        """List the organisation's events, at most 1000. Needs ADMINISTER."""
        actor.require(Permission.ADMINISTER)
        limit = max(1, min(limit, _LARGEST_PAGE))
        found = await self._database.read(
            lambda transaction: queries.page(transaction, actor.organisation_id, before, limit + 1)
        )
        shown = found[:limit]
        return AuditPage([_shown(event) for event in shown], shown[-1].id if len(found) > limit else None)

    async def state(self, actor: Actor) -> AuditState:
        """Tell how far the organisation's log is sealed. Needs ADMINISTER."""
        actor.require(Permission.ADMINISTER)
        chain = actor.organisation_id

        def look(transaction: Connection) -> AuditState:
            checkpoint = queries.heads(transaction, [chain]).get(chain)
            keys = {key.id: key.public_key for key in queries.keys(transaction)}
            return AuditState(
                checkpoint,
                keys.get(checkpoint.key_id) if checkpoint else None,
                queries.pending_figures(transaction, chain)[0],
            )

        return await self._database.read(look)

    async def export(self, actor: Actor) -> AsyncIterator[bytes]:
        """The organisation's log as JSON lines that `mover audit verify` verifies; a page of it in memory at a time.

        That it was exported is recorded. Needs ADMINISTER.
        """
        actor.require(Permission.ADMINISTER)
        now_ns = int(self._now() * 1e9)
        await self._database.write(
            lambda transaction: self.record(
                transaction, actor, Action.AUDIT_LOG_EXPORTED, "audit log", now_ns=now_ns
            )
        )
        return self._exported(actor.organisation_id)

    async def _exported(self, chain: str) -> AsyncIterator[bytes]:
        """The chain up to the checkpoint that stands when it begins; what is cut off meanwhile ends it early."""

        def begin(transaction: Connection) -> list[Part]:
            found = parts(transaction, chain)
            return [part for part in (next(found), next(found, None)) if part is not None]

        first = await self._database.read(begin)
        head = next((part for part in first if isinstance(part, Checkpoint)), None)
        yield b"".join(lines(part for part in first if not isinstance(part, Event)))
        after = head.cut_number if head else 0
        while head is not None and after < head.number:
            some = await self._database.read(
                lambda transaction, after=after: queries.some_of_chain(  # type: ignore[misc]  # mypy does not infer a default
                    transaction, chain, after, min(head.number, after + _PIECE_EVENTS)
                )
            )
            if not some:
                return
            yield b"".join(lines(some))
            after = some[-1].number or head.number


def nobody(name: str, organisation_id: str = "") -> Actor:
    """Make the actor of what somebody did who is not signed in."""
    return Actor(organisation_id, ActorKind.SYSTEM, "", name, frozenset())


def _shown(event: Event) -> AuditEvent:
    return AuditEvent(
        id=event.id,
        number=event.number,
        happened_ns=event.happened_ns,
        actor_kind=ActorKind(event.actor_kind),
        actor_id=event.actor_id,
        actor_name=event.actor_name,
        action=event.action,
        subject=event.subject,
        details=json.loads(event.details),
    )
