"""Copies of the audit log elsewhere, event by event: to syslog, to a webhook.

    sealed events ──(behind the position in `audit_streams`)──► receiver ──(taken)──► position

At least once, in order, one process at a time. An act never waits for it. What was copied can be compared with the log
years later (`mover audit verify --copies`), and shows what nobody can see in the database alone: that all of it is an
older state. A receiver that is away for longer than events are kept misses those that went.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.records import Event
from mover.database.database import Database
from mover.database.failures import DatabaseTrouble
from mover.errors import Locked, MoverError, Unreachable, one_line
from mover.notices.signatures import signed_headers
from mover.notices.syslog import Line, line_to, message
from mover.settings import Settings
from mover.transport.egress import Egress
from mover.transport.http import HttpSession
from mover.vault.secret import Secret

_S = 1_000_000_000
PAUSES_S = (5, 10, 30, 60, 300)
"""After the first failure, the second, ...; the last one from then on."""
AT_ONCE = 200


class Receiver(Protocol):
    """Takes copies."""

    async def send(self, events: Sequence[Event]) -> None:
        """Hand events over. Raises MoverError; then all of them are sent again."""

    async def close(self) -> None:
        """Hang up."""


def as_copied(event: Event) -> str:
    """An event as JSON in ASCII, on one line."""
    return json.dumps(
        {
            "organisation_id": event.organisation_id,
            "number": event.number,
            "hash": event.hash,
            "position": event.position,
            "id": event.id,
            "happened": datetime.fromtimestamp(event.happened_ns / 1e9, UTC).isoformat(),
            "happened_ns": event.happened_ns,
            "actor_kind": event.actor_kind,
            "actor_id": event.actor_id,
            "actor_name": event.actor_name,
            "action": event.action,
            "subject": event.subject,
            "details": json.loads(event.details),
        },
        separators=(",", ":"),
    )


class SyslogReceiver:
    """Syslog, one message an event; the action is its MSGID."""

    def __init__(self, line: Line, *, host: str | None = None) -> None:
        self._line = line
        self._host = host or socket.gethostname()

    async def send(self, events: Sequence[Event]) -> None:
        """See `Receiver`."""
        await self._line.send(
            [
                message(
                    as_copied(event), event.action, event.happened_ns, host=self._host, process=os.getpid()
                )
                for event in events
            ]
        )

    async def close(self) -> None:
        """See `Receiver`."""
        await self._line.close()


class WebhookReceiver:
    """A webhook, some events a message, signed as notices are; the message's id is the same when it is sent again."""

    def __init__(
        self, session: HttpSession, url: str, secret: Secret, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._session = session
        self._url = url
        self._secret = secret
        self._now_ns = now_ns

    async def send(self, events: Sequence[Event]) -> None:
        """See `Receiver`."""
        now_s = self._now_ns() // _S
        moment = datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z")
        listed = ",".join(as_copied(event) for event in events)
        body = f'{{"type":"audit.events","timestamp":"{moment}","data":{{"events":[{listed}]}}}}'.encode()
        name = f"audit_{events[0].position}_{events[-1].position}"
        headers = {
            "Content-Type": "application/json",
            **signed_headers([self._secret], name, now_s, body),
        }
        async with self._session.request(
            "POST", self._url, headers=headers, body=body, operation="copy the audit log"
        ) as answer:
            if answer.status // 100 != 2:  # noqa: PLR2004 - HTTP's successes
                raise Unreachable(f"the receiver answered with {answer.status}")

    async def close(self) -> None:
        """See `Receiver`."""
        await self._session.close()


def receivers_from_settings(settings: Settings, egress: Egress) -> Mapping[str, Receiver]:
    """Those that the operator named."""
    found: dict[str, Receiver] = {}
    if settings.audit_syslog is not None:
        found["syslog"] = SyslogReceiver(line_to(settings.audit_syslog, egress))
    if settings.audit_webhook is not None and settings.audit_webhook_secret is not None:
        session = egress.http("audit webhook", connections=1)
        found["webhook"] = WebhookReceiver(session, settings.audit_webhook, settings.audit_webhook_secret)
    return found


class AuditCopies:
    """Copies what was sealed.

    Args:
        database: With the log.
        receivers: By names that do not change: how far each one has come is noted under it.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        receivers: Mapping[str, Receiver],
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._receivers = receivers
        self._now_ns = now_ns

    @property
    def names(self) -> tuple[str, ...]:
        """Who receives copies."""
        return tuple(self._receivers)

    async def send_due(self) -> int:
        """Copy what has not been copied, to everybody who is not rested; returns how many events were taken."""
        return sum([await self._send(name, receiver) for name, receiver in self._receivers.items()])

    async def lag(self) -> Mapping[str, int]:
        """How many sealed events each receiver has not taken yet."""

        def count(transaction: Connection) -> dict[str, int]:
            return {
                name: queries.sealed_count_after(transaction, queries.stream(transaction, name).position)[0]
                for name in self._receivers
            }

        return await self._database.read(count) if self._receivers else {}

    async def close(self) -> None:
        """Hang up everywhere."""
        for receiver in self._receivers.values():
            await receiver.close()

    async def _send(self, name: str, receiver: Receiver) -> int:
        state = await self._database.read(lambda transaction: queries.stream(transaction, name))
        if state.due_ns > self._now_ns():
            return 0
        try:
            async with self._database.lock(f"audit-copies:{name}"):
                return await self._send_alone(name, receiver)
        except Locked:  # another runner is at it
            return 0

    async def _send_alone(self, name: str, receiver: Receiver) -> int:
        taken = 0
        while True:
            state, events = await self._database.read(
                lambda transaction: (
                    (found := queries.stream(transaction, name)),
                    queries.sealed_after(transaction, found.position, AT_ONCE),
                )
            )
            if not events:
                return taken
            try:
                await receiver.send(events)
            except DatabaseTrouble:
                raise
            except MoverError as error:
                failures = state.failures + 1
                due_ns = self._now_ns() + PAUSES_S[min(failures, len(PAUSES_S)) - 1] * _S
                await self._note(name, trouble=one_line(str(error)), failures=failures, due_ns=due_ns)
                return taken
            taken += len(events)
            await self._note(
                name,
                position=events[-1].position,
                sent_ns=self._now_ns(),
                trouble="",
                failures=0,
                due_ns=0,
            )

    async def _note(self, name: str, **values: Any) -> None:
        await self._database.write(lambda transaction: queries.put_stream(transaction, name, **values))
