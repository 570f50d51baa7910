from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.accounts.house import CLIENT, OWNER, PASSWORD, House, open_house
from tests.database_url import on_both

from mover.accounts import tables
from mover.accounts.actor import Role
from mover.accounts.passwords import Passwords
from mover.accounts.records import Entrance
from mover.errors import Conflict, InvalidConfiguration, NotFound, PermissionDenied, Throttled
from mover.vault.secret import Secret

pytestmark = on_both


async def _invite(house: House, email: str = "ben@example.org", role: Role = Role.OPERATOR) -> Secret:
    await house.accounts.invitations.invite(house.owner, email, role)
    return house.letterbox.token(email)


async def _accept(house: House, token: Secret, name: str = "Ben Busy") -> Entrance:
    return await house.accounts.invitations.accept_as_new(token, name=name, password=PASSWORD, client=CLIENT)


async def test_an_invited_person_joins_with_the_role_and_a_verified_address(house: House) -> None:
    token = await _invite(house, "Ben@Example.ORG ".strip().lower())

    entrance = await _accept(house, token)

    assert entrance.signed_in.person.email == "ben@example.org"
    assert entrance.signed_in.person.email_verified_ns == house.clock.ns
    member = await house.accounts.people.get(house.owner, entrance.signed_in.person.id)
    assert member.role is Role.OPERATOR


async def test_the_letter_says_who_invites_to_what(house: House) -> None:
    await _invite(house)

    letter = house.letterbox.letters[-1]

    assert letter.subject == "Ann Able invites you to Example on Mover"
    assert letter.link is not None
    assert letter.link.startswith("https://mover.example.org/join/")
    assert letter.link not in repr(letter)


async def test_of_two_redemptions_at_once_one_wins(house: House) -> None:
    token, another = await _invite(house), await house.another()

    results = await asyncio.gather(
        *(
            one.invitations.accept_as_new(token, name="Ben", password=PASSWORD, client=CLIENT)
            for one in (house.accounts, another)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(result, Entrance) for result in results) == 1
    assert sum(isinstance(result, NotFound | Conflict) for result in results) == 1
    assert len(await house.rows(tables.memberships)) == 2


async def test_a_link_ends_when_it_is_used_revoked_replaced_or_a_week_old(house: House) -> None:
    used = await _invite(house)
    await _accept(house, used)
    revoked = await _invite(house, "cat@example.org")
    (listed,) = await house.accounts.invitations.open(house.owner)
    await house.accounts.invitations.revoke(house.owner, listed.id)
    replaced = await _invite(house, "dan@example.org")
    fresh = await _invite(house, "dan@example.org")
    assert (await house.accounts.invitations.look(fresh)).email == "dan@example.org"
    house.clock.at += 7 * 24 * 3600

    for token in (used, revoked, replaced, fresh, Secret("x" * 43)):
        with pytest.raises(NotFound):
            await house.accounts.invitations.look(token)
        with pytest.raises(NotFound):
            await _accept(house, token)
    assert await house.accounts.invitations.open(house.owner) == []


async def test_a_weak_password_leaves_the_invitation_open(house: House) -> None:
    token = await _invite(house)

    for weak in ("short", "benbusyexample", "password2024!"):
        with pytest.raises(InvalidConfiguration):
            await house.accounts.invitations.accept_as_new(
                token, name="Ben Busy", password=Secret(weak), client=CLIENT
            )

    await _accept(house, token)


async def test_who_has_an_account_accepts_with_it(house: House) -> None:
    stranger = await house.other_organisation("eve@example.net")
    token = await _invite(house, "eve@example.net", Role.ADMINISTRATOR)
    with pytest.raises(Conflict, match="sign in"):
        await _accept(house, token)

    entrance = await house.accounts.invitations.accept(await house.sign_in("eve@example.net"), token, CLIENT)

    assert entrance.signed_in.actor.organisation_id == house.founded.organisation.id
    assert entrance.signed_in.person.id == stranger.person.id
    names = await house.accounts.people.memberships(entrance.signed_in)
    assert [one.organisation_name for one in names] == ["Example", "Others"]


async def test_an_invitation_of_somebody_else_is_not_accepted_and_stays_open(house: House) -> None:
    await house.other_organisation("eve@example.net")
    token = await _invite(house)

    with pytest.raises(PermissionDenied, match=r"ben@example\.org"):
        await house.accounts.invitations.accept(await house.sign_in("eve@example.net"), token, CLIENT)

    await _accept(house, token)


async def test_members_are_not_invited_again(house: House) -> None:
    with pytest.raises(Conflict):
        await _invite(house, OWNER)


async def test_invitations_of_others_do_not_exist(house: House) -> None:
    stranger = await house.other_organisation()
    await _invite(house)
    (listed,) = await house.accounts.invitations.open(house.owner)

    assert await house.accounts.invitations.open(stranger.actor) == []
    with pytest.raises(NotFound):
        await house.accounts.invitations.revoke(stranger.actor, listed.id)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ben",
        "ben@",
        "@example.org",
        "a@b\r\nBcc: c@d",
        "a b@example.org",
        '"a"@example.org',
        "a@" + "b" * 260,
    ],
)
async def test_what_is_no_address_is_not_invited(house: House, address: str) -> None:
    with pytest.raises(InvalidConfiguration):
        await house.accounts.invitations.invite(house.owner, address, Role.VIEWER)


async def test_without_mail_the_link_is_handed_over_and_the_address_is_not_verified(tmp_path: Path) -> None:
    async with open_house(tmp_path, mail=False) as house:
        invited = await house.accounts.invitations.invite(house.owner, "ben@example.org", Role.VIEWER)
        assert invited.link is not None
        token = Secret(invited.link.reveal().rpartition("/")[2])

        entrance = await _accept(house, token)

    assert entrance.signed_in.person.email_verified_ns is None
    assert "join" not in repr(invited)


async def test_no_token_is_in_the_database(house: House) -> None:
    token = await _invite(house)

    assert token.reveal() not in repr(await house.rows(tables.invitations))


async def test_an_invitation_of_somebody_with_an_account_hashes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One link would else be worth any number of hashes, each of 64 MiB."""
    other = await house.other_organisation("ben@example.org")
    token = await _invite(house, other.person.email)
    hashed: list[Secret] = []

    async def hash_of(_passwords: Passwords, password: Secret) -> str:
        hashed.append(password)
        return "x"

    monkeypatch.setattr(Passwords, "hash", hash_of)
    with pytest.raises(Conflict, match="has an account already"):
        await _accept(house, token)
    assert hashed == []


async def test_invitations_end_with_the_right_of_the_one_who_made_them(house: House) -> None:
    """Else an administrator who expects to go would leave themself a way back in."""
    accounts = house.accounts
    removed = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    demoted = await house.add_person("cat@example.org", Role.ADMINISTRATOR)
    await accounts.invitations.invite(removed.actor, "ben.again@example.net", Role.ADMINISTRATOR)
    await accounts.invitations.invite(demoted.actor, "cat.again@example.net", Role.ADMINISTRATOR)
    kept = await _invite(house, "dan@example.org")

    await accounts.people.remove(house.owner, removed.person.id)
    await accounts.people.change_role(house.owner, demoted.person.id, Role.VIEWER)

    for email in ("ben.again@example.net", "cat.again@example.net"):
        with pytest.raises(NotFound):
            await _accept(house, house.letterbox.token(email))
    assert [one.email for one in await accounts.invitations.open(house.owner)] == ["dan@example.org"]
    await _accept(house, kept)


async def test_an_owner_who_becomes_an_administrator_leaves_no_invitation_of_owners(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.OWNER)
    await house.accounts.invitations.invite(ben.actor, "eve@example.net", Role.OWNER)
    await house.accounts.invitations.invite(ben.actor, "dan@example.org", Role.OPERATOR)

    await house.accounts.people.change_role(house.owner, ben.person.id, Role.ADMINISTRATOR)

    assert [one.email for one in await house.accounts.invitations.open(house.owner)] == ["dan@example.org"]


async def test_nobody_is_flooded_with_letters(house: House) -> None:
    for _ in range(5):
        await house.accounts.invitations.invite(house.owner, "ben@example.org", Role.VIEWER)

    with pytest.raises(Throttled):
        await house.accounts.invitations.invite(house.owner, "ben@example.org", Role.VIEWER)

    assert len(house.letterbox.letters) < 10
    await house.accounts.invitations.invite(house.owner, "cat@example.org", Role.VIEWER)
