from __future__ import annotations

import pytest
from tests.accounts.house import CLIENT, OTHER_PASSWORD, OWNER, PASSWORD, START, House

from mover.accounts import tables
from mover.accounts.actor import Permission, Role
from mover.accounts.records import Client, Requirement, csrf_token
from mover.accounts.sessions import MOST_SESSIONS
from mover.accounts.tokens import new_token
from mover.errors import NotFound, PermissionDenied, SignInFailed
from mover.vault.secret import Secret


async def test_an_unused_session_ends_after_twelve_hours(house: House) -> None:
    token = (await house.enter()).token
    house.clock.at += 12 * 3600 - 1
    await house.accounts.sessions.find(token)
    house.clock.at += 12 * 3600 - 1
    await house.accounts.sessions.find(token)
    house.clock.at += 12 * 3600

    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(token)


async def test_a_used_session_ends_after_seven_days(house: House) -> None:
    token = (await house.enter()).token
    for _ in range(7 * 24 - 1):
        house.clock.at += 3600
        await house.accounts.sessions.find(token)
    house.clock.at += 3600

    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(token)


async def test_use_is_written_down_once_a_minute(house: House) -> None:
    token = (await house.enter()).token
    seen = []
    for _ in range(3):
        house.clock.at += 40
        await house.accounts.sessions.find(token)
        (row,) = await house.rows(tables.sessions)
        seen.append(row["last_seen_ns"] // 1_000_000_000 - int(START))

    assert seen == [0, 80, 80]


async def test_sessions_are_listed_with_device_and_address_and_one_can_be_ended(house: House) -> None:
    here = await house.enter(client=Client("198.51.100.1", "Firefox\nevil: header"))
    there = await house.enter(client=Client("2001:db8::1", "Chrome"))

    listed = await house.accounts.sessions.all(here.signed_in)
    assert {(one.address, one.device) for one in listed} == {
        ("198.51.100.1", "Firefox evil: header"),
        ("2001:db8::1", "Chrome"),
    }
    await house.accounts.sessions.revoke(here.signed_in, there.signed_in.session.id)

    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(there.token)
    with pytest.raises(NotFound):
        await house.accounts.sessions.revoke(here.signed_in, there.signed_in.session.id)
    await house.accounts.sessions.find(here.token)


async def test_all_other_sessions_end_at_once(house: House) -> None:
    first, second, third = [await house.enter() for _ in range(3)]

    ended = await house.accounts.sessions.revoke_others(second.signed_in)

    assert ended == 2
    for gone in (first, third):
        with pytest.raises(SignInFailed):
            await house.accounts.sessions.find(gone.token)
    await house.accounts.sessions.find(second.token)


async def test_nobody_ends_the_session_of_somebody_else(house: House) -> None:
    mine = await house.enter()
    theirs = await house.add_person("ben@example.org", Role.ADMINISTRATOR)

    with pytest.raises(NotFound):
        await house.accounts.sessions.revoke(theirs, mine.signed_in.session.id)


async def test_signing_out_ends_the_session(house: House) -> None:
    entrance = await house.enter()

    await house.accounts.sessions.end(entrance.signed_in)

    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(entrance.token)


async def test_a_csrf_token_fits_its_own_session_only(house: House) -> None:
    one, other = (await house.enter()).signed_in, (await house.enter()).signed_in

    assert one.csrf_matches(one.csrf_token.reveal())
    assert not one.csrf_matches(other.csrf_token.reveal())
    assert not one.csrf_matches("")
    assert not one.csrf_matches("\ud800")
    assert one.session.id not in one.csrf_token.reveal()


async def test_a_person_goes_over_to_another_organisation_with_another_token(house: House) -> None:
    entrance = await house.enter()
    made = await house.accounts.organisations.create(entrance.signed_in.actor, "Second")

    switched = await house.accounts.sessions.switch(entrance.signed_in, made.id, CLIENT)

    assert switched.signed_in.actor.organisation_id == made.id
    assert switched.signed_in.session.expires_ns == entrance.signed_in.session.expires_ns
    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(entrance.token)


async def test_nobody_goes_over_to_an_organisation_of_others(house: House) -> None:
    stranger = await house.other_organisation()

    with pytest.raises(NotFound):
        await house.accounts.sessions.switch(stranger, house.founded.organisation.id, CLIENT)
    with pytest.raises(NotFound):
        await house.accounts.sessions.switch(stranger, "0" * 32, CLIENT)


async def test_who_belongs_to_no_organisation_may_do_nothing(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.OPERATOR)
    await house.accounts.people.remove(await house.actor(), ben.person.id)

    left = await house.sign_in("ben@example.org")

    assert left.requirement is Requirement.ORGANISATION
    assert left.actor.permissions == frozenset()


async def test_an_organisation_that_demands_a_second_factor_allows_nothing_without(house: House) -> None:
    owner = await house.actor()
    await house.accounts.organisations.change(owner, second_factor_required=True)

    signed_in = await house.sign_in()

    assert signed_in.requirement is Requirement.SECOND_FACTOR
    with pytest.raises(PermissionDenied):
        signed_in.actor.require(Permission.READ)


async def test_changing_the_password_ends_all_other_sessions(house: House) -> None:
    here, there = await house.enter(), await house.enter()

    with pytest.raises(SignInFailed):
        await house.accounts.people.change_password(here.signed_in, Secret("wrong"), OTHER_PASSWORD)
    await house.accounts.people.change_password(here.signed_in, PASSWORD, OTHER_PASSWORD)

    await house.accounts.sessions.find(here.token)
    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(there.token)
    with pytest.raises(SignInFailed):
        await house.enter(OWNER, PASSWORD)
    await house.enter(OWNER, OTHER_PASSWORD)


async def test_what_has_expired_is_removed_in_batches(house: House) -> None:
    for _ in range(5):
        await house.enter()
    house.clock.at += 12 * 3600
    alive = await house.enter()

    removed = [await house.accounts.upkeep.remove_expired(limit=2) for _ in range(4)]

    assert removed == [2, 2, 1, 0]
    await house.accounts.sessions.find(alive.token)


def test_a_csrf_token_depends_on_session_and_token() -> None:
    token = new_token()

    assert csrf_token(token, "a" * 32) == csrf_token(token, "a" * 32)
    assert csrf_token(token, "a" * 32) != csrf_token(token, "b" * 32)
    assert csrf_token(token, "a" * 32) != csrf_token(new_token(), "a" * 32)


async def test_a_person_has_a_bounded_number_of_sessions_and_devices(house: House) -> None:
    """Each costs a row and may hold streams open; those that were not used for longest end."""
    first = last = await house.enter()
    house.clock.at += 1
    for _ in range(MOST_SESSIONS + 5):
        last = await house.enter()

    assert len(await house.rows(tables.sessions)) == MOST_SESSIONS
    assert len(await house.rows(tables.known_devices)) == MOST_SESSIONS
    assert (await house.accounts.sessions.find(last.token)).person.email == OWNER
    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(first.token)
