"""Puts notices into the outbox, in the transaction of what they tell about: both happen, or neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from secrets import token_hex

import msgspec
from sqlalchemy import Connection, insert, select

from mover.notices.events import Event
from mover.notices.records import DeliveryState
from mover.notices.tables import run_mails, webhook_deliveries, webhooks

GIVE_UP_NS = 3 * 86_400 * 1_000_000_000
"""For so long a delivery is tried."""


def put_event(
    connection: Connection,
    organisation_id: str,
    event: Event,
    data: Mapping[str, object] | Sequence[Mapping[str, object]],
    now_ns: int,
    *,
    only: str | None = None,
) -> None:
    """Have all webhooks of an organisation that want to know told, or `only` one. Several `data`: several messages.

    A message is JSON with `type`, `timestamp` and `data`, as Standard Webhooks has it.
    """
    hooks = select(webhooks.c.id, webhooks.c.events).where(
        webhooks.c.organisation_id == organisation_id, webhooks.c.active
    )
    if only is not None:
        hooks = hooks.where(webhooks.c.id == only)
    wanting = [
        row.id
        for row in connection.execute(hooks.order_by(webhooks.c.id))
        if only is not None or event.value in row.events.split(",")
    ]
    several = [data] if isinstance(data, Mapping) else data
    values = [
        {
            "organisation_id": organisation_id,
            "webhook_id": webhook_id,
            "message_id": f"msg_{token_hex(16)}",
            "event": event.value,
            "body": _body(event, one, now_ns),
            "state": DeliveryState.WAITING.value,
            "attempts": 0,
            "status": None,
            "message": "",
            "created_ns": now_ns,
            "give_up_ns": now_ns + GIVE_UP_NS,
            "due_ns": now_ns,
            "claimed_until_ns": 0,
        }
        for one in several
        for webhook_id in wanting
    ]
    if values:
        connection.execute(insert(webhook_deliveries), values)


def put_mails(
    connection: Connection,
    organisation_id: str,
    people: Iterable[str],
    subject: str,
    paragraphs: Sequence[str],
    now_ns: int,
    *,
    page: str | None = None,
    page_label: str | None = None,
) -> None:
    """Have a mail sent to some people of an organisation, by their ids; those who have left it by then get none.

    `page` is the path of a page that it leads to (`/migrations/...`), `page_label` what is done there (`Give the key`).
    """
    values = [
        {
            "organisation_id": organisation_id,
            "person_id": person_id,
            "subject": subject,
            "paragraphs": msgspec.json.encode(list(paragraphs)).decode(),
            "page": page,
            "page_label": page_label,
            "state": DeliveryState.WAITING.value,
            "attempts": 0,
            "message": "",
            "created_ns": now_ns,
            "due_ns": now_ns,
            "claimed_until_ns": 0,
        }
        for person_id in dict.fromkeys(people)
    ]
    if values:
        connection.execute(insert(run_mails), values)


def _body(event: Event, data: Mapping[str, object], now_ns: int) -> str:
    moment = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
    return msgspec.json.encode({"type": event.value, "timestamp": moment, "data": data}).decode()
