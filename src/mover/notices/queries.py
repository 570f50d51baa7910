"""What the notices ask of the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, select, update

from mover.accounts.records import Person
from mover.accounts.refusals import NoSuchThing
from mover.accounts.tables import memberships, people
from mover.database.removal import remove_in_order, step
from mover.notices.events import Event
from mover.notices.records import Attempt, Delivery, DeliveryState, Webhook
from mover.notices.tables import run_mails, webhook_attempts, webhook_deliveries, webhooks

_w = webhooks.c
_d = webhook_deliveries.c
OUTBOXES: tuple[Table, ...] = (webhook_deliveries, run_mails)


def webhook_from(row: Row[Any]) -> Webhook:
    """A webhook."""
    return Webhook(
        id=row.id,
        organisation_id=row.organisation_id,
        url=row.url,
        events=tuple(Event(name) for name in row.events.split(",")),
        note=row.note,
        active=row.active,
        stopped_reason=row.stopped_reason,
        previous_until_ns=row.previous_until_ns,
        version=row.version,
        created_ns=row.created_ns,
        changed_ns=row.changed_ns,
    )


def delivery_from(row: Row[Any]) -> Delivery:
    """A delivery."""
    return Delivery(
        id=row.id,
        webhook_id=row.webhook_id,
        message_id=row.message_id,
        event=Event(row.event),
        body=row.body,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        status=row.status,
        message=row.message,
        created_ns=row.created_ns,
        due_ns=row.due_ns,
        ended_ns=row.ended_ns,
    )


def webhook(connection: Connection, organisation_id: str, webhook_id: str) -> Webhook:
    """Find a webhook of an organisation. Raises NoSuchThing."""
    query = select(webhooks).where(_w.id == webhook_id, _w.organisation_id == organisation_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NoSuchThing(f"there is no webhook {webhook_id[:40]!r}")
    return webhook_from(row)


def all_webhooks(connection: Connection, organisation_id: str) -> tuple[Webhook, ...]:
    """All webhooks of an organisation, oldest first."""
    query = select(webhooks).where(_w.organisation_id == organisation_id).order_by(_w.created_ns, _w.id)
    return tuple(webhook_from(row) for row in connection.execute(query))


def delivery(connection: Connection, organisation_id: str, delivery_id: int) -> Delivery:
    """Find a delivery of an organisation. Raises NoSuchThing."""
    row = None
    if -(2**63) <= delivery_id < 2**63:
        query = select(webhook_deliveries).where(_d.id == delivery_id, _d.organisation_id == organisation_id)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NoSuchThing(f"there is no delivery {str(delivery_id)[:40]}")
    return delivery_from(row)


def deliveries(
    connection: Connection, webhook_id: str, before: int | None, limit: int
) -> tuple[Delivery, ...]:
    """Deliveries of a webhook, newest first."""
    query = select(webhook_deliveries).where(_d.webhook_id == webhook_id)
    if before is not None:
        query = query.where(_d.id < before)
    return tuple(delivery_from(row) for row in connection.execute(query.order_by(_d.id.desc()).limit(limit)))


def attempts(connection: Connection, delivery_id: int) -> tuple[Attempt, ...]:
    """All tries of a delivery, oldest first."""
    query = (
        select(webhook_attempts)
        .where(webhook_attempts.c.delivery_id == delivery_id)
        .order_by(webhook_attempts.c.id)
    )
    return tuple(
        Attempt(at_ns=row.at_ns, took_ns=row.took_ns, status=row.status, message=row.message)
        for row in connection.execute(query)
    )


def claim(
    connection: Connection, outbox: Table, claim_id: str, *, now_ns: int, until_ns: int, limit: int
) -> list[Row[Any]]:
    """Take what is due, so that nobody else sends it until then; messages of webhooks that are stopped wait.

    Webhooks take turns: one that has much to be told, and hangs each time, lets the others be told all the same.
    """
    free = (
        outbox.c.state == DeliveryState.WAITING.value,
        outbox.c.due_ns <= now_ns,
        outbox.c.claimed_until_ns <= now_ns,
    )
    due = select(outbox.c.id).where(*free)
    if outbox is webhook_deliveries:
        due = due.join(webhooks, and_(_w.id == _d.webhook_id, _w.active)).order_by(
            func.row_number().over(partition_by=_d.webhook_id, order_by=(_d.due_ns, _d.id))
        )
    due = due.order_by(outbox.c.due_ns, outbox.c.id).limit(limit)
    taken = (
        update(outbox)
        .where(outbox.c.id.in_(due), *free)
        .values(claim=claim_id, claimed_until_ns=until_ns, attempts=outbox.c.attempts + 1)
        .returning(outbox)
    )
    return list(connection.execute(taken))


def settle(connection: Connection, outbox: Table, row_id: int, claim_id: str, values: dict[str, Any]) -> bool:
    """Write what came of a try, if the claim still stands."""
    changed = connection.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.claim == claim_id)
        .values(**values, claim=None, claimed_until_ns=0)
    )
    return changed.rowcount == 1


def add_attempt(connection: Connection, delivery_id: int, attempt: Attempt) -> None:
    """Keep a try."""
    connection.execute(
        insert(webhook_attempts).values(delivery_id=delivery_id, **msgspec.structs.asdict(attempt))
    )


def delivered_since(connection: Connection, webhook_id: str, since_ns: int) -> bool:
    """Tell whether the webhook has taken any message since then."""
    query = select(_d.id).where(
        _d.webhook_id == webhook_id, _d.state == DeliveryState.DELIVERED.value, _d.ended_ns >= since_ns
    )
    return connection.execute(query.limit(1)).first() is not None


def stop_webhook(connection: Connection, webhook_id: str, reason: str, now_ns: int) -> None:
    """Stop a webhook that cannot be delivered to."""
    connection.execute(
        update(webhooks)
        .where(_w.id == webhook_id, _w.active)
        .values(active=False, stopped_reason=reason, version=_w.version + 1, changed_ns=now_ns)
    )


def webhooks_with(connection: Connection, ids: Sequence[str]) -> dict[str, Webhook]:
    """Webhooks by their ids."""
    return {row.id: webhook_from(row) for row in connection.execute(select(webhooks).where(_w.id.in_(ids)))}


def address_of(connection: Connection, organisation_id: str, person_id: str) -> str | None:
    """The mail address of a person who belongs to an organisation."""
    query = (
        select(people.c.email)
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(people.c.id == person_id, memberships.c.organisation_id == organisation_id)
    )
    return connection.execute(query).scalar_one_or_none()


def remove_old(connection: Connection, outbox: Table, before_ns: int, limit: int) -> int:
    """Remove what is older, sent or not; returns how many."""
    old = select(outbox.c.id).where(outbox.c.created_ns < before_ns).limit(limit)
    return connection.execute(delete(outbox).where(outbox.c.id.in_(old))).rowcount


def remove_organisation(connection: Connection, organisation_id: str, limit: int) -> int:
    """Remove at most `limit` rows of an organisation; returns how many. A `Remover` of the accounts."""
    own = select(_d.id).where(_d.organisation_id == organisation_id).scalar_subquery()
    steps = (
        step(webhook_attempts, webhook_attempts.c.delivery_id.in_(own)),
        *(
            step(table, table.c.organisation_id == organisation_id)
            for table in (webhook_deliveries, run_mails, webhooks)
        ),
    )
    return remove_in_order(connection, steps, limit)


def forget_person(connection: Connection, person: Person, _instead: str) -> None:
    """Remove mail to a person, sent or not. A `PersonRemover` of the accounts."""
    connection.execute(delete(run_mails).where(run_mails.c.person_id == person.id))
