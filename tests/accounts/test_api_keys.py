from __future__ import annotations

import asyncio
import ipaddress
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.accounts.house import House

from mover.accounts import tables
from mover.accounts.actor import ActorKind, Permission, Role
from mover.accounts.api_keys import MadeKey
from mover.accounts.key_text import PATTERN, KeyText
from mover.errors import Conflict, InvalidConfiguration, NotFound, PermissionDenied, SignInFailed, Throttled
from mover.vault.secret import Secret

HERE = ipaddress.ip_address("198.51.100.7")
READ_RUN = frozenset({Permission.READ, Permission.RUN})


async def _make(house: House, scopes: frozenset[Permission] = READ_RUN, **more) -> MadeKey:
    return await house.accounts.api_keys.make(house.owner, "Nightly", scopes, **more)


async def test_a_key_lets_in_with_its_scopes_and_is_shown_once(house: House) -> None:
    made = await _make(house)

    use = await house.accounts.api_keys.authenticate(made.text, HERE)

    assert use.actor.permissions == READ_RUN
    assert use.actor.kind is ActorKind.API_KEY
    assert use.actor.organisation_id == house.founded.organisation.id
    assert re.fullmatch(PATTERN, made.text.reveal())
    (listed,) = await house.accounts.api_keys.all(house.owner)
    assert listed.person_name == "Ann Able"
    secret = made.text.reveal().rpartition("_")[2][:43]
    assert secret not in repr(await house.rows(tables.api_keys))


async def test_a_key_may_never_do_more_than_its_maker(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    with pytest.raises(PermissionDenied, match="own"):
        await house.accounts.api_keys.make(ben.actor, "x", frozenset({Permission.OWN}))
    made = await house.accounts.api_keys.make(
        ben.actor, "x", frozenset({Permission.READ, Permission.RUN, Permission.CONNECT})
    )

    await house.accounts.people.change_role(house.owner, ben.person.id, Role.OPERATOR)
    shrunk = await house.accounts.api_keys.authenticate(made.text, HERE)
    await house.accounts.people.change_role(house.owner, ben.person.id, Role.VIEWER)
    least = await house.accounts.api_keys.authenticate(made.text, HERE)

    assert shrunk.actor.permissions == READ_RUN
    assert least.actor.permissions == {Permission.READ}


async def test_a_key_with_nothing_left_that_it_may_do_is_refused(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    made = await house.accounts.api_keys.make(ben.actor, "x", frozenset({Permission.CONNECT}))
    await house.accounts.people.change_role(house.owner, ben.person.id, Role.VIEWER)

    with pytest.raises(SignInFailed, match="nothing"):
        await house.accounts.api_keys.authenticate(made.text, HERE)


async def test_keys_make_and_rotate_no_keys(house: House) -> None:
    made = await _make(house, frozenset({Permission.ADMINISTER, Permission.READ}))
    use = await house.accounts.api_keys.authenticate(made.text, HERE)

    with pytest.raises(PermissionDenied, match="people"):
        await house.accounts.api_keys.make(use.actor, "x", frozenset({Permission.READ}))
    with pytest.raises(PermissionDenied, match="people"):
        await house.accounts.api_keys.rotate(use.actor, made.key.id)


async def test_a_rotated_key_works_beside_the_old_one_for_a_while(house: House) -> None:
    first = await _make(house)
    second = await house.accounts.api_keys.rotate(house.owner, first.key.id, overlap_s=3600)
    authenticate = house.accounts.api_keys.authenticate

    for made in (first, second):
        assert (await authenticate(made.text, HERE)).key.id == first.key.id
    house.clock.at += 3600
    with pytest.raises(SignInFailed):
        await authenticate(first.text, HERE)
    await authenticate(second.text, HERE)


async def test_an_administrator_does_not_get_at_an_owners_key_by_rotating_it(house: House) -> None:
    made = await _make(house, frozenset({Permission.OWN}))
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)

    with pytest.raises(PermissionDenied):
        await house.accounts.api_keys.rotate(ben.actor, made.key.id)


async def test_a_revoked_or_expired_key_is_dead(house: House) -> None:
    revoked = await _make(house)
    expiring = await _make(house, expires_ns=house.clock.ns + 10**9)
    await house.accounts.api_keys.revoke(house.owner, revoked.key.id)
    await house.accounts.api_keys.revoke(house.owner, revoked.key.id)
    await house.accounts.api_keys.authenticate(expiring.text, HERE)
    house.clock.at += 1

    for made in (revoked, expiring):
        with pytest.raises(SignInFailed):
            await house.accounts.api_keys.authenticate(made.text, HERE)
        with pytest.raises(Conflict):
            await house.accounts.api_keys.rotate(house.owner, made.key.id)


async def test_a_key_works_from_its_networks_only(house: House) -> None:
    made = await _make(house, networks=["198.51.100.0/24", "2001:db8::/32"])

    for inside in ("198.51.100.255", "2001:db8::1", "::ffff:198.51.100.3"):
        await house.accounts.api_keys.authenticate(made.text, ipaddress.ip_address(inside))
    for outside in ("198.51.101.1", "2001:db9::1", "::ffff:198.51.101.3"):
        with pytest.raises(SignInFailed, match="not accepted from"):
            await house.accounts.api_keys.authenticate(made.text, ipaddress.ip_address(outside))


async def test_bad_settings_are_refused(house: House) -> None:
    settings: list[dict[str, Any]] = [
        {"networks": ["everywhere"]},
        {"networks": ["10.0.0.1/8"]},
        {"expires_ns": house.clock.ns},
        {"calls_per_minute": 0},
        {"burst": 0},
        {"scopes": frozenset()},
    ]
    for bad in settings:
        with pytest.raises(InvalidConfiguration):
            await _make(house, **bad)
    made = await _make(house)
    with pytest.raises(InvalidConfiguration):
        await house.accounts.api_keys.rotate(house.owner, made.key.id, overlap_s=8 * 24 * 3600)


async def test_keys_of_others_do_not_exist(house: House) -> None:
    made = await _make(house)
    stranger = await house.other_organisation()

    for act in (
        house.accounts.api_keys.get(stranger.actor, made.key.id),
        house.accounts.api_keys.rotate(stranger.actor, made.key.id),
        house.accounts.api_keys.revoke(stranger.actor, made.key.id),
    ):
        with pytest.raises(NotFound):
            await act
    assert await house.accounts.api_keys.all(stranger.actor) == []
    await house.accounts.api_keys.authenticate(made.text, HERE)


async def test_last_use_is_noted_once_a_minute_with_its_address(house: House) -> None:
    made = await _make(house)
    seen = []
    for _ in range(3):
        house.clock.at += 40
        await house.accounts.api_keys.authenticate(made.text, HERE)
        (key,) = await house.accounts.api_keys.all(house.owner)
        seen.append((key.last_used_ns, key.last_used_address))

    assert seen[0] == seen[1] == (seen[0][0], "198.51.100.7")
    assert seen[2][0] == house.clock.ns


@pytest.mark.promise("audit")
async def test_a_place_that_a_key_was_never_used_from_is_told_of_once(house: House) -> None:
    made = await _make(house)

    for accounts in (house.accounts, await house.another()):
        for address in (
            "198.51.100.7",
            "203.0.113.9",
            "198.51.100.7",
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8:0:1::1",
        ):
            await accounts.api_keys.authenticate(made.text, ipaddress.ip_address(address))

    page = await house.accounts.audit.page(house.owner)
    told = [event.details["address"] for event in page.events if event.action == "api_key.new_address"]
    assert told[::-1] == ["198.51.100.7", "203.0.113.9", "2001:db8::1", "2001:db8:0:1::1"]


async def test_of_a_key_that_is_used_from_everywhere_the_latest_places_are_remembered(house: House) -> None:
    made = await _make(house)

    for number in range(103):
        house.clock.at += 1
        await house.accounts.api_keys.authenticate(made.text, ipaddress.ip_address(f"198.51.100.{number}"))

    networks = {row["network"] for row in await house.rows(tables.api_key_networks)}
    assert networks == {f"198.51.100.{number}" for number in range(3, 103)}


async def test_wrong_keys_are_refused_alike_and_slowed_down(house: House) -> None:
    made = await _make(house)
    right_id = KeyText.make(made.key.id).spelled()
    messages = set()
    for number in range(50):
        wrong = right_id if number % 2 else KeyText.make("0" * 32).spelled()
        with pytest.raises(SignInFailed) as refused:
            await house.accounts.api_keys.authenticate(wrong, HERE)
        messages.add(str(refused.value))

    assert len(messages) == 1
    with pytest.raises(Throttled):
        await house.accounts.api_keys.authenticate(right_id, HERE)
    await house.accounts.api_keys.authenticate(made.text, HERE)  # the right one goes on


async def test_all_processes_together_let_through_what_the_key_may(house: House) -> None:
    made = await _make(house, calls_per_minute=60, burst=20)
    waits: list[float | None] = []
    doors = [house.accounts.api_keys, (await house.another()).api_keys]

    async def call(number: int) -> bool:
        try:
            await doors[number % 2].authenticate(made.text, HERE)
        except Throttled as error:
            waits.append(error.retry_after_s)
            return False
        return True

    at_once = sum(await asyncio.gather(*(call(number) for number in range(50))))
    house.clock.at += 5
    later = sum([await call(number) for number in range(20)])

    assert 18 <= at_once <= 20
    assert later == 5
    assert all(wait is not None and 0 < wait <= 1 for wait in waits)


async def test_most_calls_write_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await _make(house, calls_per_minute=6000, burst=1000)
    await house.accounts.api_keys.authenticate(made.text, HERE)
    written: list[object] = []

    async def note(work: object) -> None:
        written.append(work)

    monkeypatch.setattr(house.database, "write", note)

    for _ in range(99):
        await house.accounts.api_keys.authenticate(made.text, HERE)

    assert written == []


@given(st.uuids().map(lambda made: made.hex))
def test_a_key_is_read_as_it_was_spelled(key_id: str) -> None:
    made = KeyText.make(key_id)

    read = KeyText.parse(made.spelled())

    assert read is not None
    assert (read.key_id, read.secret) == (key_id, made.secret)


@given(st.integers(0, 84), st.sampled_from("0aZ_é"))
def test_a_mistyped_key_is_noticed_without_a_database(place: int, character: str) -> None:
    text = KeyText.make("ab" * 16).spelled().reveal()
    changed = text[:place] + character + text[place + 1 :]

    assert (KeyText.parse(Secret(changed)) is None) == (changed != text)


@pytest.mark.slow
@given(st.text())
def test_any_text_can_be_presented_as_a_key(text: str) -> None:
    assert KeyText.parse(Secret(text)) is None
