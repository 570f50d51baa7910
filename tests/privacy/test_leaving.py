"""A person who is deleted is named nowhere any more."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from sqlalchemy import insert, select
from tests.accounts.house import CLIENT, OWNER, PASSWORD, House
from tests.runner.stage import filled

from mover.accounts.actor import Permission, Role
from mover.accounts.erasure import Erasure, Leaving
from mover.accounts.refusals import RecentSignInNeeded
from mover.accounts.tables import invitations
from mover.audit.custody import pseudonym
from mover.audit.reading import parts
from mover.audit.verifying import verify
from mover.database.base import metadata
from mover.errors import Conflict, InvalidConfiguration, NotFound, SignInFailed
from mover.migrations.tables import migration_runs, migrations, saved_views, user_map_changes, user_maps
from mover.notices.tables import run_mails
from mover.vault.secret import Secret
from mover.workplace.removers import PERSON_REMOVERS

pytestmark = pytest.mark.promise("privacy")

BEN = "ben@example.org"


@pytest.fixture
def leaving(house: House) -> Leaving:
    erasure = Erasure(house.database, house.vault, removers=PERSON_REMOVERS, now=house.clock)
    return Leaving(house.database, erasure, house.accounts.sessions, house.accounts.audit, now=house.clock)


async def everything(house: House) -> str:
    """All rows of all tables."""
    return await house.database.read(
        lambda c: repr([[tuple(row) for row in c.execute(select(table))] for table in metadata.sorted_tables])
    )


async def test_after_it_no_row_of_any_table_has_the_address_or_the_name(
    house: House, leaving: Leaving
) -> None:
    ben = await house.add_person(BEN, Role.ADMINISTRATOR)
    await house.accounts.people.rename(ben, "Benedict Brownlow")
    key = await house.accounts.api_keys.make(ben.actor, "script", frozenset({Permission.READ}))
    await house.accounts.invitations.invite(ben.actor, "cy@example.org", Role.VIEWER)
    cy = await house.accounts.invitations.accept_as_new(
        house.letterbox.token("cy@example.org"), name="Cy", password=PASSWORD, client=CLIENT
    )
    assert cy.signed_in.person.name == "Cy"
    await house.accounts.people.change_role(house.owner, ben.person.id, Role.OPERATOR)
    mine, person_id = house.founded.organisation.id, ben.person.id

    def fill(connection) -> None:
        connection.execute(insert(migrations), filled(migrations, id="m", organisation_id=mine, mail_to="[]"))
        connection.execute(insert(user_maps), filled(user_maps, id="u", organisation_id=mine))
        for table, values in (
            (migration_runs, {"id": "r", "organisation_id": mine, "migration_id": "m", "started_by": BEN}),
            (saved_views, {"id": "v", "organisation_id": mine, "person_id": person_id, "columns": "[]"}),
            (run_mails, {"organisation_id": mine, "person_id": person_id, "paragraphs": "[]"}),
            (
                user_map_changes,
                {"map_id": "u", "actor_kind": "person", "actor_id": person_id, "actor_name": BEN},
            ),
        ):
            connection.execute(insert(table), filled(table, **values))

    await house.database.write(fill)
    assert BEN in await everything(house)
    assert "Benedict" in await everything(house)
    await house.vault.store(f"person:{person_id}", f"person:{person_id}", "x", Secret("y"))

    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.with_password(BEN, Secret("wrong"), CLIENT)
    signed_in = await house.sign_in(BEN)
    await leaving.leave(signed_in, typed_email=f" {BEN.upper()} ")

    left = await everything(house)
    assert BEN not in left
    assert "Benedict" not in left
    assert pseudonym(person_id) in left
    assert f"person:{person_id}" not in left  # of the vault
    with pytest.raises(SignInFailed):
        await house.accounts.api_keys.authenticate(key.text, ip_address("192.0.2.1"))
    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.with_password(BEN, PASSWORD, CLIENT)
    page = await house.accounts.audit.page(await house.actor())
    told = [event for event in page.events if event.action == "person.deleted"]
    assert [(one.actor_name, one.subject) for one in told] == [(pseudonym(person_id), pseudonym(person_id))]
    assert (await house.database.read(lambda c: verify(parts(c)))).problems == []
    (invitation,) = await house.rows(invitations)
    assert (invitation["email"], invitation["invited_by_name"]) == ("cy@example.org", pseudonym(person_id))


async def test_the_last_owner_stays_and_nothing_is_changed(house: House, leaving: Leaving) -> None:
    signed_in = await house.sign_in()

    with pytest.raises(Conflict, match="last owner of Example"):
        await leaving.leave(signed_in, typed_email=OWNER)

    assert (await house.sign_in()).person.email == OWNER
    assert "deleted)" not in await everything(house)


async def test_it_takes_the_address_and_a_recent_sign_in(house: House, leaving: Leaving) -> None:
    await house.add_person(BEN, Role.OWNER)
    signed_in = await house.sign_in(BEN)

    with pytest.raises(InvalidConfiguration, match="not your mail address"):
        await leaving.leave(signed_in, typed_email=OWNER)
    house.clock.at += 3600
    with pytest.raises(RecentSignInNeeded):
        await leaving.leave(signed_in, typed_email=BEN)

    assert (await house.sign_in(BEN)).person.email == BEN


async def test_the_operator_deletes_somebody_who_belongs_to_two_organisations(
    house: House, leaving: Leaving
) -> None:
    stranger = await house.other_organisation()
    ben = await house.add_person(BEN, Role.VIEWER)
    await house.accounts.invitations.invite(stranger.actor, BEN, Role.OPERATOR)
    await house.accounts.invitations.accept(await house.sign_in(BEN), house.letterbox.token(BEN), CLIENT)

    assert (await leaving.remove(BEN)).id == ben.person.id

    assert BEN not in await everything(house)
    for actor in (await house.actor(), stranger.actor):
        newest = (await house.accounts.audit.page(actor)).events
        assert ("person.deleted", "the operator") in {(one.action, one.actor_name) for one in newest}
    with pytest.raises(NotFound):
        await leaving.remove(BEN)
