from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher
from tests.accounts.house import CLIENT, OTHER_PASSWORD, OWNER, PASSWORD, House

from mover.accounts import tables
from mover.accounts.passwords import Argon2Cost, Passwords
from mover.accounts.records import Client, Entrance
from mover.errors import SignInFailed, Throttled
from mover.vault.secret import Secret


async def test_the_right_password_opens_a_session_that_is_found_by_its_token(house: House) -> None:
    entrance = await house.enter("  ANN@Example.ORG ")

    found = await house.accounts.sessions.find(entrance.token)

    assert found.person.email == OWNER
    assert found.session.id == entrance.signed_in.session.id
    assert found.actor.organisation_id == house.founded.organisation.id
    assert entrance.device is not None


async def test_unknown_address_and_wrong_password_are_told_in_the_same_words(house: House) -> None:
    with pytest.raises(SignInFailed) as wrong:
        await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, CLIENT)
    with pytest.raises(SignInFailed) as unknown:
        await house.accounts.sign_in.with_password("nobody@example.org", OTHER_PASSWORD, CLIENT)
    with pytest.raises(SignInFailed) as rubbish:
        await house.accounts.sign_in.with_password("\x00 no address\n", OTHER_PASSWORD, CLIENT)

    assert str(wrong.value) == str(unknown.value) == str(rubbish.value)


async def test_an_unknown_address_costs_as_much_hashing_as_a_known_one() -> None:
    passwords = Passwords(Argon2Cost(memory_kib=8, passes=1, lanes=1))
    computed: list[str] = []

    class Counting:
        def __init__(self, real: PasswordHasher) -> None:
            self._real = real

        def hash(self, password: bytes) -> str:
            computed.append("hash")
            return self._real.hash(password)

        def verify(self, stored: str, password: bytes) -> bool:
            computed.append("verify")
            return self._real.verify(stored, password)

    stored = await passwords.hash(PASSWORD)
    passwords._hasher = Counting(passwords._hasher)  # type: ignore[assignment]

    assert not await passwords.verify(OTHER_PASSWORD, stored)
    assert not await passwords.verify(OTHER_PASSWORD, None)

    assert computed == ["verify", "hash"]


async def test_no_token_or_password_is_in_the_database(house: House) -> None:
    entrance = await house.enter()
    assert entrance.device is not None
    secrets = [entrance.token.reveal(), entrance.device.reveal(), PASSWORD.reveal()]

    stored = repr(
        [await house.rows(table) for table in (tables.people, tables.sessions, tables.known_devices)]
    )

    assert not [secret for secret in secrets if secret in stored]
    assert "$argon2id$" in stored


async def test_a_hash_with_old_parameters_is_made_again_at_the_next_sign_in(house: House) -> None:
    old = await Passwords(Argon2Cost(memory_kib=16, passes=2, lanes=1)).hash(PASSWORD)
    await house.database.write(
        lambda transaction: transaction.execute(tables.people.update().values(password_hash=old))
    )

    await house.enter()

    (row,) = await house.rows(tables.people)
    assert "m=8,t=1,p=1" in row["password_hash"]
    await house.enter()


async def test_guesses_at_one_account_wait_longer_and_longer_also_for_another_process(house: House) -> None:
    async def guess(number: int) -> None:
        with pytest.raises(SignInFailed):
            await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, Client(f"203.0.113.{number}"))

    for number in range(5):
        await guess(number)
    another = await house.another()
    with pytest.raises(Throttled) as first:
        await another.sign_in.with_password(OWNER, PASSWORD, CLIENT)
    house.clock.at += 1
    await guess(6)
    with pytest.raises(Throttled) as second:
        await another.sign_in.with_password(OWNER, PASSWORD, CLIENT)

    assert first.value.retry_after_s == 1
    assert second.value.retry_after_s == 2


async def test_the_wait_ends_at_a_quarter_of_an_hour_and_success_forgets_the_failures(house: House) -> None:
    waits: set[float] = set()
    for _ in range(40):
        with pytest.raises((SignInFailed, Throttled)) as caught:
            await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, CLIENT)
        wait = getattr(caught.value, "retry_after_s", None) or 0
        waits.add(wait)
        house.clock.at += wait
    assert max(waits) == 900
    house.clock.at += 900

    await house.enter()

    for number in range(4):
        with pytest.raises(SignInFailed):
            await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, Client(f"203.0.113.{number}"))


async def test_who_signs_in_to_their_own_account_does_not_wipe_out_the_guesses_from_the_network(
    house: House,
) -> None:
    for number in range(29):
        with pytest.raises(SignInFailed):
            await house.accounts.sign_in.with_password(f"person{number}@example.org", OTHER_PASSWORD, CLIENT)
    await house.enter()

    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.with_password("person30@example.org", OTHER_PASSWORD, CLIENT)
    with pytest.raises(Throttled):
        await house.accounts.sign_in.with_password("person31@example.org", OTHER_PASSWORD, CLIENT)


async def test_many_guesses_at_once_are_counted_one_by_one(house: House) -> None:
    async def guess() -> type[BaseException]:
        try:
            await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, CLIENT)
        except (SignInFailed, Throttled) as error:
            return Throttled if isinstance(error, Throttled) else SignInFailed
        raise AssertionError("let in")

    kinds = await asyncio.gather(*(guess() for _ in range(20)))

    assert kinds.count(SignInFailed) == 5


async def test_a_stranger_cannot_lock_out_somebody_whose_browser_is_known(house: House) -> None:
    known = (await house.enter()).device
    for number in range(12):
        with pytest.raises((SignInFailed, Throttled)):
            await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, Client(f"203.0.113.{number}"))
    with pytest.raises(Throttled):
        await house.accounts.sign_in.with_password(OWNER, PASSWORD, CLIENT)

    entrance = await house.accounts.sign_in.with_password(OWNER, PASSWORD, CLIENT, device=known)

    assert isinstance(entrance, Entrance)
    assert entrance.device is None


async def test_a_known_browser_is_throttled_too(house: House) -> None:
    known = (await house.enter()).device
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, CLIENT, device=known)

    with pytest.raises(Throttled):
        await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, CLIENT, device=known)


async def test_guesses_at_many_accounts_from_one_network_are_slowed_down(house: House) -> None:
    for number in range(30):
        with pytest.raises(SignInFailed):
            await house.accounts.sign_in.with_password(
                f"person{number}@example.org", OTHER_PASSWORD, Client(f"2001:db8:0:1::{number:x}")
            )

    with pytest.raises(Throttled):
        await house.accounts.sign_in.with_password(OWNER, PASSWORD, Client("2001:db8:0:1::ffff"))
    await house.enter(client=Client("2001:db8:0:2::1"))


async def test_confirming_makes_the_session_recent_and_changes_its_token(house: House) -> None:
    entrance = await house.enter()
    house.clock.at += 3600
    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.confirm(entrance.signed_in, CLIENT, password=OTHER_PASSWORD)

    confirmed = await house.accounts.sign_in.confirm(entrance.signed_in, CLIENT, password=PASSWORD)

    house.accounts.sessions.require_recent(confirmed.signed_in)
    assert confirmed.signed_in.session.expires_ns == entrance.signed_in.session.expires_ns
    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(entrance.token)


async def test_failed_sign_ins_stand_in_the_audit_log_of_the_organisation(house: House) -> None:
    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.with_password(OWNER, OTHER_PASSWORD, CLIENT)

    actions = await house.actions()

    assert actions == ["session.signed_in", "session.sign_in_failed", "organisation.founded"]


@pytest.mark.parametrize("text", ["", "\ud800", "x" * 100_000, "\x00" * 12, "¼" * 300])
async def test_any_text_can_be_typed_as_a_password(house: House, text: str) -> None:
    with pytest.raises(SignInFailed):
        await house.accounts.sign_in.with_password(OWNER, Secret(text), CLIENT)
