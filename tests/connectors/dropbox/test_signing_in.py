"""Tokens: consent, renewal, revocation, suspension, and accounts that are not meant."""

from __future__ import annotations

import ssl
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import account, content, put, surroundings, target, team

from mover.connectors.dropbox import BUSINESS_TYPE, CONNECTOR_TYPE
from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector
from mover.connectors.registry import ConnectorType, Surroundings
from mover.entries import ROOT, EntryRef
from mover.errors import AccountSuspended, PermissionDenied, SignInFailed, TokenRenewed
from mover.transport.oauth.authorization import authorization_address, redeem
from mover.transport.oauth.description import RevokeBy
from mover.transport.oauth.proofs import Proofs
from mover.transport.oauth.tokens import MemoryKeeper
from mover.vault.secret import Secret

pytestmark = pytest.mark.servers
_REDIRECT = "http://127.0.0.1:49152/"


async def _consented(front: RunningFront, kind: ConnectorType, email: str) -> dict[str, Secret]:
    """Go the way of a browser, and return what a configuration gets from it."""
    assert kind.oauth is not None
    config = kind.config.model_validate({})
    around = surroundings(front)
    app = around.apps["dropbox"]
    proofs = Proofs.of(Secret("a ticket"), "test")
    address = authorization_address(kind.oauth, config, app, proofs, _REDIRECT)
    assert address.startswith("https://www.dropbox.com/oauth2/authorize?")
    trusted = ssl.create_default_context(cafile=front.ca_file)
    async with httpx.AsyncClient(proxy=front.proxy_url, verify=trusted, trust_env=False) as browser:
        assert email in (await browser.get(address)).text
        back = await browser.post(address, data={"person": email, "decision": "allow"})
    answer = dict(parse_qsl(urlsplit(back.headers["location"]).query))
    http = around.egress.http("dropbox")
    granted = await redeem(http, kind.oauth, config, app, Secret(answer["code"]), proofs, _REDIRECT)
    await http.close()
    assert granted.refresh_token is not None
    return {"access_token": granted.access_token, "refresh_token": granted.refresh_token}


def _kept(front: RunningFront, secrets: dict[str, Secret]) -> Surroundings:
    around = surroundings(front)
    return Surroundings(
        egress=around.egress, remember=around.remember, keeper=MemoryKeeper(secrets), apps=around.apps
    )


async def test_consent_gives_tokens_that_are_renewed_when_dropbox_says_that_they_ended(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    secrets = await _consented(simulators, CONNECTOR_TYPE, alice.email)
    around = _kept(simulators, secrets)
    connector = CONNECTOR_TYPE.make(CONNECTOR_TYPE.config.model_validate(secrets), around)
    assert (await connector.sign_in()).description == "alice@example.com at Dropbox"
    dropbox.clock.advance(14_401)
    file = await put(connector, ROOT, "file", b"x")
    assert dropbox.tally.statuses[401] == 1
    assert dropbox.tally.calls["token"] == 2
    dropbox.clock.advance(14_401)
    stream = target(ROOT, "stream")
    data = content(bytes(600_000))
    data.repeatable = False
    with pytest.raises(TokenRenewed):
        await connector.upload(stream, data)
    await connector.upload(stream, content(bytes(600_000)))
    assert (await connector.refresh(file)).size == 1
    await connector.close()


async def test_a_revoked_grant_ends_in_advice_to_connect_again(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    secrets = await _consented(simulators, CONNECTOR_TYPE, alice.email)
    connector = CONNECTOR_TYPE.make(CONNECTOR_TYPE.config.model_validate(secrets), _kept(simulators, secrets))
    await connector.sign_in()
    simulators.inside(lambda: dropbox.accounts.revoke_all(alice))
    with pytest.raises(SignInFailed) as caught:
        await connector.look_up("/file")
    assert "again" in caught.value.advice
    await connector.close()


async def test_revocation_is_a_call_in_the_tokens_own_name(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    assert CONNECTOR_TYPE.oauth is not None
    assert CONNECTOR_TYPE.oauth.revoke_by is RevokeBy.BEARER
    secrets = await _consented(simulators, CONNECTOR_TYPE, alice.email)
    assert CONNECTOR_TYPE.oauth.revoke_url is not None
    http = surroundings(simulators).egress.http("dropbox")
    shown = {"Authorization": f"Bearer {secrets['access_token'].reveal()}"}
    url = CONNECTOR_TYPE.oauth.revoke_url(None)
    async with http.request("POST", url, headers=shown, body=b"") as answer:
        assert answer.status == 200
    await http.close()
    assert dropbox.accounts.find(secrets["refresh_token"].reveal(), "refresh") is None


async def test_an_administrators_consent_gives_the_whole_team(
    simulators: RunningFront, admin: Person
) -> None:
    secrets = await _consented(simulators, BUSINESS_TYPE, admin.email)
    connector = BUSINESS_TYPE.make(BUSINESS_TYPE.config.model_validate(secrets), _kept(simulators, secrets))
    assert (await connector.sign_in()).description == "Example Ltd at Dropbox, by admin@example.com"
    assert connector.service == "dropbox-business"
    await connector.close()


async def test_a_token_of_the_other_kind_says_so(
    simulators: RunningFront, dropbox: Dropbox, admin: Person
) -> None:
    with pytest.raises(SignInFailed, match="connect it as dropbox-business"):
        async with account(simulators, admin, token=dropbox.team_token(admin)):
            pass
    with pytest.raises(SignInFailed, match="administrator"):
        async with team(simulators, admin, access_token=Secret(dropbox.token_of(admin))):
            pass


async def test_the_account_tells_what_rules_about_accounts_need(
    connector: DropboxConnector, business: DropboxBusinessConnector
) -> None:
    one, all_of_them = await connector.sign_in(), await business.sign_in()
    assert (one.email, one.tenant) == ("alice@example.com", "")
    assert all_of_them.email == "admin@example.com"
    assert all_of_them.tenant.startswith("dbtid:")


async def test_a_suspended_account_is_told_as_such_and_costs_no_new_token(
    connector: DropboxConnector, dropbox: Dropbox, alice: Person
) -> None:
    alice.is_active = False
    with pytest.raises(AccountSuspended):
        await connector.look_up("/file")
    assert dropbox.tally.calls["token"] == 0


async def test_a_suspended_member_is_told_as_such_and_others_go_on(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    bob = dropbox.accounts.person_of("bob@example.com")
    assert bob is not None
    bob.is_active = False
    with pytest.raises(AccountSuspended):
        await put(business, EntryRef("/Users/bob@example.com"), "file")
    await put(business, EntryRef("/Users/carol@example.com"), "file")


async def test_a_member_who_is_suspended_in_the_middle_is_told_as_such(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    file = await put(business, EntryRef("/Users/bob@example.com"), "file")
    bob = dropbox.accounts.person_of("bob@example.com")
    assert bob is not None
    bob.is_active = False
    with pytest.raises(AccountSuspended) as caught:
        await business.refresh(file)
    assert caught.value.path == file.path


async def test_a_missing_permission_of_the_app_is_named(
    simulators: RunningFront, dropbox: Dropbox, alice: Person
) -> None:
    scopes = ("account_info.read", "files.metadata.read")
    token = dropbox.accounts.issue(alice, lifetime_s=None, scopes=scopes).value
    async with account(simulators, alice, token=token) as connector:
        with pytest.raises(PermissionDenied, match="permission") as caught:
            await connector.create_folder(ROOT, "new")
    assert "missing_scope" in str(caught.value)
