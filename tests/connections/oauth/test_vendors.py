"""The way of each vendor whose simulator there is: consent page, code, tokens, their renewal, and giving them back."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from simulators.accounts import Accounts
from simulators.front import RunningFront
from tests.servers.simulators import simulators_egress

from mover.connections.browser_sign_in import BrowserSignIn, Wanted
from mover.connections.connections import Connections
from mover.connections.revoking import Outcome
from mover.connectors.registry import connector_type, service_names
from mover.database.database import Database
from mover.errors import SignInFailed
from mover.transport.egress import Egress
from mover.transport.oauth.authorization import SignInRefused
from mover.transport.oauth.description import AppRegistration
from mover.transport.oauth.proofs import Proofs
from mover.vault.secret import Secret
from mover.vault.vault import Vault

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.promise("P6")]

EMAIL = "ann@contoso.example"
PROOFS = Proofs.of(Secret("ticket"), "connection")


@dataclass(frozen=True)
class Way:
    """How a vendor is furnished, and what is particular to it.

    `prepare` adds a person and returns the accounts and the address.
    """

    vendor: str
    prepare: Callable[[Any], tuple[Accounts, str]]
    values: Mapping[str, str] = field(default_factory=dict)
    renews: bool = True
    revokes: bool = True


def _box(vendor: Any) -> tuple[Accounts, str]:
    return vendor.organisation.accounts, vendor.organisation.add_person(EMAIL).email


def _dropbox(vendor: Any) -> tuple[Accounts, str]:
    return vendor.accounts, vendor.add_person(EMAIL).email


def _dropbox_team(vendor: Any) -> tuple[Accounts, str]:
    return vendor.accounts, vendor.add_member(EMAIL, is_admin=True).email


def _plain(vendor: Any) -> tuple[Accounts, str]:
    return vendor.accounts, vendor.add_person(EMAIL).email


def _microsoft(vendor: Any) -> tuple[Accounts, str]:
    return vendor.state.accounts, vendor.add_user("ann").email


WAYS = {
    "box": Way("box", _box),
    "dropbox": Way("dropbox", _dropbox),
    "dropbox-business": Way("dropbox", _dropbox_team),
    "egnyte": Way("egnyte", _plain, {"domain": "acme"}, renews=False, revokes=False),
    "google": Way("google", _plain),
    "onedrive": Way("microsoft", _microsoft, revokes=False),
    "sharepoint": Way("microsoft", _microsoft, {"tenant": "contoso.example"}, revokes=False),
}
BY_BROWSER = [name for name in service_names() if connector_type(name).oauth is not None]


@pytest.fixture
async def egress(simulators: RunningFront) -> AsyncIterator[Egress]:
    made = simulators_egress(simulators)
    yield made
    await made.close()


def apps(way: Way) -> dict[str, AppRegistration]:
    return {way.vendor: AppRegistration(client_id="test-app", client_secret=Secret("test-secret"))}


async def agree(front: RunningFront, address: str, email: str | None) -> dict[str, str]:
    """Be a browser at the consent page, and return what it brings back."""

    def browse() -> str:
        trusted = ssl.create_default_context(cafile=front.ca_file)
        with httpx.Client(proxy=front.proxy_url, verify=trusted) as browser:
            page = browser.get(address)
            assert page.status_code == 200, page.text
            assert email is None or f"Continue as {email}" in page.text
            decision = {"decision": "deny"} if email is None else {"decision": "allow", "person": email}
            answer = browser.post(address, data=decision)
            assert answer.status_code == 302, answer.text
            return answer.headers["location"]

    return dict(parse_qsl(urlsplit(await asyncio.to_thread(browse)).query))


def end_tokens(front: RunningFront, accounts: Accounts, kind: str) -> int:
    """Let all tokens of a kind be over; returns how many there were."""

    def end() -> int:
        ended = [token for token in accounts.tokens.values() if token.kind == kind and not token.is_spent]
        for token in ended:
            token.expires_ns = 0
        return len(ended)

    return front.inside(end)


def test_every_service_with_a_browser_is_tried():
    assert set(BY_BROWSER) <= WAYS.keys()


@pytest.mark.parametrize("name", BY_BROWSER)
async def test_a_person_signs_in_moves_on_and_leaves(
    name: str, simulators: RunningFront, database: Database, vault: Vault, egress: Egress
):
    way = WAYS[name]
    accounts, email = simulators.inside(lambda: way.prepare(simulators.world.vendors[way.vendor]))
    connections = Connections(database, vault, egress, apps=apps(way))
    signing_in = BrowserSignIn(connections, egress, apps(way))
    description = connector_type(name).oauth
    assert description is not None
    back = re.sub("^https://localhost:.*", "https://localhost:8443/", description.loopback).format(port=8976)

    async def come(email: str | None, *, replace: bool = False) -> None:
        again = Wanted(name="work", service=name, values=way.values, replace=replace)
        address = await signing_in.address(again, PROOFS, back)
        answer = await agree(simulators, address, email)
        values = await signing_in.tokens(again, answer, PROOFS, back)
        account, found = await connections.rehearse("work", name, values, replace=replace)
        assert account.email == email
        await connections.add("work", name, {**values, **found}, replace=replace)

    with pytest.raises(SignInRefused, match="access_denied"):
        await come(None)
    await come(email)
    before = (await connections.get("work")).id
    assert before

    # An hour later; twice, since some refresh tokens are good for one exchange.
    for _ in range(2 if way.renews else 0):
        assert end_tokens(simulators, accounts, "access")
        await (await connections.open("work")).close()

    # Somebody has withdrawn the consent at the vendor.
    end_tokens(simulators, accounts, "refresh")
    end_tokens(simulators, accounts, "access")
    with pytest.raises(SignInFailed) as caught:
        await connections.open("work")
    assert "onnect" in caught.value.advice
    await come(email, replace=True)
    assert (await connections.get("work")).id == before

    revocation = await connections.remove("work")

    assert revocation.outcome is (Outcome.REVOKED if way.revokes else Outcome.NOT_OFFERED), revocation.words
    left = [token for token in accounts.tokens.values() if token.expires_ns != 0 and not token.is_spent]
    assert bool(left) is not way.revokes
