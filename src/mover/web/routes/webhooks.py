"""Webhooks: addresses that are told when something happens, and what was delivered to them."""

from __future__ import annotations

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.errors import Conflict, InvalidConfiguration
from mover.notices.events import Event
from mover.notices.records import Webhook
from mover.web.forms import Form, sentence
from mover.web.routes.pair import number
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "webhooks"
_PAGE = 50
EVENTS = (
    (Event.RUN_STARTED, "A run of a pair began"),
    (Event.RUN_ENDED, "A run of a pair ended"),
    (Event.MIGRATION_ENDED, "All pairs that were started together ended"),
    (Event.RUN_WAITS_FOR_KEY, "A run waits for its key to be given"),
    (Event.CONNECTION_FAILED, "A connection cannot be used any more"),
)


async def webhooks(visit: Visit) -> Response:
    """List them."""
    return visit.page(
        "webhooks.html",
        place=_PLACE,
        webhooks=await visit.house.services.webhooks.list(visit.actor),
        event_words=dict(EVENTS),
    )


async def new_webhook(visit: Visit) -> Response:
    """Ask where to send what."""
    return _form(visit, Form(), {Event.RUN_ENDED.value, Event.MIGRATION_ENDED.value})


def _form(visit: Visit, form: Form, chosen: set[str], webhook: Webhook | None = None) -> Response:
    show = visit.again if form.faults else visit.page
    return show(
        "webhook_form.html",
        place=_PLACE,
        form=form,
        events=[(event.value, word) for event, word in EVENTS],
        chosen=chosen,
        webhook=webhook,
    )


def _events(visit: Visit) -> list[Event]:
    chosen = set(visit.texts("event"))
    return [event for event, _ in EVENTS if event.value in chosen]


async def create(visit: Visit) -> Response:
    """Add a webhook, and show its secret this once."""
    form = visit.filled_in("url", "note")
    events = _events(visit)
    form.require(url="Type the address that is to be told.")
    if not events:
        form.faults["event"] = "Choose what it is told about."
    if form.faults:
        return _form(visit, form, set(events))
    try:
        webhook, secret = await visit.house.services.webhooks.create(
            visit.actor, form.values["url"].strip(), events, note=form.values["note"].strip()
        )
    except InvalidConfiguration as error:
        form.faults["url"] = sentence(error)
        return _form(visit, form, set(events))
    return visit.page(
        "webhook_shown.html", place=_PLACE, webhook=webhook, secret=secret.reveal(), rotated=False
    )


async def webhook(visit: Visit) -> Response:
    """Show a webhook, and what was delivered to it."""
    services = visit.house.services
    found = await services.webhooks.get(visit.actor, visit.parameter("webhook_id"))
    before = number(visit.query("before")) or None
    deliveries = await services.webhooks.deliveries(visit.actor, found.id, before=before, limit=_PAGE)
    return visit.page(
        "webhook.html",
        place=_PLACE,
        webhook=found,
        deliveries=deliveries,
        more=deliveries[-1].id if len(deliveries) == _PAGE else None,
        event_words=dict(EVENTS),
        now_ns=visit.house.now_ns(),
    )


async def settings(visit: Visit) -> Response:
    """Show what was decided about a webhook."""
    found = await visit.house.services.webhooks.get(visit.actor, visit.parameter("webhook_id"))
    form = Form(
        {
            "url": found.url,
            "note": found.note,
            "active": "yes" if found.active else "",
            "version": str(found.version),
        }
    )
    return _form(visit, form, {event.value for event in found.events}, found)


async def change(visit: Visit) -> Response:
    """Decide something else about a webhook."""
    services = visit.house.services
    found = await services.webhooks.get(visit.actor, visit.parameter("webhook_id"))
    form = visit.filled_in("url", "note", "active", "version")
    events = _events(visit)
    form.require(url="Type the address that is to be told.")
    if not events:
        form.faults["event"] = "Choose what it is told about."
    if form.faults:
        return _form(visit, form, set(events), found)
    try:
        await services.webhooks.update(
            visit.actor,
            found.id,
            url=form.values["url"].strip(),
            events=events,
            note=form.values["note"].strip(),
            active=form.values["active"] == "yes",
            version=number(form.values["version"]) or found.version,
        )
    except InvalidConfiguration as error:
        form.faults["url"] = sentence(error)
        return _form(visit, form, set(events), found)
    except Conflict as error:
        form.faults[""] = f"{sentence(error)} Load the page again to see what is there now."
        return _form(visit, form, set(events), found)
    return visit.go(f"/webhooks/{found.id}", "The webhook is changed.")


async def delivery(visit: Visit) -> Response:
    """Show the tries of a delivery, as a part of the page."""
    services = visit.house.services
    found = await services.webhooks.get(visit.actor, visit.parameter("webhook_id"))
    attempts = await services.webhooks.attempts(visit.actor, number(visit.parameter("delivery_id")))
    return visit.page("webhook_attempts.html", place=_PLACE, webhook=found, attempts=attempts)


async def act(visit: Visit) -> Response:
    """Send a test, send again, make a new secret, or delete."""
    services = visit.house.services
    found = await services.webhooks.get(visit.actor, visit.parameter("webhook_id"))
    where = f"/webhooks/{found.id}"
    match visit.text("act"):
        case "test":
            await services.webhooks.test(visit.actor, found.id)
            return visit.go(
                where, "A test message is on its way. Load the page again to see what came of it."
            )
        case "again":
            try:
                await services.webhooks.redeliver(visit.actor, number(visit.text("delivery")))
            except Conflict as error:
                return visit.go(where, sentence(error), tone="bad")
            return visit.go(where, "The message is sent again.")
        case "rotate":
            changed, secret = await services.webhooks.rotate(visit.actor, found.id)
            return visit.page(
                "webhook_shown.html", place=_PLACE, webhook=changed, secret=secret.reveal(), rotated=True
            )
        case "delete":
            await services.webhooks.delete(visit.actor, found.id)
            return visit.go("/webhooks", "The webhook is deleted.")
        case _:
            raise InvalidConfiguration("this page does not know what to do; load it again")


async def ask_to_delete(visit: Visit) -> Response:
    """Say what deleting means, and ask."""
    found = await visit.house.services.webhooks.get(visit.actor, visit.parameter("webhook_id"))
    return visit.page("webhook_delete.html", place=_PLACE, webhook=found)


WAYS = (
    Way("GET", "/webhooks", Permission.ADMINISTER, webhooks),
    Way("GET", "/webhooks/new", Permission.ADMINISTER, new_webhook),
    Way("POST", "/webhooks/new", Permission.ADMINISTER, create),
    Way("GET", "/webhooks/{webhook_id}", Permission.ADMINISTER, webhook),
    Way("POST", "/webhooks/{webhook_id}", Permission.ADMINISTER, act),
    Way("GET", "/webhooks/{webhook_id}/settings", Permission.ADMINISTER, settings),
    Way("POST", "/webhooks/{webhook_id}/settings", Permission.ADMINISTER, change),
    Way("GET", "/webhooks/{webhook_id}/delete", Permission.ADMINISTER, ask_to_delete),
    Way("GET", "/webhooks/{webhook_id}/deliveries/{delivery_id}", Permission.ADMINISTER, delivery),
)
