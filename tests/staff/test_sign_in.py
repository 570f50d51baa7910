"""Nobody of the staff comes in with a password alone, with somebody else's session, or by guessing."""

from __future__ import annotations

import asyncio
from typing import Any

import pyotp
import pytest
from tests.accounts.house import CHEAP, CLIENT, House
from tests.staff.office import StaffOffice

from mover.accounts.attempts import Attempts
from mover.accounts.audit_log import AuditLog
from mover.accounts.passwords import Passwords
from mover.accounts.refusals import MayNot, SignInRefused, TooManyAttempts
from mover.audit.tables import audit_events
from mover.errors import InvalidConfiguration, NotFound
from mover.staff.records import StaffEntrance, Step
from mover.staff.sessions import StaffSessions
from mover.staff.sign_in import StaffSignIn
from mover.staff.tables import staff_people, staff_sessions
from mover.vault.secret import Secret
from mover.vault.tables import secrets

pytestmark = pytest.mark.promise("P9")

OWN = Secret("marble otter lighthouse 3")


class Door:
    """The way in, and an app on a phone."""

    def __init__(self, house: House, office: StaffOffice) -> None:
        audit = AuditLog(house.database)
        self.house = house
        self.office = office
        self.sessions = StaffSessions(house.database, house.vault, audit, now=house.clock)
        self.sign_in = StaffSignIn(
            house.database,
            house.vault,
            Passwords(CHEAP),
            self.sessions,
            Attempts(house.database, now=house.clock),
            audit,
            now=house.clock,
        )
        self.email = office.sam.email
        self.app = pyotp.TOTP(pyotp.random_base32())

    async def password(self, password: Secret | None = None) -> StaffEntrance:
        given = password or self.office.passwords[self.email]
        return await self.sign_in.with_password(self.email, given, CLIENT)

    def code(self) -> str:
        return self.app.at(int(self.house.clock.at))

    async def set_up(self) -> StaffEntrance:
        """Come in for the first time."""
        begun = await self.password()
        self.app = pyotp.TOTP((await self.sign_in.begin_app(begun.signed_in)).secret.reveal())
        entrance = await self.sign_in.finish_app(begun.signed_in, self.code(), CLIENT)
        self.house.clock.at += 30
        return entrance


@pytest.fixture
def door(house: House, office: StaffOffice) -> Door:
    return Door(house, office)


async def test_the_first_sign_in_asks_for_an_app_and_a_password_of_their_own(door: Door) -> None:
    begun = await door.password()
    assert begun.signed_in.step is Step.SET_UP
    entrance = await door.set_up()
    assert entrance.signed_in.step is Step.NEW_PASSWORD

    with pytest.raises(InvalidConfiguration, match="the password that you have now"):
        await door.sign_in.change_password(entrance.signed_in, door.office.passwords[door.email])
    with pytest.raises(InvalidConfiguration, match="too short"):
        await door.sign_in.change_password(entrance.signed_in, Secret("short"))
    await door.sign_in.change_password(entrance.signed_in, OWN)

    settled = await door.sessions.find(entrance.token)
    assert settled.step is None
    for current in (None, Secret("a guess"), Secret("")):
        with pytest.raises(SignInRefused, match="present password"):
            await door.sign_in.change_password(settled, Secret("copper meadow lantern 4"), current=current)
    newest = Secret("copper meadow lantern 4")
    await door.sign_in.change_password(settled, newest, current=OWN)
    await door.sign_in.change_password(settled, OWN, current=newest)
    with pytest.raises(SignInRefused):
        await door.password()  # the first one is none any more
    again = await door.password(OWN)
    assert again.signed_in.step is Step.CODE
    assert (await door.sign_in.with_code(again.signed_in, door.code(), CLIENT)).signed_in.step is None


async def test_a_password_alone_neither_replaces_the_app_nor_the_password(door: Door) -> None:
    await door.set_up()
    begun = await door.password()
    assert begun.signed_in.step is Step.CODE
    with pytest.raises(MayNot):
        await door.sign_in.begin_app(begun.signed_in)
    with pytest.raises(MayNot):
        await door.sign_in.finish_app(begun.signed_in, door.code(), CLIENT)
    with pytest.raises(MayNot):
        await door.sign_in.change_password(begun.signed_in, OWN)


async def test_an_app_that_was_shown_and_not_confirmed_is_no_second_factor(door: Door) -> None:
    begun = await door.password()
    setup = await door.sign_in.begin_app(begun.signed_in)
    door.app = pyotp.TOTP(setup.secret.reveal())
    with pytest.raises(MayNot):
        await door.sign_in.with_code(begun.signed_in, door.code(), CLIENT)
    assert (await door.password()).signed_in.step is Step.SET_UP
    anew = await door.sign_in.begin_app(begun.signed_in)
    with pytest.raises(SignInRefused):  # the code of the first one
        await door.sign_in.finish_app(begun.signed_in, door.code(), CLIENT)
    stored = [row["field"] for row in await door.house.rows(secrets) if row["owner"].startswith("totp:")]
    assert len(stored) == 1
    assert anew.secret.reveal() != setup.secret.reveal()


async def test_each_of_them_has_an_app_of_their_own(door: Door) -> None:
    await door.set_up()
    sams = door.app
    door.email = door.office.tess.email
    await door.set_up()
    await door.sign_in.with_code((await door.password()).signed_in, door.code(), CLIENT)

    door.email, tess = door.office.sam.email, door.app
    begun = await door.password()
    with pytest.raises(SignInRefused):
        await door.sign_in.with_code(begun.signed_in, tess.at(int(door.house.clock.at)), CLIENT)
    entered = await door.sign_in.with_code(begun.signed_in, sams.at(int(door.house.clock.at)), CLIENT)
    assert entered.signed_in.member.id == door.office.sam.id


async def test_a_code_works_once_also_in_two_browsers_at_once(door: Door) -> None:
    await door.set_up()
    first, second = await door.password(), await door.password()
    both = await asyncio.gather(
        *(door.sign_in.with_code(one.signed_in, door.code(), CLIENT) for one in (first, second)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in both) == ["SignInRefused", "StaffEntrance"]


async def test_half_a_session_ends_after_ten_minutes_and_a_whole_one_when_idle_or_old(door: Door) -> None:
    whole = await door.set_up()
    half = await door.password()
    door.house.clock.at += 601
    with pytest.raises(SignInRefused):
        await door.sessions.find(half.token)
    for _ in range(13):
        await door.sessions.find(whole.token)
        door.house.clock.at += 55 * 60
    with pytest.raises(SignInRefused):  # used all the time, but twelve hours old
        await door.sessions.find(whole.token)
    idle = await door.sign_in.with_code((await door.password()).signed_in, door.code(), CLIENT)
    door.house.clock.at += 3601
    with pytest.raises(SignInRefused):
        await door.sessions.find(idle.token)
    assert await door.sessions.remove_expired() > 0
    assert await door.house.rows(staff_sessions) == []


async def test_the_token_changes_with_the_second_factor(door: Door) -> None:
    begun = await door.password()
    await door.set_up()
    with pytest.raises(SignInRefused):
        await door.sessions.find(begun.token)
    stored = await door.house.rows(staff_sessions)
    assert len(stored) == 1
    assert all(begun.token.reveal() not in str(row.values()) for row in stored)


async def test_guessing_is_slowed_down_and_kept(door: Door) -> None:
    wrong = Secret("not the password")
    for _ in range(5):
        with pytest.raises(SignInRefused, match="the address or the password is wrong"):
            await door.password(wrong)
    with pytest.raises(TooManyAttempts):
        await door.password()
    with pytest.raises(SignInRefused, match="the address or the password is wrong"):
        await door.sign_in.with_password("nobody@staff.example", wrong, CLIENT)
    failures = [row for row in await door.office.staff_log() if row.action == "staff.sign_in_failed"]
    assert len(failures) == 5
    nobodys = [row for row in await door.house.rows(audit_events) if row["organisation_id"] == ""]
    assert [row["action"] for row in nobodys] == ["staff.sign_in_failed"]
    door.house.clock.at += 60 * 60
    assert (await door.password()).signed_in.step is Step.SET_UP


async def test_codes_are_counted_over_all_sessions(door: Door) -> None:
    await door.set_up()
    for _ in range(5):
        begun = await door.password()
        with pytest.raises(SignInRefused):
            await door.sign_in.with_code(begun.signed_in, "000000", CLIENT)
    begun = await door.password()
    with pytest.raises(TooManyAttempts):
        await door.sign_in.with_code(begun.signed_in, door.code(), CLIENT)


async def test_people_and_staff_are_strangers_to_each_other(door: Door) -> None:
    """Sessions and accounts of one kind are nothing to the other, also with the same address and password."""
    whole = await door.set_up()
    founder = await door.house.enter()
    with pytest.raises(SignInRefused):
        await door.house.accounts.sessions.find(whole.token)
    with pytest.raises(SignInRefused):
        await door.sessions.find(founder.token)
    with pytest.raises(SignInRefused):
        await door.house.accounts.sign_in.with_password(door.email, door.office.passwords[door.email], CLIENT)
    with pytest.raises(SignInRefused):
        await door.sign_in.with_password(
            founder.signed_in.person.email, Secret("violet teapot gravity"), CLIENT
        )


async def test_a_reset_takes_password_app_and_sessions_and_a_removal_everything(door: Door) -> None:
    def sams(row: dict[str, Any]) -> bool:
        return bool(row["person"] == f"staff:{door.office.sam.id}")

    whole = await door.set_up()
    anew = await door.office.directory.reset(door.email)
    with pytest.raises(SignInRefused):
        await door.sessions.find(whole.token)
    with pytest.raises(SignInRefused):
        await door.password()
    door.office.passwords[door.email] = anew.password
    assert (await door.password()).signed_in.step is Step.SET_UP
    held = [row["owner"] for row in await door.house.rows(secrets) if sams(row)]
    assert held == [f"enrolment:{door.office.sam.id}"]  # which lets them begin anew, and nothing else

    await door.set_up()
    await door.office.directory.remove(door.email)
    with pytest.raises(SignInRefused):
        await door.password()
    assert [row for row in await door.house.rows(secrets) if sams(row)] == []
    assert [row["email"] for row in await door.house.rows(staff_people)] == [
        door.office.tess.email,
        door.office.uma.email,
    ]
    with pytest.raises(NotFound):
        await door.office.directory.reset(door.email)
    told = [row.action for row in await door.office.staff_log()]
    assert told[:3] == ["staff.added"] * 3
    assert {"staff.reset", "staff.removed", "staff.signed_in", "staff.second_factor_added"} <= set(told)


async def test_passwords_rest_as_argon2id_and_are_shown_once(door: Door) -> None:
    for row in await door.house.rows(staff_people):
        assert row["password_hash"].startswith("$argon2id$")
    text = str(await door.house.rows(audit_events)) + str(await door.house.rows(staff_people))
    assert not any(password.reveal() in text for password in door.office.passwords.values())
    assert repr(await door.password()).find(door.office.passwords[door.email].reveal()) == -1
