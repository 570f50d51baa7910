"""Whoever writes to the tables comes in as nobody of the staff: with no session, no API key, and through no first sign-in."""

from __future__ import annotations

import ipaddress
from typing import Any

import pyotp
import pytest
from sqlalchemy import Connection, delete, insert, update
from tests.accounts.house import CHEAP, CLIENT, House
from tests.staff.office import StaffOffice
from tests.staff.test_sign_in import OWN, Door

from mover.accounts.attempts import Attempts
from mover.accounts.audit_log import AuditLog
from mover.accounts.key_text import KeyText, Prefix
from mover.accounts.passwords import Passwords
from mover.accounts.refusals import KeyRefused, MayNot, SignInRefused, TooManyAttempts
from mover.accounts.tokens import hashed, new_token
from mover.staff.keys import StaffKeys
from mover.staff.records import StaffEntrance, Step
from mover.staff.tables import staff_keys, staff_people, staff_sessions, staff_totp

pytestmark = [pytest.mark.slow, pytest.mark.promise("P9")]

ADDRESS = ipaddress.ip_address("192.0.2.7")


@pytest.fixture
def door(house: House, office: StaffOffice) -> Door:
    return Door(house, office)


async def changed(door: Door, *statements: Any) -> None:
    def work(connection: Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    await door.house.database.write(work)


async def test_a_session_that_somebody_wrote_opens_nothing(door: Door) -> None:
    token, now = new_token(), door.house.clock.ns
    row = {"id": "a" * 32, "token_hash": hashed(token), "staff_id": door.office.tess.id}
    moments = {"second_factor_ns": now, "created_ns": now, "last_seen_ns": now, "expires_ns": 2**62}
    await changed(
        door,
        update(staff_people).values(password_given_ns=None),
        insert(staff_sessions).values({**row, **moments, "address": "", "device": ""}),
    )

    with pytest.raises(SignInRefused):
        await door.sessions.find(token)


@pytest.mark.parametrize("column", ["staff_id", "second_factor_ns", "expires_ns", "created_ns", "id"])
async def test_nor_does_ones_own_that_was_changed(door: Door, column: str) -> None:
    entrance = await door.set_up()
    other: dict[str, Any] = {"staff_id": door.office.tess.id, "id": "b" * 32}
    await changed(door, update(staff_sessions).values({column: other.get(column, 2**61)}))

    with pytest.raises(SignInRefused):
        await door.sessions.find(entrance.token)


async def test_a_session_lives_in_another_process_too(door: Door) -> None:
    entrance = await door.set_up()

    there = Door(door.house, door.office)

    assert (await there.sessions.find(entrance.token)).member.id == door.office.sam.id


def keys_of(door: Door) -> StaffKeys:
    """As a process has them that was started now."""
    house = door.house
    attempts = Attempts(house.database, now=house.clock)
    return StaffKeys(house.database, house.vault, attempts, AuditLog(house.database), now=house.clock)


async def whole(door: Door) -> StaffEntrance:
    """Wholly signed in, with a password of one's own."""
    entrance = await door.set_up()
    await door.sign_in.change_password(entrance.signed_in, OWN)
    return StaffEntrance(entrance.token, await door.sessions.find(entrance.token))


async def test_an_api_key_that_somebody_wrote_opens_nothing(door: Door) -> None:
    await whole(door)
    text = KeyText.make("a" * 32, Prefix.STAFF)
    row = {"id": text.key_id, "staff_id": door.office.sam.id, "secret_hash": hashed(text.secret)}
    moments = {"created_ns": door.house.clock.ns, "expires_ns": 2**62, "arrival_ns": 0}
    await changed(door, insert(staff_keys).values({**row, **moments, "name": "x", "networks": "[]"}))

    with pytest.raises(KeyRefused):
        await keys_of(door).authenticate(text.spelled(), ADDRESS)


CHANGES: dict[str, Any] = {
    "staff_id": None,
    "expires_ns": 2**61,
    "created_ns": 1,
    "networks": '["0.0.0.0/0"]',
    "name": "another",
    "seal": None,
}


@pytest.mark.parametrize("column", CHANGES)
async def test_nor_does_ones_own_key_that_was_changed(door: Door, column: str) -> None:
    entrance = await whole(door)
    other = door.office.tess.id
    made = await keys_of(door).make(entrance.signed_in, "watching", days=1, networks=["192.0.2.0/24"])
    assert (await keys_of(door).authenticate(made.text, ADDRESS)).member.id == door.office.sam.id
    await changed(
        door,
        # Tess, whose account is ready as well.
        update(staff_people).values(password_given_ns=None),
        update(staff_totp).values(staff_id=other) if column == "staff_id" else delete(staff_sessions),
        update(staff_keys).values({column: CHANGES[column] or (other if column == "staff_id" else None)}),
    )

    with pytest.raises(KeyRefused):
        await keys_of(door).authenticate(made.text, ADDRESS)


async def test_a_revoked_key_is_not_brought_back_by_a_word(door: Door) -> None:
    made = await keys_of(door).make((await whole(door)).signed_in, "watching", days=1)
    await keys_of(door).revoke(made.key.id)
    await changed(door, update(staff_keys).values(revoked_ns=None))

    with pytest.raises(KeyRefused):
        await keys_of(door).authenticate(made.text, ADDRESS)


async def test_nor_is_a_key_good_whose_owner_has_lost_the_second_factor(door: Door) -> None:
    made = await keys_of(door).make((await whole(door)).signed_in, "watching", days=1)
    await changed(door, delete(staff_totp))

    with pytest.raises(KeyRefused):
        await keys_of(door).authenticate(made.text, ADDRESS)


async def test_wrong_keys_are_counted_by_where_they_come_from_and_right_ones_are_not(door: Door) -> None:
    made = await keys_of(door).make((await whole(door)).signed_in, "watching", days=1)
    keys, wrong = keys_of(door), KeyText.make(made.key.id, Prefix.STAFF).spelled()
    for _ in range(50):
        with pytest.raises(KeyRefused):
            await keys.authenticate(wrong, ADDRESS)
    with pytest.raises(TooManyAttempts):
        await keys.authenticate(wrong, ADDRESS)
    assert (await keys.authenticate(made.text, ADDRESS)).key.id == made.key.id


async def test_an_app_that_was_taken_away_by_a_statement_is_not_set_up_by_a_thief(door: Door) -> None:
    """Who puts a password of their own and no second factor there still lacks what the operator gave."""
    await door.set_up()
    stored = await Passwords(CHEAP).hash(OWN)
    await changed(door, delete(staff_totp), update(staff_people).values(password_hash=stored))

    begun = await door.password(OWN)
    assert begun.signed_in.step is Step.SET_UP
    with pytest.raises(MayNot, match="mover staff reset"):
        await door.sign_in.begin_app(begun.signed_in)
    with pytest.raises(MayNot, match="mover staff reset"):
        await door.sign_in.finish_app(begun.signed_in, "123456", CLIENT)


async def test_nor_is_the_first_password_of_somebody_new_put_in_place_of_the_operators(door: Door) -> None:
    stored = await Passwords(CHEAP).hash(OWN)
    await changed(door, update(staff_people).values(password_hash=stored))

    begun = await door.password(OWN)
    with pytest.raises(MayNot, match="mover staff reset"):
        await door.sign_in.begin_app(begun.signed_in)


async def test_the_operator_lets_somebody_begin_anew(door: Door) -> None:
    await door.set_up()
    made = await door.office.directory.reset(door.email)

    begun = await door.password(made.password)
    door.app = pyotp.TOTP((await door.sign_in.begin_app(begun.signed_in)).secret.reveal())
    entrance = await door.sign_in.finish_app(begun.signed_in, door.code(), CLIENT)

    assert entrance.signed_in.step is Step.NEW_PASSWORD
    await changed(door, delete(staff_totp))  # and once only
    begun = await door.password(made.password)
    with pytest.raises(MayNot, match="mover staff reset"):
        await door.sign_in.begin_app(begun.signed_in)
