"""All that a runner does besides moving files works with its role: secrets, notices, schedules, and what is tidied up."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from tests.isolation.separated import SeparatedServer
from tests.runner.stage import Organisation, filled

from mover.accounts.tables import memberships, people
from mover.connections.tables import connections
from mover.database.roles.words import Role
from mover.mail.message import Message
from mover.migrations.retention import Retention
from mover.migrations.scheduler import Scheduler
from mover.migrations.tables import migration_pairs, migrations, pair_imports, pair_runs, schedules
from mover.notices.delivering import Deliverer
from mover.notices.events import Event
from mover.notices.outbox import put_event, put_mails
from mover.notices.tables import run_mails, webhook_attempts, webhook_deliveries, webhooks
from mover.notices.webhooks import SECRET, holder, owner
from mover.runner.housekeeping import Housekeeper
from mover.settings import PrivateAddresses, Settings
from mover.vault.secret import Secret
from mover.vault.tables import secrets
from mover.workplace.upload_keys import OWNER as UPLOADS
from mover.workplace.upload_keys import VaultUploadKeys
from mover.workplace.workplace import Workplace, open_workplace

pytestmark = [pytest.mark.servers, pytest.mark.promise("isolation")]
DAY_NS = 24 * 3600 * 10**9
KEY = Secret(token_hex(32))


@pytest.fixture(scope="module")
def database(separated: SeparatedServer) -> SeparatedServer:
    return separated.another("rights")


@pytest.fixture
async def places(database: SeparatedServer, tmp_path: Path) -> AsyncIterator[tuple[Workplace, Workplace]]:
    """What the API has open, and what a runner has."""
    async with AsyncExitStack() as stack:
        api, runner = [
            await stack.enter_async_context(
                open_workplace(
                    Settings(
                        home=tmp_path / role,
                        database_url=Secret(database.url(role)),
                        global_key=KEY,
                        local_folders=(tmp_path,),
                        allow_private_addresses=PrivateAddresses(every=True),
                    )
                )
            )
            for role in (Role.API, Role.RUNNER)
        ]
        yield api, runner


class Post:
    """Takes mail."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)


async def test_everything_that_is_a_runners(places: tuple[Workplace, Workplace], tmp_path: Path) -> None:
    api, runner = places
    now = time.time_ns()
    organisation = await Organisation.make(api, tmp_path)
    (run_id,) = await organisation.start("/old")
    webhook_id = token_hex(16)

    def fill(c: Any) -> None:
        c.execute(insert(people), filled(people, id="p" * 32, email="ann@example.org", name="Ann"))
        c.execute(
            insert(memberships),
            filled(memberships, organisation_id=organisation.id, person_id="p" * 32, role="owner"),
        )
        c.execute(
            insert(schedules),
            filled(
                schedules,
                id=token_hex(16),
                organisation_id=organisation.id,
                migration_id=organisation.migration_id,
                name="nightly",
                timing='{"every":"daily","at":"03:00"}',
                mode="copy",
                active=True,
                next_ns=now - 1,
            ),
        )
        c.execute(
            insert(webhooks),
            filled(
                webhooks,
                id=webhook_id,
                organisation_id=organisation.id,
                url="https://127.0.0.1:1/",
                events=Event.RUN_ENDED,
                active=True,
            ),
        )
        put_event(c, organisation.id, Event.RUN_ENDED, {"id": 1}, now)
        put_mails(c, organisation.id, ["p" * 32], "It has ended", ["All of it."], now)
        c.execute(
            insert(pair_imports),
            filled(
                pair_imports,
                id=token_hex(16),
                organisation_id=organisation.id,
                migration_id=organisation.migration_id,
            ),
        )
        old = now - 400 * DAY_NS
        c.execute(
            update(connections)
            .where(connections.c.id == organisation.source_id)
            .values(created_ns=old, last_used_ns=old)
        )
        c.execute(update(pair_runs).where(pair_runs.c.id == run_id).values(state="ended", ended_ns=old))
        c.execute(update(migration_pairs).values(open_run=None, status="success"))

    await api.database.write(fill)
    await api.vault.store(holder(organisation.id), owner(webhook_id), SECRET, Secret("whsec_" + "QQ" * 20))
    await api.vault.store(
        holder(organisation.id), f"connection:{organisation.destination_id}", "access_token", Secret("before")
    )
    await api.vault.store(f"person:{'p' * 32}", "totp:p", "secret", Secret("a seed"))

    # Tokens are exchanged by whichever runner comes first.
    async def exchange(_before: dict[str, Secret]) -> dict[str, Secret]:
        return {"access_token": Secret("after")}

    fresh = await runner.vault.refresh(
        holder(organisation.id),
        f"connection:{organisation.destination_id}",
        ["access_token"],
        exchange,
        lambda found: found["access_token"].reveal() == "after",
    )
    assert fresh["access_token"].reveal() == "after"
    assert await runner.vault.fetch_all(f"person:{'p' * 32}", "totp:p") == {}

    post = Post()
    tried = await Deliverer(
        runner.database, runner.vault, runner.egress, post, public_url="https://mover.example.org"
    ).deliver_due()
    assert tried == 2
    assert [message.to for message in post.sent] == ["ann@example.org"]
    found = await api.database.read(
        lambda c: list(c.execute(select(webhook_deliveries.c.attempts, webhook_deliveries.c.message)))
    )
    assert found[0].attempts == 1
    assert "vault" not in found[0].message  # it had the secret, and nobody answered

    assert await Scheduler(runner.database).fire_due() == [organisation.id]

    await api.database.write(
        lambda c: c.execute(
            update(migrations).where(migrations.c.id == organisation.migration_id).values(removed_ns=now)
        )
    )
    await api.database.write(
        lambda c: c.execute(update(pair_runs).values(state="ended", ended_ns=now - 400 * DAY_NS))
    )
    await api.database.write(
        lambda c: [
            c.execute(update(table).values(created_ns=now - 400 * DAY_NS))
            for table in (webhook_deliveries, run_mails)
        ]
    )
    swept = await Housekeeper(runner, Retention(runner.database)).tidy_up(lambda: None)
    assert swept.connections == 1
    assert swept.rows >= 5
    left = await api.database.read(
        lambda c: [
            list(c.execute(select(table).limit(1)))
            for table in (webhook_deliveries, webhook_attempts, run_mails, pair_imports)
        ]
    )
    assert left == [[], [], [], []]
    gone = select(migrations.c.id).where(migrations.c.id == organisation.migration_id)
    assert await api.database.read(lambda c: c.execute(gone).first()) is None
    kept = await api.database.read(lambda c: set(c.scalars(select(secrets.c.owner))))
    assert "totp:p" in kept


async def test_a_runner_keeps_the_key_of_an_unfinished_upload(
    places: tuple[Workplace, Workplace], tmp_path: Path
) -> None:
    api, runner = places
    organisation = await Organisation.make(
        api, tmp_path
    )  # whose connections are folders: it has no other secret
    keys = VaultUploadKeys(runner.vault, f"organisation:{organisation.id}")

    token = (await keys.cipher(1, along=bool)).seal(Secret("a right to write"), "/large")
    again = (await keys.cipher(1, along=bool)).unseal(token, "/large")
    assert await runner.vault.owners(UPLOADS) == [(f"organisation:{organisation.id}", f"{UPLOADS}1")]
    await keys.destroy(1, along=bool)

    assert again == Secret("a right to write")
    assert await runner.vault.owners(UPLOADS) == []
