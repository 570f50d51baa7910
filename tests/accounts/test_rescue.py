"""What the operator does for somebody who has lost their second factor."""

from __future__ import annotations

import pytest
from tests.accounts.house import CLIENT, OWNER, House
from tests.accounts.test_passkeys import _registered
from tests.accounts.totp_app import with_app
from tests.database_url import on_both

from mover.accounts import tables
from mover.accounts.actor import Role
from mover.accounts.records import SecondFactor
from mover.accounts.rescue import Removed, Rescue
from mover.errors import InvalidConfiguration, NotFound
from mover.vault.tables import secrets

pytestmark = on_both


@pytest.fixture
def rescue(house: House) -> Rescue:
    return Rescue(house.database, house.vault, house.accounts.audit, now=house.clock)


async def test_all_of_it_goes_sessions_end_and_each_organisation_is_told(
    house: House, rescue: Rescue
) -> None:
    eve = await house.other_organisation()  # which the owner belongs to as well
    ben = await house.add_person("ben@example.org", Role.OPERATOR)
    app = await with_app(house)
    entrance = await house.accounts.sign_in.with_code((await house.half_way()).ticket, app.code(), CLIENT)
    await _registered(house, entrance.signed_in)
    half = await house.half_way()
    assert SecondFactor.TOTP in half.ways
    had = [row for row in await house.rows(tables.sessions) if row["person_id"] == house.owner.id]

    removed = await rescue.reset_second_factor(f" {OWNER.upper()} ")

    assert removed == Removed(
        email=OWNER,
        authenticator_app=True,
        recovery_codes=10,
        passkeys=1,
        sessions=len(had),
        organisations=("Example", "Others"),
    )
    assert had
    for table in (tables.totp, tables.passkeys, tables.recovery_codes, tables.tickets):
        assert await house.rows(table) == [], table.name
    assert [row for row in await house.rows(secrets) if row["owner"].startswith("totp:")] == []
    left = {row["person_id"] for row in await house.rows(tables.sessions)}
    assert house.owner.id not in left
    assert ben.person.id in left  # nobody else is signed out
    for reader in (house.owner, eve.actor):
        newest = (await house.accounts.audit.page(reader)).events[0]
        assert (newest.action, newest.actor_name) == ("second_factor.reset", "the operator")
        assert newest.subject == f"person {OWNER}"
        assert newest.details["passkeys"] == "1"
    assert (await house.sign_in()).person.email == OWNER  # the password alone is enough again


async def test_who_has_none_is_left_as_they_are(house: House, rescue: Rescue) -> None:
    session = await house.sign_in()
    before = await house.actions(house.owner)

    removed = await rescue.reset_second_factor(OWNER)

    assert not removed.anything
    assert session.session.id in {row["id"] for row in await house.rows(tables.sessions)}
    assert await house.actions(house.owner) == before


async def test_nobody_and_nonsense_are_told_apart(rescue: Rescue) -> None:
    with pytest.raises(NotFound, match=r"nobody here has the mail address 'x@example\.org'"):
        await rescue.reset_second_factor("x@example.org")
    with pytest.raises(InvalidConfiguration):
        await rescue.reset_second_factor("no address")


async def test_everybody_is_listed_with_what_they_can_show(house: House, rescue: Rescue) -> None:
    await house.add_person("ben@example.org", Role.OPERATOR)
    await with_app(house)

    ann, ben = await rescue.people()

    assert (ann.person.email, ben.person.email) == (OWNER, "ben@example.org")
    assert (SecondFactor.TOTP in ann.ways, ben.ways) == (True, frozenset())
    assert [(one.organisation_name, one.role) for one in ben.memberships] == [("Example", Role.OPERATOR)]
