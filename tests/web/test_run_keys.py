"""The page that takes keys for a run: what it hands on, and that it never shows it again."""

from __future__ import annotations

import logging
import re

import pytest
from sqlalchemy import select
from tests.api.installation import Running
from tests.database_url import Kind, in_use

from mover.migrations.given.handing import Handing
from mover.migrations.given.holding import Holding
from mover.migrations.given.tables import given_keys
from mover.migrations.given.wanted import GivenKeys, Wanted
from mover.migrations.options import PairOptions
from mover.migrations.records import NewMigration, NewPair
from mover.migrations.work import Limits, Work
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault

pytestmark = pytest.mark.promise("P11")

CANARY = "canary of a password 7"
HTML = {"Accept": "text/html,*/*"}


def vault_of(mover: Running) -> Vault:
    """As the runners of this installation have it."""
    return Vault(mover.services.database, FileKeyProvider(mover.services.settings.global_key_path))


async def a_pair(mover: Running) -> tuple[str, int]:
    """A migration with a pair that reads crypt, and its number."""
    services, actor = mover.services, mover.owner.session.signed_in.actor
    some = (await services.migrations.list(actor)).items[0]
    migration = await services.migrations.create(
        actor,
        NewMigration(
            name="opened",
            source_connection_id=some.source_connection_id,
            destination_connection_id=some.destination_connection_id,
            options=PairOptions(crypt_from=True),
        ),
    )
    (pair,) = await services.pairs.add(
        actor, migration.id, [NewPair(source_path="/a", destination_path="/b")]
    )
    return migration.id, pair.id


@pytest.mark.slow
async def test_a_password_is_handed_on_and_never_shown(mover: Running, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    migration, pair = await a_pair(mover)
    database, vault = mover.services.database, vault_of(mover)
    runner = Holding(database, vault, runner="r1", queue="default", lives_s=600)
    await Handing(vault).begin()
    page = f"/migrations/{migration}/keys?pair={pair}"
    asked = (await mover.client.get(page, headers=mover.owner.cookie | HTML)).text
    (field,) = re.findall(r"<textarea[^>]*>", asked)
    assert 'name="crypt_from"' in field
    assert 'autocomplete="off"' in field
    assert (
        "Start with its key"
        in (await mover.client.get(f"/pairs/{pair}", headers=mover.owner.cookie | HTML)).text
    )

    async def post(act: str, **fields: str) -> tuple[int, str]:
        answer = await mover.client.post(
            page.split("?", maxsplit=1)[0],
            data={"pair": str(pair), "act": act, **fields},
            headers=mover.owner.browser | HTML,
        )
        assert CANARY not in answer.text + str(answer.headers)
        return answer.status_code, answer.text

    assert "no key was given" in (await post("start"))[1].lower()
    assert "at work" in (await post("start", crypt_from=CANARY))[1], "no runner is there"
    await runner.look()
    assert (await post("give", crypt_from=CANARY))[0] == 422, "no run waits"
    assert (await post("start", crypt_from=f"{CANARY}\r\nsalt"))[0] == 303
    started = (await mover.services.pairs.get(mover.owner.session.signed_in.actor, pair)).last_run_id
    (run,) = await Work(database).take("default", "r1", Limits(free=1), only=started)
    given = await runner.open(run, frozenset({Wanted.CRYPT_FROM}))
    assert given == GivenKeys(crypt_from=Secret(f"{CANARY}\nsalt"))

    await Work(database).await_keys(run.id, "r1", "the password has to be given again")
    shown = (await mover.client.get(f"/pairs/{pair}", headers=mover.owner.cookie | HTML)).text
    assert "has to be given again" in shown
    assert "Give the key" in shown
    all_of_it = f'href="/migrations/{migration}/keys"'
    of_the_pair = f'href="/migrations/{migration}/keys?pair={pair}"'
    for path, link in (
        (f"/migrations/{migration}", all_of_it),
        ("/migrations", all_of_it),
        ("/", of_the_pair),
        (f"/pairs/{pair}/runs", of_the_pair),
    ):
        shown = (await mover.client.get(path, headers=mover.owner.cookie | HTML)).text
        assert link in shown, path
        assert "Give the key" in shown, path
    assert (await post("give", crypt_from=CANARY))[0] == 303
    for path in (f"/migrations/{migration}", "/migrations"):
        shown = (await mover.client.get(path, headers=mover.owner.cookie | HTML)).text
        assert "Give the key" not in shown, path
    kept = await database.read(lambda c: list(c.execute(select(given_keys.c.run_id)).scalars()))
    assert kept == [run.id]
    assert CANARY not in caplog.text
    if in_use() is Kind.SQLITE:
        home = mover.services.settings.home
        assert not [p for p in home.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]


@pytest.mark.slow
async def test_the_api_takes_keys_and_repeats_nothing_of_them(
    mover: Running, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    migration, _ = await a_pair(mover)
    database, vault = mover.services.database, vault_of(mover)
    await Handing(vault).begin()
    everything = {"pairs": {"all": True}}

    async def post(deed: str, body: object, status: int) -> str:
        answer = await mover.client.post(
            f"/api/v1/migrations/{migration}/{deed}",
            json=body,
            headers=mover.owner.bearer | {"Idempotency-Key": f"k{len(str(body))}{deed}{status}"},
        )
        assert CANARY not in answer.text
        assert answer.status_code == status, answer.text
        return answer.text

    for wrong in (
        {"open_with": CANARY},
        {"open_with": f"AGE-SECRET-KEY-1{CANARY}"},
        {"crypt_from": f"[x]\n{CANARY}"},
        {"crypt_from": f"{CANARY}\n{CANARY}\n{CANARY}"},
        {"crypt_from": [CANARY]},
        {"crypt_from": CANARY * 1000},
        {"more": CANARY},
        CANARY,
        {},
    ):
        await post("start", everything | {"keys": wrong}, 422)
    await post("start", everything | {"keys": {"crypt_from": CANARY}}, 409)
    await Holding(database, vault, runner="r1", queue="default", lives_s=600).look()
    assert '"started":1' in await post("start", everything | {"keys": {"crypt_from": CANARY}}, 202)
    assert '"pairs":0' in await post("keys", everything | {"keys": {"crypt_from": CANARY}}, 202)
    assert CANARY not in caplog.text
    if in_use() is Kind.SQLITE:
        home = mover.services.settings.home
        assert not [p for p in home.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]
