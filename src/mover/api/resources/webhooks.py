"""Webhooks: messages to an address of the organisation's own when something has happened."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Cursor, Flag, Id, Limit, Moment, NumberedId, Whole
from mover.api.operations import Resource
from mover.notices.events import Event
from mover.notices.records import DeliveryState

resource = Resource("Webhooks", "Signed messages when something has happened.")

_NS = 1_000_000_000


class Webhook(Answer):
    """A webhook; its secret was shown once."""

    id: str
    url: str = Field(examples=["https://hooks.example.org/mover"])
    events: list[Event]
    note: str
    active: bool
    stopped_reason: str = Field(description="Why Mover stopped it by itself; empty if it did not.")
    previous_until_at: Moment | None = Field(description="How long the old secret signs as well.")
    version: int
    created_at: Moment
    changed_at: Moment


class WebhookList(Answer):
    """All webhooks, the oldest first."""

    items: list[Webhook]


class NewWebhook(Body):
    """A webhook to be made."""

    url: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://hooks.example.org/mover"])]
    events: Annotated[list[Event], Field(min_length=1, max_length=len(Event))]
    note: Annotated[str, Field(max_length=500)] = ""


class WebhookChanges(NewWebhook):
    """All that is decided about a webhook."""

    active: Flag = True


class WebhookRotation(Body):
    """How long the old secret signs as well."""

    overlap_s: Annotated[Whole, Field(ge=0, le=7 * 24 * 3600)] = 24 * 3600


class MadeWebhook(Answer):
    """A webhook and its secret."""

    webhook: Webhook
    secret: str = Field(description="What messages are signed with, shown this once.", examples=["whsec_..."])


class Delivery(Answer):
    """A message for a webhook."""

    id: int
    webhook_id: str
    message_id: str = Field(description="The same for every attempt.")
    event: Event
    body: str
    state: DeliveryState
    attempts: int
    status: int | None = Field(description="HTTP status of the last attempt.")
    message: str
    created_at: Moment
    due_at: Moment
    ended_at: Moment | None


class DeliveryPage(Answer):
    """Some deliveries, the newest first."""

    items: list[Delivery]
    next_cursor: str | None


class DeliveryAttempt(Answer):
    """One try to deliver."""

    at: Moment
    took_ns: int
    status: int | None
    message: str


class DeliveryAttempts(Answer):
    """All tries of a delivery, the oldest first."""

    items: list[DeliveryAttempt]


@resource.get("/webhooks", Permission.ADMINISTER)
async def list_webhooks(call: Calling) -> WebhookList:
    """List the webhooks, the oldest first."""
    return WebhookList(items=[Webhook.of(found) for found in await call.services.webhooks.list(call.actor)])


@resource.post("/webhooks", Permission.ADMINISTER, shows_secret=True)
async def create_webhook(call: Calling, new: NewWebhook) -> MadeWebhook:
    """Make a webhook."""
    webhook, secret = await call.services.webhooks.create(call.actor, new.url, new.events, note=new.note)
    call.made(f"/webhooks/{webhook.id}")
    return MadeWebhook(webhook=Webhook.of(webhook), secret=secret.reveal())


@resource.get("/webhooks/{webhook_id}", Permission.ADMINISTER)
async def get_webhook(call: Calling, webhook_id: Id) -> Webhook:
    """Tell about a webhook."""
    webhook = await call.services.webhooks.get(call.actor, webhook_id)
    call.shows(webhook.version)
    return Webhook.of(webhook)


@resource.put("/webhooks/{webhook_id}", Permission.ADMINISTER, conditional=True)
async def update_webhook(call: Calling, webhook_id: Id, changes: WebhookChanges) -> Webhook:
    """Change a webhook. Making it active again clears why it was stopped."""
    version = call.check_version((await call.services.webhooks.get(call.actor, webhook_id)).version)
    changed = await call.services.webhooks.update(
        call.actor,
        webhook_id,
        url=changes.url,
        events=changes.events,
        note=changes.note,
        active=changes.active,
        version=version,
    )
    call.shows(changed.version)
    return Webhook.of(changed)


@resource.delete("/webhooks/{webhook_id}", Permission.ADMINISTER, conditional=True)
async def delete_webhook(call: Calling, webhook_id: Id) -> None:
    """Remove a webhook with its deliveries and secrets."""
    call.check_version((await call.services.webhooks.get(call.actor, webhook_id)).version)
    await call.services.webhooks.delete(call.actor, webhook_id)


@resource.post("/webhooks/{webhook_id}/rotation", Permission.ADMINISTER, status=200, shows_secret=True)
async def rotate_webhook(call: Calling, webhook_id: Id, rotation: WebhookRotation) -> MadeWebhook:
    """Make a new secret; for a while messages carry signatures by both."""
    webhook, secret = await call.services.webhooks.rotate(
        call.actor, webhook_id, overlap_ns=rotation.overlap_s * _NS
    )
    return MadeWebhook(webhook=Webhook.of(webhook), secret=secret.reveal())


@resource.post("/webhooks/{webhook_id}/tests", Permission.ADMINISTER, status=202)
async def test_webhook(call: Calling, webhook_id: Id) -> Delivery:
    """Send a test message."""
    delivery = await call.services.webhooks.test(call.actor, webhook_id)
    await call.nudge()
    return Delivery.of(delivery)


@resource.get("/webhooks/{webhook_id}/deliveries", Permission.ADMINISTER, problems=(400,))
async def list_deliveries(
    call: Calling, webhook_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> DeliveryPage:
    """List the messages for a webhook, the newest first."""
    before = call.cursors.open(cursor)
    found = await call.services.webhooks.deliveries(
        call.actor, webhook_id, before=int(before) if before else None, limit=limit
    )
    more = str(found[-1].id) if len(found) == limit else None
    return DeliveryPage(
        items=[Delivery.of(delivery) for delivery in found], next_cursor=call.cursors.make(more)
    )


@resource.get("/deliveries/{delivery_id}/attempts", Permission.ADMINISTER)
async def list_attempts(call: Calling, delivery_id: NumberedId) -> DeliveryAttempts:
    """List the tries of a delivery, the oldest first."""
    found = await call.services.webhooks.attempts(call.actor, delivery_id)
    return DeliveryAttempts(items=[DeliveryAttempt.of(attempt, at=attempt.at_ns) for attempt in found])


@resource.post("/deliveries/{delivery_id}/repetition", Permission.ADMINISTER, status=202)
async def redeliver(call: Calling, delivery_id: NumberedId) -> Delivery:
    """Send a message again, under the same id."""
    delivery = await call.services.webhooks.redeliver(call.actor, delivery_id)
    await call.nudge()
    return Delivery.of(delivery)
