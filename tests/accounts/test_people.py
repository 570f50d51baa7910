from __future__ import annotations

import asyncio
from itertools import product

import pytest
from tests.accounts.house import CLIENT, OWNER, PASSWORD, House

from mover.accounts.actor import Actor, ActorKind, Permission, Role, system_actor
from mover.errors import Conflict, InvalidConfiguration, NotFound, PermissionDenied, SignInFailed
from mover.vault.secret import Secret


@pytest.mark.parametrize(("role", "other"), list(product(Role, Role)))
def test_each_role_may_do_all_that_the_ones_below_may(role: Role, other: Role) -> None:
    order = [Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR, Role.OWNER]

    assert (role.permissions >= other.permissions) == (order.index(role) >= order.index(other))


def test_a_refusal_names_the_permission_that_is_missing() -> None:
    actor = Actor("o", ActorKind.PERSON, "p", "ann", Role.VIEWER.permissions)

    actor.require(Permission.READ)
    with pytest.raises(PermissionDenied, match=r"'run'.*your role") as refused:
        actor.require(Permission.RUN)

    assert "administrator" in refused.value.advice
    assert not system_actor("o", "schedule").may(Permission.OWN)


async def test_members_are_listed_with_their_roles(house: House) -> None:
    await house.add_person("ben@example.org", Role.OPERATOR)

    members = await house.accounts.people.all(await house.actor())

    assert [(one.email, one.role, one.has_second_factor) for one in members] == [
        (OWNER, Role.OWNER, False),
        ("ben@example.org", Role.OPERATOR, False),
    ]


async def test_a_changed_role_counts_at_once_and_ends_the_sessions_of_the_person(house: House) -> None:
    await house.add_person("ben@example.org", Role.VIEWER)
    ben = await house.enter("ben@example.org")

    changed = await house.accounts.people.change_role(
        await house.actor(), ben.signed_in.person.id, Role.ADMINISTRATOR
    )

    assert changed.role is Role.ADMINISTRATOR
    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(ben.token)
    assert (await house.actor("ben@example.org")).may(Permission.ADMINISTER)
    page = await house.accounts.audit.page(await house.actor())
    (told,) = [one for one in page.events if one.action == "person.role_changed"]
    assert told.subject == "person ben@example.org"
    assert told.details == {"before": "viewer", "after": "administrator"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_who_may_not_administer_changes_nobody(house: House, role: Role) -> None:
    ben = await house.add_person("ben@example.org", role)

    with pytest.raises(PermissionDenied):
        await house.accounts.people.change_role(ben.actor, ben.person.id, Role.ADMINISTRATOR)
    with pytest.raises(PermissionDenied):
        await house.accounts.people.remove(ben.actor, house.founded.owner.id)
    with pytest.raises(PermissionDenied):
        await house.accounts.invitations.invite(ben.actor, "cat@example.org", Role.VIEWER)


async def test_an_administrator_neither_makes_nor_touches_owners(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    people, owner_id = house.accounts.people, house.founded.owner.id

    for act in (
        people.change_role(ben.actor, ben.person.id, Role.OWNER),
        people.change_role(ben.actor, owner_id, Role.VIEWER),
        people.remove(ben.actor, owner_id),
        house.accounts.invitations.invite(ben.actor, "cat@example.org", Role.OWNER),
    ):
        with pytest.raises(PermissionDenied, match="own"):
            await act


async def test_the_last_owner_stays(house: House) -> None:
    owner = await house.actor()

    with pytest.raises(Conflict, match="last owner"):
        await house.accounts.people.change_role(owner, owner.id, Role.VIEWER)
    with pytest.raises(Conflict, match="last owner"):
        await house.accounts.people.remove(owner, owner.id)


async def test_two_owners_who_demote_each_other_at_once_leave_one(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.OWNER)
    ann, another = await house.actor(), await house.another()

    results = await asyncio.gather(
        house.accounts.people.change_role(ann, ben.person.id, Role.VIEWER),
        another.people.change_role(ben.actor, ann.id, Role.VIEWER),
        return_exceptions=True,
    )

    assert sum(isinstance(result, Conflict) for result in results) == 1
    with_owner = ann if isinstance(results[1], Conflict) else ben.actor
    roles = [one.role for one in await house.accounts.people.all(with_owner)]
    assert roles.count(Role.OWNER) == 1


async def test_a_removed_person_is_out_at_once_and_their_keys_with_them(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    entrance = await house.enter("ben@example.org")
    await house.accounts.api_keys.make(ben.actor, "script", frozenset({Permission.READ}))

    await house.accounts.people.remove(await house.actor(), ben.person.id)

    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(entrance.token)
    (key,) = await house.accounts.api_keys.all(await house.actor())
    assert key.revoked_ns is not None
    assert key.permissions == frozenset()
    with pytest.raises(NotFound):
        await house.accounts.people.get(await house.actor(), ben.person.id)


async def test_everybody_may_leave(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.VIEWER)

    await house.accounts.people.remove(ben.actor, ben.person.id)

    assert len(await house.accounts.people.all(await house.actor())) == 1


async def test_people_of_other_organisations_do_not_exist(house: House) -> None:
    stranger = await house.other_organisation()
    here = house.founded.owner.id
    ben = await house.add_person("ben@example.org", Role.VIEWER)

    for person_id in (ben.person.id, "0" * 32):
        for act in (
            house.accounts.people.get(stranger.actor, person_id),
            house.accounts.people.change_role(stranger.actor, person_id, Role.VIEWER),
            house.accounts.people.remove(stranger.actor, person_id),
        ):
            with pytest.raises(NotFound, match="there is no such person in this organisation"):
                await act
    assert here != stranger.person.id


async def test_a_person_sees_all_their_organisations(house: House) -> None:
    signed_in = await house.sign_in()
    await house.accounts.organisations.create(signed_in.actor, "Another")

    names = [one.organisation_name for one in await house.accounts.people.memberships(signed_in)]

    assert names == ["Another", "Example"]


async def test_a_person_has_a_name_on_one_line(house: House) -> None:
    signed_in = await house.sign_in()

    renamed = await house.accounts.people.rename(signed_in, "  Ann\r\nBcc: x\u202e ")

    assert renamed.name == "Ann Bcc: x"
    for bad in ("", " \n ", "x" * 101):
        with pytest.raises(InvalidConfiguration):
            await house.accounts.people.rename(signed_in, bad)


async def test_a_weak_new_password_is_refused_and_the_old_one_stays(house: House) -> None:
    signed_in = await house.sign_in()

    for weak in ("short", "password12345", "ann able example", "aaaaaaaaaaaaaaaa"):
        with pytest.raises(InvalidConfiguration):
            await house.accounts.people.change_password(signed_in, PASSWORD, Secret(weak))
        house.clock.at += 20

    assert (await house.enter()).signed_in.person.email == OWNER
    assert CLIENT.address
