"""Whoever writes to the tables comes in as nobody of the staff: neither with a session nor through a first sign-in."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from sqlalchemy import Connection, delete, insert, update
from tests.accounts.house import CHEAP, CLIENT, House
from tests.staff.office import StaffOffice
from tests.staff.test_sign_in import OWN, Door

from mover.accounts.passwords import Passwords
from mover.accounts.refusals import MayNot, SignInRefused
from mover.accounts.tokens import hashed, new_token
from mover.staff.records import Step
from mover.staff.tables import staff_people, staff_sessions, staff_totp

pytestmark = pytest.mark.promise("P9")


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
