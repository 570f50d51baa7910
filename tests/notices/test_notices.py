from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, update
from tests.database_url import Kind, on_both
from tests.migrations.office import Office, S, made_template, may_only, opened
from tests.notices.receiver import Receiver, receiving

from mover.accounts.actor import Actor, Permission
from mover.accounts.refusals import NoSuchThing, NotPossible
from mover.accounts.tables import memberships, people
from mover.database.database import Database
from mover.errors import InvalidConfiguration, PermissionDenied, Unreachable
from mover.mail.message import Message
from mover.migrations.records import Counts, MailRule
from mover.migrations.states import RunCode, RunState, Trigger
from mover.migrations.tables import pair_runs
from mover.notices.delivering import PAUSES_S, Deliverer
from mover.notices.events import Event
from mover.notices.outbox import put_event
from mover.notices.queries import claim
from mover.notices.records import DeliveryState
from mover.notices.tables import run_mails, webhook_deliveries
from mover.notices.webhooks import WebhookOvertaken, Webhooks
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault

pytestmark = on_both

ALL = (Event.RUN_STARTED, Event.RUN_ENDED, Event.MIGRATION_ENDED, Event.CONNECTION_FAILED)


class Postbox:
    """Takes mail, or refuses it."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.fails = False

    async def send(self, message: Message) -> None:
        if self.fails:
            raise Unreachable("the mail server is down")
        self.sent.append(message)


class Post:
    """All that notices need."""

    def __init__(self, office: Office, folder: Path, allowed: PrivateAddresses) -> None:
        self.office = office
        self.clock = office.clock
        self.vault = Vault(office.database, FileKeyProvider(folder / "global.key"))
        self.webhooks = Webhooks(
            office.database, self.vault, office.auditor, allow_plain=True, now_ns=self.clock
        )
        self.egress = Egress(allowed=allowed)
        self.mail = Postbox()
        self.deliverer = self.another_deliverer()

    def another_deliverer(self) -> Deliverer:
        return Deliverer(
            self.office.database,
            self.vault,
            self.egress,
            self.mail,
            public_url="https://mover.example.org/",
            allow_plain=True,
            now_ns=self.clock,
        )


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(made_template(tmp_path_factory.mktemp("template")))


@pytest.fixture
async def database(template: Path, database_kind: Kind) -> AsyncIterator[Database]:  # noqa: ARG001 - chosen before
    async with opened(template) as database:
        yield database


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.fixture
async def ann(office: Office) -> Actor:
    return await office.organisation("acme")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def post(office: Office, tmp_path: Path) -> Post:
    return Post(office, tmp_path, PrivateAddresses(every=True))


def is_signed(secret: Secret, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it by the Standard Webhooks specification, without our code."""
    key = base64.b64decode(secret.reveal().split("_")[1])
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}".encode()
    expected = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return expected in headers["webhook-signature"].split(" ")


async def run_one(office: Office, ann: Actor, code: int = 100) -> None:
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    await office.work.end(
        run.id, "r1", code, counts=Counts(files_copied=2), failed_connection_id="acme-source"
    )


async def test_a_run_is_told_of_once_signed_and_with_nothing_secret(
    post: Post, office: Office, ann: Actor, receiver: Receiver
):
    hook, secret = await post.webhooks.create(ann, receiver.url, ALL)
    await run_one(office, ann, 402)

    assert await post.deliverer.deliver_due() == 3
    assert await post.deliverer.deliver_due() == 0

    told = {json.loads(one.body)["type"]: json.loads(one.body)["data"] for one in receiver.received}
    assert set(told) == {"run.ended", "connection.failed", "migration.ended"}
    assert (told["run.ended"]["code"], told["run.ended"]["status"]) == (402, "Failed")
    assert told["connection.failed"]["connection"] == "source"
    assert told["migration.ended"]["pairs_by_status"] == {"Failed": 1}
    for one in receiver.received:
        assert is_signed(secret, one.headers, one.body)
        assert one.headers["webhook-timestamp"] == str(office.clock.ns // S)
        assert not is_signed(secret, one.headers, one.body + b" ")
    [first, *_] = await post.webhooks.deliveries(ann, hook.id)
    assert (first.state, first.status, first.attempts) == (DeliveryState.DELIVERED, 204, 1)
    assert secret.reveal() not in str(await office.rows(webhook_deliveries))


async def test_nothing_is_told_that_was_not_committed_or_not_asked_for(
    post: Post, office: Office, ann: Actor, receiver: Receiver
):
    await post.webhooks.create(ann, receiver.url, [Event.CONNECTION_FAILED])
    eve = await office.organisation("evil")
    await post.webhooks.create(eve, receiver.url, ALL)
    await run_one(office, ann)
    assert await post.deliverer.deliver_due() == 0


async def test_a_failing_receiver_is_tried_again_with_the_same_id_and_given_up_after_three_days(
    post: Post, office: Office, ann: Actor, receiver: Receiver
):
    hook, _ = await post.webhooks.create(ann, receiver.url, [Event.RUN_ENDED])
    receiver.answers = [b"500 No"]
    await run_one(office, ann)
    begun = office.clock.ns
    tries = 0
    [delivery] = await post.webhooks.deliveries(ann, hook.id)
    while await post.deliverer.deliver_due():
        tries += 1
        [delivery] = await post.webhooks.deliveries(ann, hook.id)
        office.clock.ns = max(office.clock.ns, delivery.due_ns)
    assert len(PAUSES_S) < tries < 20
    assert office.clock.ns - begun == 3 * 86_400 * S
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
    assert delivery.state is DeliveryState.FAILED
    stopped = await post.webhooks.get(ann, hook.id)
    assert (stopped.active, stopped.stopped_reason) == (False, "nothing could be delivered for three days")
    attempts = await post.webhooks.attempts(ann, delivery.id)
    assert len(attempts) == tries
    assert {(one.status, one.message) for one in attempts} == {(500, "the receiver answered with 500")}

    await post.webhooks.redeliver(ann, delivery.id)
    assert await post.deliverer.deliver_due() == 0, "it is stopped"
    await post.webhooks.update(
        ann,
        hook.id,
        url=receiver.url,
        events=[Event.RUN_ENDED],
        note="",
        active=True,
        version=stopped.version,
    )
    receiver.answers = [b"200 OK"]
    assert await post.deliverer.deliver_due() == 1
    with pytest.raises(WebhookOvertaken):
        await post.webhooks.update(
            ann, hook.id, url=receiver.url, events=ALL, note="", active=True, version=stopped.version
        )


async def test_a_redirect_is_not_followed_and_a_receiver_that_is_gone_is_stopped_at_once(
    post: Post, ann: Actor, receiver: Receiver
):
    hook, _ = await post.webhooks.create(ann, receiver.url, ALL)
    receiver.answers = [b"307 Elsewhere", b"410 Gone"]
    await post.webhooks.test(ann, hook.id)
    await post.deliverer.deliver_due()
    assert (await post.webhooks.get(ann, hook.id)).active
    post.clock.advance(10)
    await post.deliverer.deliver_due()
    assert (await post.webhooks.get(ann, hook.id)).stopped_reason == "the receiver says that it is gone (410)"
    assert [one.target for one in receiver.received] == ["/hook", "/hook"]
    with pytest.raises(NotPossible):
        await post.webhooks.test(ann, hook.id)


async def test_two_deliverers_never_send_the_same_and_a_dead_one_is_taken_over_from(
    post: Post, ann: Actor, receiver: Receiver
):
    hook, _ = await post.webhooks.create(ann, receiver.url, ALL)
    for _ in range(12):
        await post.webhooks.test(ann, hook.id)
    sent = await asyncio.gather(*(post.another_deliverer().deliver_due() for _ in range(4)))
    assert sum(sent) == 12
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 12

    await post.webhooks.test(ann, hook.id)
    receiver.pause = asyncio.Event()
    receiver.came.clear()
    dying = asyncio.create_task(post.another_deliverer().deliver_due())
    await receiver.came.wait()
    assert await post.deliverer.deliver_due() == 0, "somebody has it"
    dying.cancel()
    await asyncio.wait([dying])
    receiver.pause.set()
    post.clock.advance(121)
    assert await post.deliverer.deliver_due() == 1


async def test_a_new_secret_signs_beside_the_old_one_for_a_while(post: Post, ann: Actor, receiver: Receiver):
    hook, old = await post.webhooks.create(ann, receiver.url, ALL)
    _, new = await post.webhooks.rotate(ann, hook.id)
    await post.webhooks.test(ann, hook.id)
    await post.deliverer.deliver_due()
    post.clock.advance(86_400)
    await post.webhooks.test(ann, hook.id)
    await post.deliverer.deliver_due()
    both, one = receiver.received
    assert is_signed(old, both.headers, both.body)
    assert is_signed(new, both.headers, both.body)
    assert is_signed(new, one.headers, one.body)
    assert not is_signed(old, one.headers, one.body)


async def test_what_is_done_to_webhooks_is_told_without_their_addresses(
    post: Post, office: Office, ann: Actor
):
    url = "https://hooks.example.org/services/T0000/very-secret-path?token=hidden"
    hook, secret = await post.webhooks.create(ann, url, [Event.RUN_ENDED], note="chat")

    async def put(*, active: bool) -> None:
        await post.webhooks.update(
            ann, hook.id, url=url, events=hook.events, note="chat", active=active, version=None
        )

    await put(active=True)  # as it was
    await put(active=False)
    _, new = await post.webhooks.rotate(ann, hook.id)
    await post.webhooks.delete(ann, hook.id)

    events = [event for event in (await office.auditor.page(ann)).events if "webhook" in event.action]
    assert {event.subject for event in events} == {"webhook to hooks.example.org"}
    assert [(event.action, event.details) for event in reversed(events)] == [
        ("webhook.created", {"id": hook.id, "events": Event.RUN_ENDED.value}),
        ("webhook.changed", {"id": hook.id, "changed": "active"}),
        ("webhook.secret_rotated", {"id": hook.id}),
        ("webhook.deleted", {"id": hook.id}),
    ]
    for hidden in ("very-secret-path", "token=", secret.reveal(), new.reveal()):
        assert hidden not in repr(events)


async def test_private_addresses_are_not_posted_to(
    office: Office, ann: Actor, receiver: Receiver, tmp_path: Path
):
    post = Post(office, tmp_path, PrivateAddresses())
    hook, _ = await post.webhooks.create(ann, receiver.url, ALL)
    await post.webhooks.test(ann, hook.id)
    assert await post.deliverer.deliver_due() == 1
    assert receiver.received == []
    [delivery] = await post.webhooks.deliveries(ann, hook.id)
    assert delivery.state is DeliveryState.WAITING
    assert "not allowed" in delivery.message or "private" in delivery.message or "allow" in delivery.message


IMPOSSIBLE_ADDRESSES = [
    "http://example.org/",
    "ftp://example.org/",
    "https://",
    "https://user:pw@example.org/",
    "https://example.org/#x",
    "https://example.org/ x",
    "https://example.org/\r\nX: y",
    "https://exämple.org/",
    "https://example.org:99999/",
    "https://[::1/",
    "https://example.org/" + "x" * 2_000,
]


async def test_addresses_that_cannot_be_are_refused(office: Office, ann: Actor, tmp_path: Path):
    strict = Webhooks(
        office.database, Vault(office.database, FileKeyProvider(tmp_path / "key")), office.auditor
    )
    for url in IMPOSSIBLE_ADDRESSES:
        with pytest.raises(InvalidConfiguration):
            await strict.create(ann, url, ALL)


async def test_webhooks_are_for_administrators_of_their_organisation(
    post: Post, office: Office, ann: Actor, receiver: Receiver
):
    hook, _ = await post.webhooks.create(ann, receiver.url, ALL)
    delivery = await post.webhooks.test(ann, hook.id)
    eve = await office.organisation("evil")
    planner = may_only("acme", Permission.READ, Permission.PLAN, Permission.RUN)
    for who, error in ((eve, NoSuchThing), (planner, PermissionDenied)):
        for call in (
            post.webhooks.get(who, hook.id),
            post.webhooks.delete(who, hook.id),
            post.webhooks.rotate(who, hook.id),
            post.webhooks.test(who, hook.id),
            post.webhooks.deliveries(who, hook.id),
            post.webhooks.attempts(who, delivery.id),
            post.webhooks.redeliver(who, delivery.id),
        ):
            with pytest.raises(error):
                await call
    assert await post.webhooks.list(eve) == ()
    await post.webhooks.delete(ann, hook.id)
    assert await office.rows(webhook_deliveries) == []
    assert await post.vault.fetch_all("organisation:acme", f"webhook:{hook.id}") == {}


async def test_mail_is_sent_later_when_the_server_is_down_and_to_members_only(
    post: Post, office: Office, ann: Actor
):
    migration = await office.migration(ann, 1, mail=MailRule.COMPLETION, mail_to=("acme-owner",))
    for _ in range(2):
        await office.start(ann, migration)
        [run] = await office.take()
        await office.finish(run, 100)
    post.mail.fails = True
    assert await post.deliverer.deliver_due() == 2
    post.mail.fails = False
    assert await post.deliverer.deliver_due() == 0
    post.clock.advance(5)
    assert await post.deliverer.deliver_due(1) == 1
    [message] = post.mail.sent
    assert (message.to, message.subject) == ("owner@acme.test", "move: everything ended well")
    await office.database.write(lambda connection: connection.execute(delete(memberships)).rowcount)
    assert await post.deliverer.deliver_due() == 1
    assert len(post.mail.sent) == 1
    assert [mail.message for mail in await office.rows(run_mails)] == [
        "",
        "the person has left the organisation",
    ]


async def another_person(office: Office) -> None:
    """Bob, of the organisation acme."""

    def work(connection: Connection) -> None:
        bob = {"id": "bob", "email": "bob@acme.test", "name": "Bob", "created_ns": 0}
        connection.execute(insert(people).values(bob))
        belongs = {"organisation_id": "acme", "person_id": "bob", "role": "viewer", "created_ns": 0}
        connection.execute(insert(memberships).values(belongs))

    await office.database.write(work)


async def test_one_mail_for_all_runs_that_wait_for_a_key_to_who_started_them_and_who_is_told_of_the_migration(
    post: Post, office: Office, ann: Actor
):
    await another_person(office)
    starter = replace(ann, name="owner@acme.test")
    migration = await office.migration(ann, 3, mail=MailRule.ERRORS, mail_to=("acme-owner", "bob"))
    await office.start(starter, migration)
    runs = await office.take(3)
    for run in runs[:2]:
        await office.work.await_keys(run.id, "r1", "the password has to be given again")
    assert await post.deliverer.deliver_due() == 2
    assert {message.to for message in post.mail.sent} == {"bob@acme.test", "owner@acme.test"}
    for message in post.mail.sent:
        assert message.subject == "move: a run waits for its key"
        assert "the password has to be given again" in message.paragraphs[0]
        page = f"https://mover.example.org/migrations/{migration.id}/keys"
        assert (message.link, message.link_label) == (page, "Give the key")

    # When those that waited have their key, the next one that waits is told anew.
    ready = {"state": RunState.QUEUED.value, "code": RunCode.QUEUED.value}
    await office.database.write(
        lambda connection: connection.execute(
            update(pair_runs).where(pair_runs.c.state == RunState.PAUSED.value).values(ready)
        )
    )
    await office.work.await_keys(runs[2].id, "r1", "once more")
    assert await post.deliverer.deliver_due() == 2
    assert "once more" in post.mail.sent[2].paragraphs[0]


@pytest.mark.parametrize(("trigger", "mails"), [(Trigger.BY_HAND, 1), (Trigger.SCHEDULE, 0)])
async def test_where_no_mail_is_wanted_only_who_started_it_by_hand_is_asked_for_the_key(
    post: Post, office: Office, ann: Actor, trigger: Trigger, mails: int
):
    await another_person(office)
    migration = await office.migration(ann, 1, mail=MailRule.NEVER, mail_to=("bob",))
    await office.start(replace(ann, name="owner@acme.test"), migration, trigger=trigger)
    (run,) = await office.take()
    await office.work.await_keys(run.id, "r1", "no key was given")
    assert await post.deliverer.deliver_due() == mails
    assert [message.to for message in post.mail.sent] == ["owner@acme.test"] * mails


async def test_a_webhook_with_much_to_be_told_keeps_no_other_waiting(post: Post, ann: Actor, office: Office):
    eve = await office.organisation("evil")
    slow, _ = await post.webhooks.create(eve, "https://slow.example/", ALL)
    quick, _ = await post.webhooks.create(ann, "https://quick.example/", ALL)

    def work(connection: Connection) -> list[str]:
        for _ in range(30):
            put_event(connection, "evil", Event.RUN_ENDED, {}, office.clock())
        put_event(connection, "acme", Event.RUN_ENDED, {}, office.clock() + S)
        now_ns = office.clock() + 2 * S
        taken = claim(connection, webhook_deliveries, "c", now_ns=now_ns, until_ns=now_ns + S, limit=8)
        return [row.webhook_id for row in taken]

    taken = await office.database.write(work)
    assert (taken.count(slow.id), taken.count(quick.id)) == (7, 1)


async def test_a_webhook_that_refuses_one_message_and_takes_others_is_not_stopped(
    post: Post, office: Office, ann: Actor, receiver: Receiver
):
    hook, _ = await post.webhooks.create(ann, receiver.url, [Event.RUN_ENDED])
    receiver.answers = [b"400 No"]
    await run_one(office, ann)
    assert await post.deliverer.deliver_due() == 1
    receiver.answers = [b"204 No Content"]
    await post.webhooks.test(ann, hook.id)
    assert await post.deliverer.deliver_due() == 1
    receiver.answers = [b"400 No"]
    office.clock.advance(3 * 86_400)
    assert await post.deliverer.deliver_due() == 1
    refused = (await post.webhooks.deliveries(ann, hook.id))[-1]
    assert refused.state is DeliveryState.FAILED
    assert (await post.webhooks.get(ann, hook.id)).active
