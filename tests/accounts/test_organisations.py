from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.accounts.house import CHEAP, CLIENT, OWNER, PASSWORD, SITE, House, open_house
from tests.database_url import on_both

from mover.accounts import tables
from mover.accounts.actor import Permission, Role
from mover.accounts.assembly import assemble
from mover.accounts.passwords import Passwords
from mover.audit.reading import parts
from mover.audit.tables import audit_events
from mover.audit.verifying import verify
from mover.database.base import metadata
from mover.database.database import Database
from mover.errors import Conflict, InvalidConfiguration, NotFound, PermissionDenied, SignInFailed
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault

pytestmark = on_both


async def test_there_is_one_first_owner_whoever_is_quicker(tmp_path: Path, database_url: str) -> None:
    opened = [await Database.open(database_url) for _ in range(4)]
    houses = [
        assemble(
            database,
            Vault(database, FileKeyProvider(tmp_path / "key")),
            Egress(),
            SITE,
            mail=None,
            queue=None,
            cost=CHEAP,
        )
        for database in opened
    ]
    assert await houses[0].organisations.nobody_yet()

    results = await asyncio.gather(
        *(
            house.organisations.found("Example", owner_email=f"p{number}@example.org", owner_name="P")
            for number, house in enumerate(houses)
        ),
        return_exceptions=True,
    )

    founded = [result for result in results if not isinstance(result, BaseException)]
    assert len(founded) == 1
    assert all(isinstance(result, Conflict) for result in results if result not in founded)
    assert not await houses[0].organisations.nobody_yet()
    password = founded[0].password
    assert password is not None
    await houses[1].sign_in.with_password(founded[0].owner.email, password, CLIENT)
    for database in opened:
        await database.close()


async def test_a_made_up_password_is_random_and_a_given_one_is_checked_and_not_shown(house: House) -> None:
    assert house.founded.password is None
    with pytest.raises(InvalidConfiguration):
        await house.accounts.organisations.found(
            "X", owner_email="x@example.org", owner_name="X", password=Secret("password1234")
        )
    with pytest.raises(Conflict):
        await house.accounts.organisations.found("X", owner_email="x@example.org", owner_name="X")


async def test_how_long_reports_are_kept_is_decided_by_those_who_administer(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    eve = await house.add_person("eve@example.org", Role.OPERATOR)
    organisations = house.accounts.organisations
    assert (await organisations.get(eve.actor)).kept_days == 90

    with pytest.raises(PermissionDenied):
        await organisations.keep_for(eve.actor, 30)
    for days in (0, -1, 3_651):
        with pytest.raises(InvalidConfiguration):
            await organisations.keep_for(ben.actor, days)
    for days in (1, 3_650, 3_650):
        assert (await organisations.keep_for(ben.actor, days)).kept_days == days

    assert (await organisations.get(eve.actor)).kept_days == 3_650
    events = [
        (event.actor_name, event.details)
        for event in (await house.accounts.audit.page(ben.actor)).events
        if event.action == "organisation.retention_changed"
    ]
    assert events == [  # what changed nothing is no event
        ("ben@example.org", {"days_before": "1", "days": "3650"}),
        ("ben@example.org", {"days_before": "90", "days": "1"}),
    ]


async def test_settings_are_the_owners(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)

    with pytest.raises(PermissionDenied):
        await house.accounts.organisations.change(ben.actor, name="Mine")
    changed = await house.accounts.organisations.change(await house.actor(), name="New name")

    assert changed.name == (await house.accounts.organisations.get(ben.actor)).name == "New name"


async def _delete(house: House) -> None:
    await house.accounts.organisations.delete(await house.sign_in(), typed_name="Example")


async def test_deleting_needs_an_owner_a_recent_sign_in_and_the_name(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    owner = await house.sign_in()

    with pytest.raises(PermissionDenied):
        await house.accounts.organisations.delete(ben, typed_name="Example")
    with pytest.raises(InvalidConfiguration, match="nothing was deleted"):
        await house.accounts.organisations.delete(owner, typed_name="example")
    house.clock.at += 3600
    with pytest.raises(PermissionDenied, match="show again"):
        await house.accounts.organisations.delete(owner, typed_name="Example")

    assert (await house.accounts.organisations.get(owner.actor)).name == "Example"


async def test_a_deleted_organisation_is_closed_at_once(house: House) -> None:
    organisation_id = house.founded.organisation.id
    holder = f"organisation:{organisation_id}"
    await house.vault.store(holder, "connection:1", "password", Secret("hunter2"))
    key = await house.accounts.api_keys.make(await house.actor(), "script", frozenset({Permission.READ}))
    await house.accounts.invitations.invite(await house.actor(), "ben@example.org", Role.VIEWER)
    invitation = house.letterbox.token("ben@example.org")
    entrance = await house.enter()

    await _delete(house)

    with pytest.raises(NotFound):
        await house.vault.fetch(holder, "connection:1", "password")
    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(entrance.token)
    with pytest.raises(NotFound):
        await house.accounts.invitations.look(invitation)
    with pytest.raises(SignInFailed):
        await house.accounts.api_keys.authenticate(key.text, ADDRESS)
    assert (await house.sign_in()).actor.permissions == frozenset()


async def test_the_rows_of_a_deleted_organisation_go_in_batches_with_the_people_who_belong_nowhere_else(
    house: House,
) -> None:
    stranger = await house.other_organisation()
    await house.add_person("ben@example.org", Role.VIEWER)
    await house.accounts.api_keys.make(await house.actor(), "script", frozenset({Permission.READ}))
    before = len((await house.accounts.audit.page(stranger.actor)).events)
    await _delete(house)

    rounds = 0
    while await house.accounts.departures.remove_deleted(limit=3):
        rounds += 1

    assert rounds > 3
    gone = house.founded.organisation.id
    left = await house.database.read(
        lambda transaction: {
            table.name: transaction.execute(
                select(func.count()).select_from(table).where(table.c.organisation_id == gone)
            ).scalar_one()
            for table in metadata.tables.values()
            if table.name in tables.__dict__ and "organisation_id" in table.c
        }
    )
    assert set(left.values()) == {0}
    log = [row for row in await house.rows(audit_events) if row["organisation_id"] == gone]
    assert [row["action"] for row in log] == ["organisation.deleted"]
    assert (await house.database.read(lambda c: verify(parts(c)))).problems == []
    emails = {row["email"] for row in await house.rows(tables.people)}
    assert emails == {OWNER, "eve@example.net"}  # Ann belongs to the other one too
    assert len((await house.accounts.audit.page(stranger.actor)).events) == before


async def test_removers_of_other_rooms_run_first(tmp_path: Path) -> None:
    left = {"rows": 5}

    def remover(_transaction: object, _organisation_id: str, limit: int) -> int:
        removed = min(limit, left["rows"])
        left["rows"] -= removed
        return removed

    async with open_house(tmp_path) as house:
        house.accounts.departures._removers = (remover,)
        await _delete(house)
        assert await house.accounts.departures.remove_deleted(limit=4) == 4
        assert left["rows"] == 1
        while await house.accounts.departures.remove_deleted(limit=4):
            pass
    assert left["rows"] == 0


async def test_an_organisation_cannot_be_founded_with_rubbish(house: House) -> None:
    owner = await house.actor()
    for bad in ("", "\n", "x" * 101):
        with pytest.raises(InvalidConfiguration):
            await house.accounts.organisations.create(owner, bad)
    assert PASSWORD


ADDRESS = ipaddress.ip_address("198.51.100.7")


async def test_founding_again_hashes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can ask for it, as often as they like, and a hash takes 64 MiB and one of the two places for all sign-ins."""
    hashed: list[Secret] = []

    async def hash_of(_passwords: Passwords, password: Secret) -> str:
        hashed.append(password)
        return "x"

    monkeypatch.setattr(Passwords, "hash", hash_of)
    with pytest.raises(Conflict):
        await house.accounts.organisations.found(
            "Example", owner_email="eve@example.net", owner_name="Eve", password=PASSWORD
        )
    assert hashed == []
