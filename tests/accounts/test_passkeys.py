from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.accounts.authenticator import PRESENT, VERIFIED, Authenticator
from tests.accounts.house import CLIENT, OWNER, SITE, House

from mover.accounts import tables, webauthn_answers
from mover.accounts.actor import Permission, Role
from mover.accounts.records import Ceremony, Method, SecondFactor, SignedIn
from mover.errors import Conflict, MoverError, NotFound, PermissionDenied, SignInFailed, Throttled


async def _registered(house: House, signed_in: SignedIn | None = None, **settings: Any) -> Authenticator:
    authenticator = Authenticator(**settings)
    signed_in = signed_in or await house.sign_in()
    begun = await house.accounts.passkeys.begin_registration(signed_in)
    await house.accounts.passkeys.finish_registration(
        signed_in, begun.ticket, authenticator.register(begun.options), name="Key"
    )
    return authenticator


async def test_a_passkey_alone_signs_in_and_is_both_factors(house: House) -> None:
    await house.accounts.organisations.change(await house.actor(), second_factor_required=True)
    authenticator = await _registered(house)

    begun = await house.accounts.passkeys.begin_sign_in(CLIENT)
    entrance = await house.accounts.passkeys.finish_sign_in(
        begun.ticket, authenticator.sign_in(begun.options), CLIENT
    )

    session = entrance.signed_in.session
    assert entrance.signed_in.person.email == OWNER
    assert (session.method, session.second_factor) == (Method.PASSKEY, SecondFactor.PASSKEY)
    assert entrance.signed_in.actor.may(Permission.OWN)


async def test_what_the_browser_is_asked_for(house: House) -> None:
    signed_in = await house.sign_in()

    begun = json.loads((await house.accounts.passkeys.begin_registration(signed_in)).options)
    sign_in = json.loads((await house.accounts.passkeys.begin_sign_in(CLIENT)).options)

    assert begun["rp"]["id"] == sign_in["rpId"] == "mover.example.org"
    assert begun["authenticatorSelection"]["residentKey"] == "required"
    assert begun["authenticatorSelection"]["userVerification"] == sign_in["userVerification"] == "required"
    assert sign_in["allowCredentials"] == []
    assert begun["challenge"] != sign_in["challenge"]


async def test_a_passkey_as_the_second_factor_after_the_password(house: House) -> None:
    authenticator = await _registered(house)

    needed = await house.half_way()
    begun = await house.accounts.passkeys.begin_second_factor(needed.ticket)
    assert needed.ways == {SecondFactor.PASSKEY}
    assert len(json.loads(begun.options)["allowCredentials"]) == 1
    entrance = await house.accounts.passkeys.finish_second_factor(
        needed.ticket, begun.ticket, authenticator.sign_in(begun.options), CLIENT
    )

    assert entrance.signed_in.session.method is Method.PASSWORD
    assert entrance.signed_in.session.second_factor is SecondFactor.PASSKEY
    with pytest.raises(SignInFailed):
        await house.accounts.passkeys.begin_second_factor(needed.ticket)


async def test_another_persons_passkey_does_not_finish_a_sign_in(house: House) -> None:
    await _registered(house)
    ben = await house.add_person("ben@example.org", Role.VIEWER)
    theirs = await _registered(house, ben)

    needed = await house.half_way()
    begun = await house.accounts.passkeys.begin_second_factor(needed.ticket)

    with pytest.raises(SignInFailed, match="not known"):
        await house.accounts.passkeys.finish_second_factor(
            needed.ticket, begun.ticket, theirs.sign_in(begun.options), CLIENT
        )


async def test_a_passkey_confirms_who_sits_there(house: House) -> None:
    authenticator = await _registered(house)
    begun = await house.accounts.passkeys.begin_sign_in(CLIENT)
    entrance = await house.accounts.passkeys.finish_sign_in(
        begun.ticket, authenticator.sign_in(begun.options), CLIENT
    )
    house.clock.at += 3600
    with pytest.raises(PermissionDenied):
        house.accounts.sessions.require_recent(entrance.signed_in)

    asked = await house.accounts.passkeys.begin_confirm(entrance.signed_in)
    confirmed = await house.accounts.passkeys.finish_confirm(
        entrance.signed_in, asked.ticket, authenticator.sign_in(asked.options), CLIENT
    )

    house.accounts.sessions.require_recent(confirmed.signed_in)
    with pytest.raises(SignInFailed):
        await house.accounts.sessions.find(entrance.token)


async def _try(house: House, authenticator: Authenticator, **changed: Any) -> None:
    begun = await house.accounts.passkeys.begin_sign_in(CLIENT)
    await house.accounts.passkeys.finish_sign_in(
        begun.ticket, authenticator.sign_in(begun.options, **changed), CLIENT
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://mover.example.com"},
        {"origin": "http://mover.example.org"},
        {"origin": "https://mover.example.org:8443"},
        {"rp_id": "example.org"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"count": 0},
        {"user_handle": "YWJj"},
        {"credential_id": b"somebody else's"},
    ],
    ids=str,
)
async def test_an_answer_that_is_not_right_is_refused(house: House, wrong: dict[str, Any]) -> None:
    authenticator = await _registered(house)
    await _try(house, authenticator)

    for name, value in wrong.items():
        setattr(authenticator, name, value)

    with pytest.raises(SignInFailed):
        await _try(house, authenticator)


async def test_an_answer_to_another_challenge_or_of_another_kind_is_refused(house: House) -> None:
    authenticator = await _registered(house)

    with pytest.raises(SignInFailed):
        await _try(house, authenticator, challenge="AAAA")
    with pytest.raises(SignInFailed):
        await _try(house, authenticator, type="webauthn.create")


async def test_another_key_under_the_same_credential_id_is_refused(house: House) -> None:
    authenticator = await _registered(house)
    copy = Authenticator(credential_id=authenticator.credential_id, count=10)
    copy.user_handle = authenticator.user_handle

    with pytest.raises(SignInFailed):
        await _try(house, copy)


async def test_a_challenge_works_once_and_for_five_minutes(house: House) -> None:
    authenticator = await _registered(house)
    begun = await house.accounts.passkeys.begin_sign_in(CLIENT)
    answer = authenticator.sign_in(begun.options)
    await house.accounts.passkeys.finish_sign_in(begun.ticket, answer, CLIENT)

    with pytest.raises(SignInFailed, match="begin again"):
        await house.accounts.passkeys.finish_sign_in(begun.ticket, answer, CLIENT)
    late = await house.accounts.passkeys.begin_sign_in(CLIENT)
    house.clock.at += 300
    with pytest.raises(SignInFailed, match="begin again"):
        await house.accounts.passkeys.finish_sign_in(late.ticket, authenticator.sign_in(late.options), CLIENT)


async def test_of_two_answers_to_one_challenge_at_once_one_wins(house: House) -> None:
    authenticator = await _registered(house, counts=False)
    another = await house.another()
    begun = await house.accounts.passkeys.begin_sign_in(CLIENT)
    answer = authenticator.sign_in(begun.options)

    results = await asyncio.gather(
        *(one.passkeys.finish_sign_in(begun.ticket, answer, CLIENT) for one in (house.accounts, another)),
        return_exceptions=True,
    )

    assert sorted(isinstance(result, SignInFailed) for result in results) == [False, True]


async def test_a_copied_authenticator_is_noticed_by_its_counter_also_at_the_same_moment(house: House) -> None:
    authenticator = await _registered(house)
    first = await house.accounts.passkeys.begin_sign_in(CLIENT)
    second = await house.accounts.passkeys.begin_sign_in(CLIENT)
    one = authenticator.sign_in(first.options)
    authenticator.count -= 1
    other = authenticator.sign_in(second.options)

    results = await asyncio.gather(
        house.accounts.passkeys.finish_sign_in(first.ticket, one, CLIENT),
        (await house.another()).passkeys.finish_sign_in(second.ticket, other, CLIENT),
        return_exceptions=True,
    )

    assert sorted(isinstance(result, SignInFailed) for result in results) == [False, True]


async def test_registration_needs_a_verified_user_this_site_and_the_one_who_began(house: House) -> None:
    signed_in = await house.sign_in()
    ben = await house.add_person("ben@example.org", Role.VIEWER)
    passkeys = house.accounts.passkeys

    async def begin() -> Ceremony:
        return await passkeys.begin_registration(signed_in)

    for wrong in (Authenticator(flags=PRESENT), Authenticator(origin="https://evil.example")):
        begun = await begin()
        with pytest.raises(SignInFailed):
            await passkeys.finish_registration(
                signed_in, begun.ticket, wrong.register(begun.options), name="x"
            )
    begun = await begin()
    with pytest.raises(SignInFailed):
        await passkeys.finish_registration(
            ben, begun.ticket, Authenticator().register(begun.options), name="x"
        )
    house.clock.at += 3600
    with pytest.raises(PermissionDenied):
        await begin()
    assert await passkeys.all(signed_in) == []


async def test_one_passkey_cannot_be_registered_twice(house: House) -> None:
    authenticator = await _registered(house)
    ben = await house.add_person("ben@example.org", Role.VIEWER)
    begun = await house.accounts.passkeys.begin_registration(ben)

    with pytest.raises(Conflict):
        await house.accounts.passkeys.finish_registration(
            ben, begun.ticket, authenticator.register(begun.options), name="x"
        )


async def test_passkeys_are_listed_renamed_and_removed_by_their_owner_only(house: House) -> None:
    signed_in = await house.sign_in()
    authenticator = await _registered(house, signed_in)
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    passkeys = house.accounts.passkeys
    (listed,) = await passkeys.all(signed_in)

    for act in (passkeys.rename(ben, listed.id, "Mine"), passkeys.remove(ben, listed.id)):
        with pytest.raises(NotFound):
            await act
    assert (await passkeys.rename(signed_in, listed.id, "Blue key")).name == "Blue key"
    await passkeys.remove(signed_in, listed.id)

    assert await passkeys.all(signed_in) == []
    with pytest.raises(SignInFailed):
        await _try(house, authenticator)
    await house.enter()


async def test_unknown_transports_are_not_kept(house: House) -> None:
    await _registered(house)

    (row,) = await house.rows(tables.passkeys)

    assert row["transports"] == '["internal"]'


async def test_beginning_without_end_is_slowed_down(house: House) -> None:
    for _ in range(60):
        await house.accounts.passkeys.begin_sign_in(CLIENT)

    with pytest.raises(Throttled):
        await house.accounts.passkeys.begin_sign_in(CLIENT)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    [
        "id",
        "rawId",
        "type",
        "response",
        "clientDataJSON",
        "attestationObject",
        "authenticatorData",
        "signature",
    ]
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(max_size=200) | st.dictionaries(_FIELDS, _JSON | st.dictionaries(_FIELDS, _JSON)).map(json.dumps)
)
def test_rubbish_from_the_browser_is_a_refusal_and_nothing_else(rubbish: str) -> None:
    for read in (
        webauthn_answers.credential_of,
        webauthn_answers.transports_of,
        lambda text: webauthn_answers.verified_registration(SITE, text, b"challenge"),
    ):
        try:
            read(rubbish)
        except MoverError as error:
            assert isinstance(error, SignInFailed)  # noqa: PT017 - it may also be read
