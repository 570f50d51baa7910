"""A person signs in with a browser, tokens end and are renewed, and are taken back."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from simulators.front import RunningFront
from tests.contract import google as people
from tests.contract.acts import names
from tests.contract.services import forget
from tests.servers.simulators import simulators_egress

from mover.connectors.contract import Connector
from mover.connectors.google.config import GoogleConfig
from mover.connectors.google.sign_in import OAUTH
from mover.connectors.registry import Surroundings, connector_type
from mover.entries import EntryRef
from mover.errors import SignInFailed
from mover.transport.http import HttpSession
from mover.transport.oauth.authorization import SignInRefused, authorization_address, code_of, redeem
from mover.transport.oauth.description import AppRegistration
from mover.transport.oauth.proofs import Proofs
from mover.transport.oauth.revocation import revoke_tokens
from mover.transport.oauth.tokens import MemoryKeeper, Secrets
from mover.transport.oauth.user_tokens import secrets_of
from mover.vault.secret import Secret
from simulators.google import Google

pytestmark = pytest.mark.servers

MINE = EntryRef("/My Drive", "root")
APP = AppRegistration(client_id="test-app", client_secret=Secret("test-secret"))
PROOFS = Proofs.of(Secret("ticket"), "test")
BACK = "http://127.0.0.1:5555/"
CONFIG = GoogleConfig(allowed_domain="example.org")


@pytest.fixture
async def http(simulators: RunningFront) -> AsyncIterator[HttpSession]:
    egress = simulators_egress(simulators)
    yield egress.http("google")
    await egress.close()


def _consent(front: RunningFront, decision: str) -> Mapping[str, str]:
    """Do in the browser what a person does, and return what comes back."""
    address = authorization_address(OAUTH, CONFIG, APP, PROOFS, BACK)
    trusted = ssl.create_default_context(cafile=front.ca_file)
    with httpx.Client(proxy=front.proxy_url, verify=trusted, trust_env=False) as browser:
        assert people.ALICE in browser.get(address).text
        answer = browser.post(address, data={"person": people.ALICE, "decision": decision})
    assert answer.headers["location"].startswith(BACK)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def _signed_in(front: RunningFront, http: HttpSession) -> dict[str, Secret]:
    code = code_of(_consent(front, "allow"), OAUTH, CONFIG, PROOFS)
    granted = await redeem(http, OAUTH, CONFIG, APP, code, PROOFS, BACK)
    return secrets_of(granted, front.world.clock.now_s())


def _connector(front: RunningFront, secrets: Secrets) -> Connector:
    kind = connector_type("google")
    return kind.make(
        GoogleConfig(**secrets),
        Surroundings(
            egress=simulators_egress(front),
            remember=forget,
            keeper=MemoryKeeper(secrets),
            apps={"google": APP},
        ),
    )


@pytest.mark.usefixtures("google")
async def test_browser_leads_to_tokens_that_outlive_their_hour(
    simulators: RunningFront, google: Google, http: HttpSession
) -> None:
    secrets = await _signed_in(simulators, http)
    assert {"refresh_token", "access_token"} <= secrets.keys()
    connector = _connector(simulators, secrets)
    account = await connector.sign_in()
    assert (account.description, account.email) == ("alice@example.org at Google Drive", people.ALICE)
    simulators.world.clock.advance(2 * 3600)
    assert await names(connector, MINE) == []
    assert google.tally.calls["oauth.token"] == 2
    await connector.close()


def test_address_asks_for_offline_access_of_one_scope_and_one_domain() -> None:
    for read_only, scope in ((False, "drive"), (True, "drive.readonly")):
        config = GoogleConfig(allowed_domain="example.org", read_only=read_only)
        asked = dict(parse_qsl(urlsplit(authorization_address(OAUTH, config, APP, PROOFS, BACK)).query))
        assert asked["scope"] == f"https://www.googleapis.com/auth/{scope}"
        assert (asked["access_type"], asked["hd"], asked["code_challenge_method"]) == (
            "offline",
            "example.org",
            "S256",
        )


@pytest.mark.usefixtures("google")
def test_person_who_says_no_is_understood(simulators: RunningFront) -> None:
    with pytest.raises(SignInRefused):
        code_of(_consent(simulators, "deny"), OAUTH, CONFIG, PROOFS)


async def test_revoked_tokens_end_the_connection(
    simulators: RunningFront, google: Google, http: HttpSession
) -> None:
    secrets = await _signed_in(simulators, http)
    connector = _connector(simulators, secrets)
    await connector.sign_in()
    await revoke_tokens(http, OAUTH, CONFIG, secrets, {"google": APP})
    await revoke_tokens(http, OAUTH, CONFIG, secrets, {"google": APP})
    with pytest.raises(SignInFailed) as caught:
        await names(connector, MINE)
    assert secrets["refresh_token"].reveal() not in str(caught.value)
    assert google.tally.calls["oauth.revoke"] == 2
    await connector.close()


async def test_token_for_reading_alone_cannot_write(simulators: RunningFront, google: Google) -> None:
    scope = "https://www.googleapis.com/auth/drive.readonly"
    token = simulators.inside(lambda: google.token(people.ALICE, scopes=[scope]))
    connector = people.connects(simulators, "google", {"access_token": token})()
    await connector.sign_in()
    assert await names(connector, MINE) == []
    with pytest.raises(Exception, match="not granted"):
        await connector.create_folder(MINE, "folder")
    await connector.close()
