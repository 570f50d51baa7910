"""The webhooks of an organisation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, update

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.accounts.refusals import NotPossible
from mover.database.database import Database
from mover.errors import Conflict, InvalidConfiguration
from mover.notices import queries
from mover.notices.events import Event
from mover.notices.outbox import GIVE_UP_NS, put_event
from mover.notices.records import Attempt, Delivery, DeliveryState, Webhook
from mover.notices.signatures import new_secret
from mover.notices.tables import webhook_deliveries, webhooks
from mover.vault.secret import Secret
from mover.vault.vault import Vault

SECRET = "secret"  # noqa: S105 - a field's name
PREVIOUS = "previous"
WEBHOOK_CREATED = "webhook.created"
WEBHOOK_CHANGED = "webhook.changed"
WEBHOOK_DELETED = "webhook.deleted"
WEBHOOK_ROTATED = "webhook.secret_rotated"
_DECIDED = ("url", "events", "note", "active")
_DAY_NS = 86_400 * 1_000_000_000
_LONGEST_URL = 2_000
_LONGEST_NOTE = 500
_MOST = 50
_MOST_DELIVERIES = 500


def holder(organisation_id: str) -> str:
    """Whose the secrets are in the vault."""
    return f"organisation:{organisation_id}"


def owner(webhook_id: str) -> str:
    """Where the secrets of a webhook are in the vault."""
    return f"webhook:{webhook_id}"


class Webhooks:
    """Needs ADMINISTER. Secrets are shown once, when they are made.

    Args:
        database: Holds all but secrets.
        vault: Holds the secrets.
        auditor: Keeps what happened.
        allow_plain: Also take `http://`, for demos and tests.
        now_ns: The clock.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        auditor: Auditor,
        *,
        allow_plain: bool = False,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._vault = vault
        self._auditor = auditor
        self._allow_plain = allow_plain
        self._now_ns = now_ns

    async def create(
        self, actor: Actor, url: str, events: Sequence[Event], *, note: str = ""
    ) -> tuple[Webhook, Secret]:
        """Add a webhook and make its secret (`whsec_...`). Raises InvalidConfiguration.

        Whether the address may be connected to is looked at with each delivery, since names change their addresses.
        """
        actor.require(Permission.ADMINISTER)
        values = self._values(url, events, note)
        webhook_id, secret, now_ns = token_hex(16), new_secret(), self._now_ns()

        def add(connection: Connection) -> None:
            if len(queries.all_webhooks(connection, actor.organisation_id)) >= _MOST:
                raise InvalidConfiguration(f"an organisation has at most {_MOST} webhooks")
            connection.execute(
                insert(webhooks).values(
                    **values,
                    id=webhook_id,
                    organisation_id=actor.organisation_id,
                    active=True,
                    stopped_reason="",
                    version=1,
                    created_ns=now_ns,
                    changed_ns=now_ns,
                )
            )
            made = queries.webhook(connection, actor.organisation_id, webhook_id)
            self._note(connection, actor, WEBHOOK_CREATED, made, events=values["events"])

        await self._vault.store(holder(actor.organisation_id), owner(webhook_id), SECRET, secret, along=add)
        return await self.get(actor, webhook_id), secret

    async def list(self, actor: Actor) -> tuple[Webhook, ...]:
        """All of them, oldest first."""
        actor.require(Permission.ADMINISTER)
        return await self._database.read(
            lambda connection: queries.all_webhooks(connection, actor.organisation_id)
        )

    async def get(self, actor: Actor, webhook_id: str) -> Webhook:
        """Find one."""
        actor.require(Permission.ADMINISTER)
        return await self._database.read(
            lambda connection: queries.webhook(connection, actor.organisation_id, webhook_id)
        )

    async def update(
        self,
        actor: Actor,
        webhook_id: str,
        *,
        url: str,
        events: Sequence[Event],
        note: str,
        active: bool,
        version: int | None,
    ) -> Webhook:
        """Change it; making it active again clears why it was stopped. Raises InvalidConfiguration, Overtaken."""
        actor.require(Permission.ADMINISTER)
        values = self._values(url, events, note)

        def work(connection: Connection) -> Webhook:
            before = queries.webhook(connection, actor.organisation_id, webhook_id)
            statement = update(webhooks).where(webhooks.c.id == webhook_id)
            if version is not None:
                statement = statement.where(webhooks.c.version == version)
            if active:
                values["stopped_reason"] = ""
            changed = connection.execute(
                statement.values(
                    **values,
                    active=active,
                    version=webhooks.c.version + 1,
                    changed_ns=self._now_ns(),
                )
            )
            if changed.rowcount != 1:
                raise WebhookOvertaken("the webhook was changed meanwhile")
            after = queries.webhook(connection, actor.organisation_id, webhook_id)
            names = [name for name in _DECIDED if getattr(before, name) != getattr(after, name)]
            if names:
                self._note(connection, actor, WEBHOOK_CHANGED, after, changed=", ".join(names))
            return after

        return await self._database.write(work)

    async def delete(self, actor: Actor, webhook_id: str) -> None:
        """Remove it with its deliveries and secrets."""
        actor.require(Permission.ADMINISTER)

        def remove(connection: Connection) -> None:
            gone = queries.webhook(connection, actor.organisation_id, webhook_id)
            self._note(connection, actor, WEBHOOK_DELETED, gone)
            connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))

        await self._vault.destroy(owner(webhook_id), along=remove)

    async def rotate(
        self, actor: Actor, webhook_id: str, *, overlap_ns: int = _DAY_NS
    ) -> tuple[Webhook, Secret]:
        """Make a new secret; for a while (a day, at most a week) messages carry signatures by both."""
        actor.require(Permission.ADMINISTER)
        if not 0 <= overlap_ns <= 7 * _DAY_NS:
            raise InvalidConfiguration("both secrets sign for at most a week")
        await self.get(actor, webhook_id)
        person = holder(actor.organisation_id)
        present = await self._vault.fetch(person, owner(webhook_id), SECRET)
        secret = new_secret()
        now_ns = self._now_ns()

        def change(connection: Connection) -> None:
            rotated = queries.webhook(connection, actor.organisation_id, webhook_id)
            self._note(connection, actor, WEBHOOK_ROTATED, rotated)
            connection.execute(
                update(webhooks)
                .where(webhooks.c.id == webhook_id)
                .values(
                    previous_until_ns=now_ns + overlap_ns,
                    version=webhooks.c.version + 1,
                    changed_ns=now_ns,
                )
            )

        await self._vault.replace(
            person, owner(webhook_id), {SECRET: secret, PREVIOUS: present}, along=change
        )
        return await self.get(actor, webhook_id), secret

    async def test(self, actor: Actor, webhook_id: str) -> Delivery:
        """Put a test message into the outbox. Raises NotPossible while the webhook is not active."""
        actor.require(Permission.ADMINISTER)

        def work(connection: Connection) -> Delivery:
            hook = queries.webhook(connection, actor.organisation_id, webhook_id)
            if not hook.active:
                raise NotPossible("the webhook is not active")
            data = {"webhook_id": webhook_id, "sent_by": actor.name}
            put_event(connection, actor.organisation_id, Event.TEST, data, self._now_ns(), only=webhook_id)
            return queries.deliveries(connection, webhook_id, None, 1)[0]

        return await self._database.write(work)

    async def deliveries(
        self, actor: Actor, webhook_id: str, *, before: int | None = None, limit: int = 50
    ) -> tuple[Delivery, ...]:
        """Deliveries with ids below `before`, newest first."""
        actor.require(Permission.ADMINISTER)
        if not 1 <= limit <= _MOST_DELIVERIES:
            raise InvalidConfiguration(f"from 1 to {_MOST_DELIVERIES} deliveries, not {limit}")

        def work(connection: Connection) -> tuple[Delivery, ...]:
            queries.webhook(connection, actor.organisation_id, webhook_id)
            return queries.deliveries(connection, webhook_id, before, limit)

        return await self._database.read(work)

    async def attempts(self, actor: Actor, delivery_id: int) -> tuple[Attempt, ...]:
        """All tries of a delivery, oldest first."""
        actor.require(Permission.ADMINISTER)

        def work(connection: Connection) -> tuple[Attempt, ...]:
            queries.delivery(connection, actor.organisation_id, delivery_id)
            return queries.attempts(connection, delivery_id)

        return await self._database.read(work)

    async def redeliver(self, actor: Actor, delivery_id: int) -> Delivery:
        """Send a message again, under the same id. Raises NotPossible while it waits anyway."""
        actor.require(Permission.ADMINISTER)
        now_ns = self._now_ns()

        def work(connection: Connection) -> Delivery:
            queries.delivery(connection, actor.organisation_id, delivery_id)
            changed = connection.execute(
                update(webhook_deliveries)
                .where(
                    webhook_deliveries.c.id == delivery_id,
                    webhook_deliveries.c.state != DeliveryState.WAITING.value,
                )
                .values(
                    state=DeliveryState.WAITING.value,
                    attempts=0,
                    due_ns=now_ns,
                    give_up_ns=now_ns + GIVE_UP_NS,
                    ended_ns=None,
                )
            )
            if changed.rowcount != 1:
                raise NotPossible("this message waits to be sent already")
            return queries.delivery(connection, actor.organisation_id, delivery_id)

        return await self._database.write(work)

    def _note(self, connection: Connection, actor: Actor, action: str, hook: Webhook, **details: str) -> None:
        """Keep one event. Of the address only the host: receivers are known whose path is the secret itself."""
        self._auditor.record(
            connection,
            actor,
            action,
            f"webhook to {urlsplit(hook.url).hostname}",
            {"id": hook.id, **details},
            now_ns=self._now_ns(),
        )

    def _values(self, url: str, events: Sequence[Event], note: str) -> dict[str, Any]:
        kinds = [event for event in Event if event in events and event is not Event.TEST]
        if not kinds:
            raise InvalidConfiguration("choose at least one event that the webhook is told about")
        if len(note) > _LONGEST_NOTE or "\0" in note:
            raise InvalidConfiguration(f"a note has at most {_LONGEST_NOTE} characters")
        return {
            "url": checked_url(url, allow_plain=self._allow_plain),
            "events": ",".join(kinds),
            "note": note,
        }


class WebhookOvertaken(Conflict):
    """It was changed by somebody else since it was read."""

    advice = "Look at it again, then decide anew."


def checked_url(url: str, *, allow_plain: bool) -> str:
    """Return an address that messages can be posted to. Raises InvalidConfiguration."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    else:
        usable = usable and parts.username is None and parts.password is None and not parts.fragment
        usable = usable and parts.scheme in ({"https", "http"} if allow_plain else {"https"})
    if not usable or len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidConfiguration(
            f"a webhook has an address such as https://example.org/hook, of at most {_LONGEST_URL} characters, "
            "percent-encoded, without user name and fragment"
        )
    return url
