"""From a browser's return to a connection that works, and what is never lost on the way."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.connections.oauth.conftest import APPS
from tests.servers import acme
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, PEOPLE, AuthorizationServer

from mover.connections.account_rules import WrongAccount
from mover.connections.browser_sign_in import BrowserSignIn, Wanted
from mover.connections.connections import Connections
from mover.connections.service_rules import ServiceRules
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.transport.egress import Egress
from mover.transport.oauth.authorization import NotTheOneWhoLeft
from mover.transport.oauth.proofs import Proofs
from mover.transport.oauth.refusals import AppMissing, AppRefused, GrantRefused
from mover.vault.secret import Secret
from mover.vault.vault import Vault

BACK = "https://mover.example.org/connections/oauth/box/return"
Filled = dict[str, str | Secret]
PROOFS = Proofs.of(Secret("ticket"), "connection")


async def come(
    connections: Connections,
    signing_in: BrowserSignIn,
    server: AuthorizationServer,
    *,
    name: str = "work",
    email: str = PEOPLE[0],
    replace: bool = False,
    **values: str | Secret,
):
    """Leave, agree, come back, and save."""
    wanted = Wanted(name=name, service="acme", values={"url": server.url, **values}, replace=replace)
    address = await signing_in.address(wanted, PROOFS, BACK)
    answer = dict(parse_qsl(urlsplit(server.agree(address, email)).query))
    filled = await signing_in.tokens(wanted, answer, PROOFS, BACK)
    account, found = await connections.rehearse(name, "acme", filled, replace=replace)
    saved = await connections.add(name, "acme", {**filled, **found}, replace=replace)
    return saved, account


async def test_somebody_signs_in_and_the_connection_works(
    connections: Connections, signing_in: BrowserSignIn, server: AuthorizationServer
):
    saved, account = await come(connections, signing_in, server)

    assert account.description == "ann@example.org at Acme"
    assert saved.config == {"url": server.url, "account": "ann@example.org"}
    await (await connections.open("work")).close()
    assert server.exchanges == []


async def test_signing_in_anew_keeps_the_connections_id_and_replaces_its_tokens(
    connections: Connections, signing_in: BrowserSignIn, server: AuthorizationServer, vault: Vault
):
    before, _ = await come(connections, signing_in, server)
    old = await vault.fetch_all("local", before.owner)
    server.expire("access")
    server.expire("refresh")
    with pytest.raises(GrantRefused):
        await connections.open("work")

    after, _ = await come(connections, signing_in, server, replace=True)

    assert (after.id, after.created_ns) == (before.id, before.created_ns)
    new = await vault.fetch_all("local", before.owner)
    assert all(old[name] != new[name] for name in ("access_token", "refresh_token"))
    await (await connections.open("work")).close()


async def test_an_app_of_ones_own_need_not_be_typed_again_as_long_as_nothing_else_changes(
    connections: Connections, server: AuthorizationServer, egress: Egress
):
    own = BrowserSignIn(connections, egress, {}, types=acme.types)
    with pytest.raises(AppMissing):
        await come(connections, own, server)
    secret = Secret(CLIENT_SECRET)
    await come(connections, own, server, client_id=CLIENT_ID, client_secret=secret)
    await come(connections, own, server, replace=True, client_id=CLIENT_ID)
    with pytest.raises(AppRefused):
        await come(connections, own, server, replace=True, client_id=CLIENT_ID, allowed_domain="example.org")


async def test_what_comes_back_for_another_departure_saves_nothing(
    connections: Connections, signing_in: BrowserSignIn, server: AuthorizationServer
):
    wanted = Wanted(name="work", service="acme", values={"url": server.url})
    other = Proofs.of(Secret("other"), "connection")
    answer = dict(parse_qsl(urlsplit(server.agree(await signing_in.address(wanted, other, BACK))).query))
    with pytest.raises(NotTheOneWhoLeft):
        await signing_in.tokens(wanted, answer, PROOFS, BACK)
    assert server.forms == []
    assert await connections.all() == []


@pytest.mark.parametrize("name", ["no name", "file", ""])
async def test_nobody_leaves_for_a_connection_that_could_not_be_saved(
    connections: Connections, signing_in: BrowserSignIn, server: AuthorizationServer, name: str
):
    with pytest.raises(InvalidConfiguration):
        await come(connections, signing_in, server, name=name)
    await come(connections, signing_in, server)
    with pytest.raises(InvalidConfiguration, match="already"):
        await come(connections, signing_in, server)


async def test_the_wrong_account_is_not_connected(
    connections: Connections, signing_in: BrowserSignIn, server: AuthorizationServer
):
    with pytest.raises(WrongAccount, match=r"ben@elsewhere\.example is not an account of Example\.org"):
        await come(connections, signing_in, server, email=PEOPLE[1], allowed_domain="Example.org")
    with pytest.raises(WrongAccount, match="organisation t-1"):
        await come(connections, signing_in, server, allowed_tenant="t-1")
    assert await connections.all() == []
    await come(connections, signing_in, server, allowed_domain="Example.org", allowed_tenant="EXAMPLE.ORG")


async def test_domains_that_the_operator_does_not_allow_are_not_used_either_when_saved_before(
    connections: Connections,
    signing_in: BrowserSignIn,
    server: AuthorizationServer,
    database: Database,
    vault: Vault,
    egress: Egress,
):
    await come(connections, signing_in, server, email=PEOPLE[1])
    rules = ServiceRules(account_domains=("example.org", "example.com"))
    strict = Connections(database, vault, egress, rules=rules, apps=APPS, types=acme.types)
    with pytest.raises(WrongAccount, match=r"operator allows: example\.org, example\.com"):
        await strict.open("work")
    await come(strict, signing_in, server, name="other")


async def test_tokens_that_a_trial_used_up_are_saved_as_what_they_became(
    connections: Connections, server: AuthorizationServer
):
    given = server.consent()
    values: Filled = {"url": server.url, "refresh_token": Secret(given["refresh_token"])}
    _, found = await connections.rehearse("dev", "acme", values)
    assert server.exchanges == [given["refresh_token"]]

    await connections.add("dev", "acme", {**values, **found})

    await (await connections.open("dev")).close()
    server.expire("access")
    await (await connections.open("dev")).close()
    assert len(server.exchanges) == 2


async def test_a_developers_access_token_can_be_given(connections: Connections, server: AuthorizationServer):
    values: Filled = {"url": server.url, "access_token": Secret(server.consent()["access_token"])}
    await connections.add("dev", "acme", values)
    await (await connections.open("dev")).close()
