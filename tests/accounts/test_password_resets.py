from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.accounts.house import CLIENT, OTHER_PASSWORD, OWNER, PASSWORD, House, open_house
from tests.accounts.totp_app import with_app

from mover.accounts import tables
from mover.accounts.records import Client, Entrance, SecondFactorNeeded
from mover.errors import Conflict, InvalidConfiguration, NotFound, PermissionDenied, SignInFailed, Throttled
from mover.vault.secret import Secret


async def _ask(house: House, email: str = OWNER, client: Client = CLIENT) -> None:
    await house.accounts.password_resets.ask(email, client)
    await house.posted()


async def test_a_link_by_mail_sets_a_new_password_and_ends_all_sessions(house: House) -> None:
    entrance = await house.enter()
    await _ask(house, "ANN@example.org")
    token = house.letterbox.token(OWNER)

    await house.accounts.password_resets.look(token)
    await house.accounts.password_resets.reset(token, OTHER_PASSWORD, CLIENT)
    await house.posted()

    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(entrance.token)
    with pytest.raises(SignInFailed):
        await house.enter(OWNER, PASSWORD)
    assert (await house.sign_in(OWNER, OTHER_PASSWORD)).person.email_verified_ns == house.clock.ns
    assert house.letterbox.letters[-1].subject == "Your password for Mover was changed"


async def test_an_unknown_address_gets_the_same_answer_and_no_mail(house: House) -> None:
    await _ask(house, "nobody@example.org")

    assert house.letterbox.letters == []
    assert await house.rows(tables.password_resets) == []


async def test_of_two_redemptions_at_once_one_wins(house: House) -> None:
    await _ask(house)
    token, another = house.letterbox.token(OWNER), await house.another()

    results = await asyncio.gather(
        *(one.password_resets.reset(token, OTHER_PASSWORD, CLIENT) for one in (house.accounts, another)),
        return_exceptions=True,
    )

    assert sorted(isinstance(result, NotFound) for result in results) == [False, True]


async def test_a_link_ends_when_it_is_used_replaced_or_an_hour_old(house: House) -> None:
    await _ask(house)
    replaced = house.letterbox.token(OWNER)
    await _ask(house)
    used = house.letterbox.token(OWNER)
    await house.accounts.password_resets.reset(used, OTHER_PASSWORD, CLIENT)
    await _ask(house)
    late = house.letterbox.token(OWNER)
    house.clock.at += 3600

    for token in (replaced, used, late, Secret("x" * 43)):
        with pytest.raises(NotFound):
            await house.accounts.password_resets.look(token)
        with pytest.raises(NotFound):
            await house.accounts.password_resets.reset(token, PASSWORD, CLIENT)


async def test_a_weak_password_leaves_the_link_working(house: House) -> None:
    await _ask(house)
    token = house.letterbox.token(OWNER)

    with pytest.raises(InvalidConfiguration):
        await house.accounts.password_resets.reset(token, Secret("password1234"), CLIENT)

    await house.accounts.password_resets.reset(token, OTHER_PASSWORD, CLIENT)


async def test_one_person_gets_few_letters_and_nobody_is_told(house: House) -> None:
    for number in range(8):
        await _ask(house, OWNER, Client(f"203.0.113.{number}"))

    assert len(house.letterbox.letters) == 3


async def test_who_asks_for_many_is_slowed_down(house: House) -> None:
    for number in range(10):
        await _ask(house, f"person{number}@example.org")

    with pytest.raises(Throttled):
        await _ask(house)


async def test_after_a_reset_the_second_factor_is_still_asked_for(house: House) -> None:
    await with_app(house)
    await _ask(house)
    await house.accounts.password_resets.reset(house.letterbox.token(OWNER), OTHER_PASSWORD, CLIENT)

    assert isinstance(
        await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, CLIENT), SecondFactorNeeded
    )


async def test_a_half_finished_sign_in_with_the_old_password_ends(house: House) -> None:
    app = await with_app(house)
    needed = await house.half_way()
    await _ask(house)
    await house.accounts.password_resets.reset(house.letterbox.token(OWNER), OTHER_PASSWORD, CLIENT)

    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.with_code(needed.ticket, app.code(), CLIENT)


async def test_who_is_locked_out_by_strangers_gets_in_by_a_reset_whatever_they_do(house: House) -> None:
    async def hammer() -> None:
        for number in range(8):
            with pytest.raises((SignInFailed, Throttled)):
                await house.accounts.sign_in.with_password(
                    OWNER, Secret("guess guess guess"), Client(f"203.0.113.{number}")
                )

    await hammer()
    await _ask(house)
    device = await house.accounts.password_resets.reset(house.letterbox.token(OWNER), OTHER_PASSWORD, CLIENT)
    await hammer()

    entrance = await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, CLIENT, device=device)

    assert isinstance(entrance, Entrance)


async def test_without_mail_there_is_no_reset(tmp_path: Path) -> None:
    async with open_house(tmp_path, mail=False) as house:
        with pytest.raises(InvalidConfiguration, match="no mail"):
            await house.accounts.password_resets.ask(OWNER, CLIENT)


async def test_an_address_is_verified_by_the_link_that_was_sent_there(house: House) -> None:
    signed_in = await house.sign_in()
    assert signed_in.person.email_verified_ns is None

    await house.accounts.email_addresses.ask(signed_in)
    await house.posted()
    token = house.letterbox.token(OWNER)
    person = await house.accounts.email_addresses.verify(token)

    assert person.email_verified_ns == house.clock.ns
    with pytest.raises(NotFound):
        await house.accounts.email_addresses.verify(token)


async def test_an_address_changes_when_the_new_one_answers_and_the_old_one_is_told(house: House) -> None:
    signed_in = await house.sign_in()
    await _ask(house)
    old_reset = house.letterbox.token(OWNER)

    await house.accounts.email_addresses.ask(signed_in, "Ann.New@example.org")
    await house.posted()
    await house.enter()  # nothing has changed yet
    await house.accounts.email_addresses.verify(house.letterbox.token("ann.new@example.org"))
    await house.posted()

    await house.enter("ann.new@example.org")
    assert house.letterbox.letters[-1].to == OWNER
    with pytest.raises(NotFound):
        await house.accounts.password_resets.look(old_reset)


async def test_an_address_of_somebody_else_is_not_taken_over(house: House) -> None:
    await house.other_organisation("eve@example.net")
    signed_in = await house.sign_in()
    await house.accounts.email_addresses.ask(signed_in, "eve@example.net")
    await house.posted()

    with pytest.raises(Conflict):
        await house.accounts.email_addresses.verify(house.letterbox.token("eve@example.net"))


async def test_changing_the_address_needs_a_recent_sign_in(house: House) -> None:
    signed_in = await house.sign_in()
    house.clock.at += 3600

    with pytest.raises(PermissionDenied):
        await house.accounts.email_addresses.ask(signed_in, "ann.new@example.org")


async def test_a_changed_password_ends_the_links_that_were_sent_before(house: House) -> None:
    """Whoever fears that somebody reads their mail changes the password; a link that lies there must not undo that."""
    await _ask(house)
    token = house.letterbox.token(OWNER)
    await house.accounts.people.change_password(await house.sign_in(), PASSWORD, OTHER_PASSWORD)

    with pytest.raises(NotFound):
        await house.accounts.password_resets.reset(token, PASSWORD, CLIENT)
