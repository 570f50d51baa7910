from __future__ import annotations

import asyncio
import re
from xml.etree import ElementTree as ET

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.accounts.house import CLIENT, OWNER, PASSWORD, START, House
from tests.accounts.totp_app import App, with_app

from mover.accounts import codes, tables
from mover.accounts.actor import Role
from mover.accounts.records import Entrance, SecondFactor
from mover.errors import Conflict, NotFound, PermissionDenied, SignInFailed, Throttled
from mover.vault.secret import Secret


async def test_a_code_of_the_app_finishes_the_sign_in(house: House) -> None:
    app = await with_app(house)

    needed = await house.half_way()
    entrance = await house.accounts.sign_in.with_code(needed.ticket, app.code(), CLIENT)

    assert needed.ways == {SecondFactor.TOTP, SecondFactor.RECOVERY_CODE}
    assert entrance.signed_in.session.second_factor is SecondFactor.TOTP
    assert entrance.signed_in.session.second_factor_ns == house.clock.ns


async def test_the_password_alone_opens_nothing_any_more(house: House) -> None:
    await with_app(house)
    before = len(await house.rows(tables.sessions))

    needed = await house.half_way()

    assert len(await house.rows(tables.sessions)) == before
    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(needed.ticket)


async def test_a_code_works_once(house: House) -> None:
    app = await with_app(house)
    code = app.code()
    await house.accounts.sign_in.with_code((await house.half_way()).ticket, code, CLIENT)

    with pytest.raises(SignInFailed, match="used before"):
        await house.accounts.sign_in.with_code((await house.half_way()).ticket, code, CLIENT)


@pytest.mark.parametrize(
    ("offset_s", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
async def test_the_clock_may_be_half_a_minute_off(house: House, offset_s: int, *, taken: bool) -> None:
    app = await with_app(house)
    house.clock.at += 300
    needed = await house.half_way()

    if taken:
        await house.accounts.sign_in.with_code(needed.ticket, app.code(offset_s), CLIENT)
    else:
        with pytest.raises(SignInFailed):
            await house.accounts.sign_in.with_code(needed.ticket, app.code(offset_s), CLIENT)


async def test_of_two_uses_of_one_code_at_once_one_wins(house: House) -> None:
    app = await with_app(house)
    another = await house.another()
    first, second = await house.half_way(), await house.half_way()

    results = await asyncio.gather(
        house.accounts.sign_in.with_code(first.ticket, app.code(), CLIENT),
        another.sign_in.with_code(second.ticket, app.code(), CLIENT),
        return_exceptions=True,
    )

    assert sorted(isinstance(result, SignInFailed) for result in results) == [False, True]


async def test_of_two_uses_of_one_recovery_code_at_once_one_wins(house: House) -> None:
    app = await with_app(house)
    another = await house.another()
    first, second = await house.half_way(), await house.half_way()
    code = app.recovery_codes[0].reveal()

    results = await asyncio.gather(
        house.accounts.sign_in.with_code(first.ticket, code, CLIENT),
        another.sign_in.with_code(second.ticket, code, CLIENT),
        return_exceptions=True,
    )

    assert sorted(isinstance(result, SignInFailed) for result in results) == [False, True]
    assert "second_factor.recovery_code_used" in await _log(house, app)


async def _log(house: House, app: App) -> list[str]:
    house.clock.at += 60
    entrance = await house.accounts.sign_in.with_code((await house.half_way()).ticket, app.code(), CLIENT)
    return await house.actions(entrance.signed_in.actor)


async def test_recovery_codes_work_once_each_however_they_are_typed(house: House) -> None:
    app = await with_app(house)
    typed = app.recovery_codes[3].reveal().upper().replace("-", " ")

    entrance = await house.accounts.sign_in.with_code((await house.half_way()).ticket, typed, CLIENT)

    assert entrance.signed_in.session.second_factor is SecondFactor.RECOVERY_CODE
    assert await house.accounts.second_factors.recovery_codes_left(entrance.signed_in) == 9
    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.with_code((await house.half_way()).ticket, typed, CLIENT)


async def test_new_recovery_codes_end_the_old_ones(house: House) -> None:
    app = await with_app(house)
    entrance = await house.accounts.sign_in.with_code((await house.half_way()).ticket, app.code(), CLIENT)

    fresh = await house.accounts.second_factors.new_recovery_codes(entrance.signed_in)

    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.with_code(
            (await house.half_way()).ticket, app.recovery_codes[0].reveal(), CLIENT
        )
    await house.accounts.sign_in.with_code((await house.half_way()).ticket, fresh[0].reveal(), CLIENT)


async def test_a_ticket_lives_for_five_wrong_codes_and_ten_minutes(house: House) -> None:
    app = await with_app(house)
    needed = await house.half_way()
    for _ in range(5):
        with pytest.raises(SignInFailed, match="wrong"):
            await house.accounts.sign_in.with_code(needed.ticket, "000000", CLIENT)

    with pytest.raises(SignInFailed, match="begin again"):
        await house.accounts.sign_in.with_code(needed.ticket, app.code(), CLIENT)
    late = await house.half_way()
    house.clock.at += 600
    with pytest.raises(SignInFailed, match="begin again"):
        await house.accounts.sign_in.with_code(late.ticket, app.code(), CLIENT)


async def test_who_knows_the_password_cannot_guess_codes_for_long(house: House) -> None:
    await with_app(house)
    for _ in range(4):
        needed = await house.half_way()
        for _ in range(5):
            with pytest.raises(SignInFailed):
                await house.accounts.sign_in.with_code(needed.ticket, "000000", CLIENT)
    needed = await house.half_way()

    with pytest.raises(Throttled):
        await house.accounts.sign_in.with_code(needed.ticket, "000000", CLIENT)


async def test_a_setup_counts_only_after_its_first_code(house: House) -> None:
    signed_in = await house.sign_in()
    await house.accounts.second_factors.begin_totp(signed_in)
    with pytest.raises(SignInFailed):
        await house.accounts.second_factors.finish_totp(signed_in, "000000")

    assert isinstance(await house.accounts.sign_in.with_password(OWNER, PASSWORD, CLIENT), Entrance)


async def test_setting_up_ends_the_other_sessions_and_counts_for_this_one(house: House) -> None:
    other = await house.enter()
    await house.accounts.organisations.change(other.signed_in.actor, second_factor_required=True)
    here = await house.enter()
    setup = await house.accounts.second_factors.begin_totp(here.signed_in)
    await house.accounts.second_factors.finish_totp(here.signed_in, App(house, setup.secret, []).code())

    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(other.token)
    assert (await house.accounts.sessions.find(here.token)).requirement is None


async def test_there_is_one_app_at_a_time(house: House) -> None:
    app = await with_app(house)
    entrance = await house.accounts.sign_in.with_code((await house.half_way()).ticket, app.code(), CLIENT)

    with pytest.raises(Conflict):
        await house.accounts.second_factors.begin_totp(entrance.signed_in)
    house.clock.at += 60
    await house.accounts.sign_in.with_code((await house.half_way()).ticket, app.code(), CLIENT)


async def test_removing_the_app_needs_a_recent_sign_in_and_takes_the_recovery_codes_along(
    house: House,
) -> None:
    app = await with_app(house)
    entrance = await house.accounts.sign_in.with_code((await house.half_way()).ticket, app.code(), CLIENT)
    house.clock.at += 3600
    with pytest.raises(PermissionDenied):
        await house.accounts.second_factors.remove_totp(entrance.signed_in)

    with pytest.raises(SignInFailed):  # the password alone does not confirm
        await house.accounts.sign_in.confirm(entrance.signed_in, CLIENT, password=PASSWORD)
    confirmed = await house.accounts.sign_in.confirm(
        entrance.signed_in, CLIENT, password=PASSWORD, code=app.code()
    )
    await house.accounts.second_factors.remove_totp(confirmed.signed_in)

    assert await house.rows(tables.recovery_codes) == []
    with pytest.raises(NotFound):
        await house.accounts.second_factors.remove_totp(confirmed.signed_in)
    with pytest.raises(Conflict):
        await house.accounts.second_factors.new_recovery_codes(confirmed.signed_in)
    assert isinstance(await house.accounts.sign_in.with_password(OWNER, PASSWORD, CLIENT), Entrance)


async def test_the_secret_is_in_the_vault_and_nothing_readable_in_the_database(house: House) -> None:
    signed_in = await house.sign_in()
    setup = await house.accounts.second_factors.begin_totp(signed_in)
    app = App(house, setup.secret, [])
    recovery = await house.accounts.second_factors.finish_totp(signed_in, app.code())

    stored = repr([await house.rows(table) for table in (tables.totp, tables.recovery_codes)])

    assert setup.secret.reveal() not in stored
    assert not [code for code in recovery if code.reveal() in stored]
    held = await house.vault.fetch_all(f"person:{signed_in.person.id}", f"totp:{signed_in.person.id}")
    assert [one.reveal() for one in held.values()] == [setup.secret.reveal()]


async def test_nobody_uses_the_codes_of_somebody_else(house: House) -> None:
    app = await with_app(house)
    ben = await house.add_person("ben@example.org", Role.VIEWER)
    setup = await house.accounts.second_factors.begin_totp(ben)
    theirs = App(house, setup.secret, [])
    await house.accounts.second_factors.finish_totp(ben, theirs.code())
    house.clock.at += 30

    for code in (app.code(), app.recovery_codes[1].reveal()):
        needed = await house.half_way("ben@example.org")
        with pytest.raises(SignInFailed):
            await house.accounts.sign_in.with_code(needed.ticket, code, CLIENT)


def test_the_picture_is_svg_without_styles_or_scripts() -> None:
    setup = codes.new_totp("ann@example.org", "Mover")

    picture = ET.fromstring(setup.svg.reveal())  # noqa: S314 - made here

    assert picture.tag.endswith("svg")
    assert not re.search(r"style|script|href", setup.svg.reveal())
    assert setup.uri.reveal().startswith("otpauth://totp/Mover:ann%40example.org?secret=")
    assert setup.secret.reveal() not in repr(setup)


@given(st.text(max_size=40))
def test_any_text_can_be_typed_as_a_code(text: str) -> None:
    codes.matching_step(Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), text, START)
    codes.recovery_code_hash("p", text)


@given(st.integers(0, 4_000_000_000), st.integers(-2, 2))
def test_codes_are_those_of_the_steps_around_now(now_s: int, steps: int) -> None:
    secret = Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    code = pyotp.TOTP(secret.reveal()).generate_otp(now_s // 30 + steps + 2)

    found = codes.matching_step(secret, code, now_s + 60)

    if abs(steps) <= 1:
        assert found is not None
        assert pyotp.TOTP(secret.reveal()).generate_otp(found) == code
