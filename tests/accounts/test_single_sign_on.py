from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.accounts.authenticator import Authenticator
from tests.accounts.house import CLIENT, OTHER_PASSWORD, OWNER, PASSWORD, START, House, open_house
from tests.servers.certificates import make_certificates
from tests.servers.openid import (
    CLIENT_ID,
    CLIENT_SECRET,
    OpenIdProvider,
    ec_key,
    openid_provider,
    rsa_key,
    unsigned,
)

from mover.accounts import tables
from mover.accounts.actor import Permission, Role
from mover.accounts.records import Entrance, Method, Requirement, SingleSignOnSettings
from mover.accounts.sessions import MOST_SESSIONS
from mover.errors import (
    InvalidConfiguration,
    MoverError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
)
from mover.vault.secret import Secret

pytestmark = pytest.mark.servers


@dataclass
class Place:
    """Accounts with single sign-on, and the provider."""

    house: House
    provider: OpenIdProvider
    organisation_id: str

    async def configure(self, **changed: Any) -> None:
        settings = SingleSignOnSettings(
            issuer=self.provider.issuer,
            client_id=CLIENT_ID,
            domains=("example.org",),
            default_role=Role.OPERATOR,
            required=False,
        )
        await self.house.accounts.single_sign_on.configure(
            self.house.owner, msgspec.structs.replace(settings, **changed), Secret(CLIENT_SECRET)
        )

    async def come(self, **changed: str) -> Entrance:
        sign_on = self.house.accounts.single_sign_on
        departure = await sign_on.begin(self.organisation_id, CLIENT)
        answer = self.provider.authorize(departure.url, **changed)
        return await sign_on.finish(self.organisation_id, departure.ticket, answer, CLIENT)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openid")
    make_certificates(folder)
    return folder


@pytest.fixture
async def place(tmp_path: Path, certificates: Path) -> AsyncIterator[Place]:
    ca_file = make_certificates(certificates).ca_file
    async with (
        open_house(tmp_path, ca_file=ca_file) as house,
        openid_provider(certificates, START) as provider,
    ):
        opened = Place(house, provider, house.founded.organisation.id)
        await opened.configure()
        yield opened


async def test_who_comes_for_the_first_time_joins_with_the_default_role(place: Place) -> None:
    entrance = await place.come()

    signed_in = entrance.signed_in
    assert (signed_in.person.email, signed_in.person.name) == ("ben@example.org", "Ben Busy")
    assert signed_in.session.method is Method.SINGLE_SIGN_ON
    assert signed_in.actor.permissions == Role.OPERATOR.permissions
    assert signed_in.person.email_verified_ns is None
    assert not await place.house.accounts.people.has_password(signed_in)


async def test_who_comes_again_is_recognised_although_the_address_has_changed(place: Place) -> None:
    first = await place.come()
    place.provider.user["email"] = "benjamin@example.org"

    second = await place.come()

    assert second.signed_in.person.id == first.signed_in.person.id
    assert len(await place.house.rows(tables.people)) == 2


async def test_two_first_arrivals_at_once_make_one_person(place: Place) -> None:
    results = await asyncio.gather(*(place.come() for _ in range(3)))

    assert len({result.signed_in.person.id for result in results}) == 1


async def test_a_member_is_recognised_by_the_address(place: Place) -> None:
    cat = await place.house.add_person("cat@example.org", Role.VIEWER)
    place.provider.user |= {"sub": "u-2", "email": "Cat@Example.org"}

    entrance = await place.come()

    assert entrance.signed_in.person.id == cat.person.id
    assert entrance.signed_in.actor.permissions == Role.VIEWER.permissions


async def test_an_address_given_to_somebody_else_does_not_open_the_old_account(place: Place) -> None:
    await place.come()
    place.provider.user["sub"] = "u-somebody-else"

    with pytest.raises(PermissionDenied, match="somebody else"):
        await place.come()


async def test_without_a_default_role_only_members_come_in(place: Place) -> None:
    await place.configure(default_role=None)

    with pytest.raises(PermissionDenied, match="invitation"):
        await place.come()

    assert len(await place.house.rows(tables.people)) == 1


@pytest.mark.parametrize(
    "user",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": 1.5},
        {"email": None},
        {"email": 7},
        {"email": "ben@example.com"},
        {"email": "ben@example.org.evil.example"},
        {"email": "ben@evil.example\r\n@example.org"},
    ],
    ids=str,
)
async def test_only_verified_addresses_of_the_domains_come_in(place: Place, user: dict[str, Any]) -> None:
    place.provider.user |= user

    with pytest.raises(PermissionDenied):
        await place.come()


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": [CLIENT_ID, "another client"], "azp": CLIENT_ID},
        {"aud": None},
        {"azp": "another client"},
        {"nonce": "replayed"},
        {"nonce": None},
        {"exp": int(START) - 121},
        {"exp": None},
        {"iat": int(START) + 121},
        {"iat": None},
        {"nbf": int(START) + 121},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
async def test_an_id_token_that_is_not_right_is_refused(place: Place, claims: dict[str, Any]) -> None:
    place.provider.claims = claims

    with pytest.raises(ProtocolViolation, match="ID token is not valid"):
        await place.come()


@pytest.mark.parametrize(
    "claims", [{"exp": int(START) - 119}, {"iat": int(START) + 119}, {"aud": [CLIENT_ID]}]
)
async def test_clocks_may_differ_by_two_minutes(place: Place, claims: dict[str, Any]) -> None:
    place.provider.claims = claims

    await place.come()


async def test_tokens_that_nobody_signed_are_refused(place: Place) -> None:
    claims = {"iss": place.provider.issuer, "aud": CLIENT_ID, "sub": "u-1", "exp": 2e9, "iat": START}
    for raw in (
        unsigned(claims),
        unsigned(claims, "None"),
        unsigned(claims, "HS256", "AAAA"),
        unsigned(claims, "RS256"),
        unsigned(claims, "RS256", "AAAA"),
        "",
        "..",
        "a.b.c",
        "é.b.c",
        "[" * 50_000,
        "x" * 100_000,
    ):
        place.provider.raw_id_token = raw
        with pytest.raises(ProtocolViolation):
            await place.come()


async def test_a_signature_of_another_key_is_refused(place: Place) -> None:
    place.provider.signing = rsa_key("stolen")
    place.provider.header = {"kid": "first"}

    with pytest.raises(ProtocolViolation):
        await place.come()


async def test_a_token_with_a_shared_secret_made_of_the_public_key_is_refused(place: Place) -> None:
    public = rsa_key("first").as_pem(private=False).decode()
    body = unsigned({"iss": place.provider.issuer, "aud": CLIENT_ID, "sub": "u-1"}, "HS256").rstrip(".")
    mac = hmac.new(public.encode(), body.encode(), hashlib.sha256).digest()
    place.provider.raw_id_token = f"{body}.{urlsafe_b64encode(mac).decode().rstrip('=')}"

    with pytest.raises(ProtocolViolation):
        await place.come()


async def test_elliptic_curves_and_new_keys_are_understood(place: Place) -> None:
    await place.come()
    place.provider.signing = ec_key("curve")
    await place.come()
    asked = place.provider.requests.count("/keys")
    place.provider.signing = rsa_key("second")
    place.provider.published = [rsa_key("second")]
    with pytest.raises(ProtocolViolation):  # asked for anew once a minute at most
        await place.come()
    assert place.provider.requests.count("/keys") == asked
    place.house.clock.at += 60

    await place.come()

    assert place.provider.requests.count("/keys") == asked + 1


async def test_the_description_is_asked_for_once_an_hour(place: Place) -> None:
    for _ in range(3):
        await place.come()

    assert place.provider.requests.count("/.well-known/openid-configuration") == 1


async def test_an_answer_works_once_in_the_browser_that_left(place: Place) -> None:
    sign_on = place.house.accounts.single_sign_on
    one = await sign_on.begin(place.organisation_id, CLIENT)
    other = await sign_on.begin(place.organisation_id, CLIENT)
    answer = place.provider.authorize(one.url)

    with pytest.raises(SignInFailed, match="another browser"):
        await sign_on.finish(place.organisation_id, other.ticket, answer, CLIENT)
    with pytest.raises(SignInFailed):
        await sign_on.finish(place.organisation_id, one.ticket, {**answer, "state": ""}, CLIENT)
    await sign_on.finish(place.organisation_id, one.ticket, answer, CLIENT)
    with pytest.raises(SignInFailed):
        await sign_on.finish(place.organisation_id, one.ticket, answer, CLIENT)
    late = await sign_on.begin(place.organisation_id, CLIENT)
    place.house.clock.at += 600
    with pytest.raises(SignInFailed):
        await sign_on.finish(place.organisation_id, late.ticket, place.provider.authorize(late.url), CLIENT)


async def test_a_code_of_another_departure_is_not_accepted_by_the_provider(place: Place) -> None:
    sign_on = place.house.accounts.single_sign_on
    victim = await sign_on.begin(place.organisation_id, CLIENT)
    stolen = place.provider.authorize(victim.url)["code"]

    with pytest.raises(SignInFailed, match="invalid_grant"):
        await place.come(code=stolen)


async def test_answers_of_one_provider_are_not_taken_for_anothers(place: Place) -> None:
    with pytest.raises(ProtocolViolation, match="does not come from"):
        await place.come(iss="https://evil.example")
    sign_on = place.house.accounts.single_sign_on
    departure = await sign_on.begin(place.organisation_id, CLIENT)
    answer = place.provider.authorize(departure.url)
    del answer["iss"]
    with pytest.raises(ProtocolViolation, match="does not come from"):
        await sign_on.finish(place.organisation_id, departure.ticket, answer, CLIENT)
    assert "/token" not in place.provider.requests


async def test_a_provider_that_says_no_is_quoted_on_one_line(place: Place) -> None:
    with pytest.raises(SignInFailed) as refused:
        await place.come(error="access_denied", error_description="not\r\nyou")
    assert "not you" in str(refused.value)

    place.provider.token_status = 401
    with pytest.raises(SignInFailed, match="who are you"):
        await place.come()
    place.provider.token_status = 503
    with pytest.raises(ServiceFault):
        await place.come()


async def test_a_session_of_single_sign_on_never_leaves_its_organisation(place: Place) -> None:
    """Somebody's provider vouches for a person of another organisation: that opens its own organisation and no more."""
    house = place.house
    victim = await house.add_person("victim@example.org", Role.OWNER)
    elsewhere = await house.accounts.organisations.create(victim.actor, "Victim's own")
    place.provider.user |= {"sub": "u-9", "email": "victim@example.org"}
    signed_in = (await place.come()).signed_in
    assert signed_in.person.id == victim.person.id
    accounts = house.accounts

    for act in (
        accounts.sessions.switch(signed_in, elsewhere.id, CLIENT),
        accounts.sessions.revoke_others(signed_in),
        accounts.people.change_password(signed_in, PASSWORD, OTHER_PASSWORD),
        accounts.people.rename(signed_in, "Owned"),
        accounts.second_factors.begin_totp(signed_in),
        accounts.second_factors.new_recovery_codes(signed_in),
        accounts.passkeys.begin_registration(signed_in),
        accounts.passkeys.begin_confirm(signed_in),
        accounts.email_addresses.ask(signed_in, "eve@example.org"),
        accounts.invitations.accept(signed_in, Secret("x"), CLIENT),
        accounts.sign_in.confirm(signed_in, CLIENT, password=PASSWORD),
        accounts.organisations.delete(signed_in, typed_name="Example"),
    ):
        with pytest.raises(PermissionDenied, match="that organisation only"):
            await act
    assert [one.organisation_name for one in await accounts.people.memberships(signed_in)] == ["Example"]
    assert await accounts.sessions.all(signed_in) == [signed_in.session]


async def test_required_single_sign_on_keeps_passwords_out_but_for_owners(place: Place) -> None:
    await place.house.add_person("ben@example.org", Role.ADMINISTRATOR)
    await place.configure(required=True)

    by_password = await place.house.sign_in("ben@example.org")
    by_provider = (await place.come()).signed_in

    assert by_password.requirement is Requirement.SINGLE_SIGN_ON
    assert by_password.actor.permissions == frozenset()
    assert by_provider.actor.may(Permission.ADMINISTER)
    assert (await place.house.sign_in(OWNER)).requirement is None


async def test_single_sign_on_meets_the_demand_for_a_second_factor(place: Place) -> None:
    await place.house.accounts.organisations.change(place.house.owner, second_factor_required=True)

    assert (await place.come()).signed_in.requirement is None


async def test_removing_it_signs_everybody_out_who_came_by_it(place: Place) -> None:
    entrance = await place.come()
    sign_on = place.house.accounts.single_sign_on

    await sign_on.remove(place.house.owner)
    await sign_on.remove(place.house.owner)

    with pytest.raises(SignInFailed):
        await place.house.accounts.sessions.find(entrance.token)
    with pytest.raises(NotFound):
        await sign_on.begin(place.organisation_id, CLIENT)
    assert await sign_on.settings(place.house.owner) is None


async def test_the_client_secret_is_in_the_vault_and_stays_with_its_provider(
    place: Place, certificates: Path
) -> None:
    rows = await place.house.rows(tables.single_sign_on)
    assert CLIENT_SECRET not in repr(rows)
    sign_on = place.house.accounts.single_sign_on
    settings = await sign_on.settings(place.house.owner)
    assert settings is not None
    await sign_on.configure(place.house.owner, settings, None)
    await place.come()

    async with openid_provider(certificates, START) as other:
        moved = msgspec.structs.replace(settings, issuer=other.issuer)
        with pytest.raises(InvalidConfiguration, match="secret of its own"):
            await sign_on.configure(place.house.owner, moved, None)
        assert other.requests == ["/.well-known/openid-configuration"]


async def test_only_owners_set_it_up(place: Place) -> None:
    cat = await place.house.add_person("cat@example.org", Role.ADMINISTRATOR)
    sign_on = place.house.accounts.single_sign_on
    settings = await sign_on.settings(cat.actor)
    assert settings is not None

    with pytest.raises(PermissionDenied):
        await sign_on.configure(cat.actor, settings, None)
    with pytest.raises(PermissionDenied):
        await sign_on.remove(cat.actor)


@pytest.mark.parametrize(
    "changed",
    [
        {"domains": ()},
        {"domains": ("example",)},
        {"domains": ("exa mple.org",)},
        {"default_role": Role.OWNER},
        {"issuer": "http://localhost:1"},
        {"issuer": "https://user@localhost:1"},
        {"issuer": "file:///etc/passwd"},
        {"issuer": "https://localhost:1/#x"},
        {"client_id": ""},
        {"client_id": "a\nb"},
    ],
    ids=str,
)
async def test_settings_that_cannot_work_are_refused(place: Place, changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfiguration):
        await place.configure(**changed)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://localhost/token"},
        {"jwks_uri": None},
        {"jwks_uri": ["https://localhost"]},
    ],
    ids=str,
)
async def test_a_description_that_cannot_be_right_is_refused(place: Place, metadata: dict[str, Any]) -> None:
    place.provider.metadata = metadata
    place.house.clock.at += 3600

    with pytest.raises((ProtocolViolation, InvalidConfiguration)):
        await place.come()


async def test_the_address_comes_from_userinfo_where_the_token_lacks_it(place: Place) -> None:
    place.provider.claims = {"email": None, "email_verified": None}
    place.provider.userinfo = {"sub": "u-1", "email": "ben@example.org", "email_verified": True}
    place.house.clock.at += 3600
    place.provider.now += 3600
    assert (await place.come()).signed_in.person.email == "ben@example.org"

    place.provider.userinfo["sub"] = "u-2"
    with pytest.raises(ProtocolViolation, match="two different people"):
        await place.come()


async def test_an_organisation_is_found_by_the_domain_if_it_alone_claims_it(place: Place) -> None:
    offered = place.house.accounts.single_sign_on.offered_for

    assert await offered("anybody@EXAMPLE.org") == place.organisation_id
    for other in ("a@sub.example.org", "a@ample.org", "example.org", "", "@", "a@%"):
        assert await offered(other) is None


async def test_a_stranger_without_a_browser_ticket_is_refused(place: Place) -> None:
    sign_on = place.house.accounts.single_sign_on
    for answer in ({}, {"code": "x"}, {"state": "\ud800"}):
        with pytest.raises(MoverError):
            await sign_on.finish(place.organisation_id, Secret(""), answer, CLIENT)


async def test_an_unverified_account_of_somebody_elses_making_does_not_get_in_by_the_owner_of_the_address(
    tmp_path: Path, certificates: Path
) -> None:
    """Without mail, whoever invites has the link, and can make an account with the address of anybody.

    If the one whose address it is then came by their organisation's provider, the maker's password would open that
    organisation from there on.
    """
    ca_file = make_certificates(certificates).ca_file
    async with (
        open_house(tmp_path, ca_file=ca_file, mail=False) as house,
        openid_provider(certificates, START) as provider,
    ):
        place = Place(house, provider, house.founded.organisation.id)
        await place.configure()
        accounts = house.accounts
        others = await accounts.organisations.create(house.owner, "Others")
        there = (await accounts.sessions.switch(await house.sign_in(), others.id, CLIENT)).signed_in
        invited = await accounts.invitations.invite(there.actor, "ben@example.org", Role.VIEWER)
        assert invited.link is not None
        await accounts.invitations.accept_as_new(
            Secret(invited.link.reveal().rpartition("/")[2]), name="Eve", password=PASSWORD, client=CLIENT
        )

        with pytest.raises(PermissionDenied, match="nobody has shown"):
            await place.come()

        squatter = await house.sign_in("ben@example.org")
        joined = await accounts.people.memberships(squatter)
        assert [one.organisation_name for one in joined] == ["Others"]


async def test_single_sign_on_shows_no_passkeys(place: Place) -> None:
    """The provider vouches for this organisation only; what a person signs in with elsewhere is not its business."""
    cat = await place.house.add_person("cat@example.org", Role.VIEWER)
    authenticator = Authenticator()
    begun = await place.house.accounts.passkeys.begin_registration(cat)
    await place.house.accounts.passkeys.finish_registration(
        cat, begun.ticket, authenticator.register(begun.options), name="Cat's own laptop at home"
    )
    place.provider.user |= {"sub": "u-2", "email": "cat@example.org"}

    signed_in = (await place.come()).signed_in

    assert signed_in.person.id == cat.person.id
    assert await place.house.accounts.passkeys.all(signed_in) == []


async def test_arrivals_by_single_sign_on_end_no_sessions_of_elsewhere(place: Place) -> None:
    cat = await place.house.add_person("cat@example.org", Role.VIEWER)
    own = await place.house.enter("cat@example.org")
    place.provider.user |= {"sub": "u-2", "email": "cat@example.org"}
    place.house.clock.at += 1

    for n in range(MOST_SESSIONS + 2):
        place.house.clock.at += 60 * (n % 20 == 0)
        await place.come()

    assert (await place.house.accounts.sessions.find(own.token)).person.id == cat.person.id
