"""What is given back to a service when a connection goes, and that nothing here waits for it for long."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.connections.oauth.conftest import APPS
from tests.servers import acme
from tests.servers.oauth import Answer, AuthorizationServer

from mover.connections.connections import Connections
from mover.connections.idle import IdleConnections
from mover.connections.revoking import Outcome, Revoking
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.transport.egress import Egress
from mover.vault.secret import Secret
from mover.vault.vault import Vault
from mover.workplace.farewells import Farewells

pytestmark = pytest.mark.promise("P6")


async def signed_in(
    connections: Connections, server: AuthorizationServer, name: str = "work", **more: str | Secret
) -> dict[str, str]:
    """A connection as it is after a browser came back."""
    given = server.consent()
    tokens = {
        "access_token": Secret(given["access_token"]),
        "refresh_token": Secret(given["refresh_token"]),
        "access_expires": Secret(f"{server.now_s() + 3600:.0f}"),
    }
    values = {"url": server.url, "account": "ann@example.org", **tokens, **more}
    await connections.add(name, "acme", {key: value for key, value in values.items() if value})
    return given


async def test_disconnecting_revokes_and_destroys(
    connections: Connections, server: AuthorizationServer, vault: Vault
):
    given = await signed_in(connections, server)
    owner = (await connections.get("work")).owner

    revocation = await connections.remove("work")

    assert (revocation.outcome, revocation.words) == (
        Outcome.REVOKED,
        "Acme has withdrawn Mover's access",
    )
    assert server.revocations == [given["refresh_token"]]
    assert not server.is_good(given["access_token"])
    assert await vault.fetch_all("local", owner) == {}


@pytest.mark.parametrize("trouble", [Answer(500), Answer(0), Answer(400, b'{"error": "invalid_client"}')])
async def test_a_service_that_does_not_take_it_back_is_named_and_the_secrets_are_gone_all_the_same(
    connections: Connections, server: AuthorizationServer, vault: Vault, trouble: Answer
):
    await signed_in(connections, server)
    owner = (await connections.get("work")).owner
    server.instead.append(trouble)

    revocation = await connections.remove("work")

    assert revocation.outcome is Outcome.FAILED
    assert revocation.needs_a_person
    assert revocation.words.startswith("Acme could not be told to withdraw Mover's access (")
    assert await vault.fetch_all("local", owner) == {}
    assert await connections.all() == []


async def test_a_service_that_never_answers_is_not_waited_for(
    connections: Connections, server: AuthorizationServer, egress: Egress, vault: Vault
):
    from mover.connections.grants import grant_of  # noqa: PLC0415 - used here only

    await signed_in(connections, server)
    server.hold.clear()
    grant = await grant_of(await connections.get("work"), (), vault, acme.types)
    assert grant is not None
    revocation = await Revoking(egress, APPS, limit_s=0.2).revoke(grant)
    assert revocation.words == (
        "Acme could not be told to withdraw Mover's access (no answer within 0.2 s): "
        "do so in the account's own security settings"
    )


async def test_a_consent_that_another_connection_lives_on_stays_until_that_goes_too(
    connections: Connections, server: AuthorizationServer
):
    await signed_in(connections, server, "one")
    await signed_in(connections, server, "two")
    assert (await connections.remove("one")).outcome is Outcome.SHARED
    assert server.revocations == []
    assert (await connections.remove("two")).outcome is Outcome.REVOKED


async def test_other_accounts_and_other_apps_have_consents_of_their_own(
    connections: Connections, server: AuthorizationServer
):
    await signed_in(connections, server, "one")
    await signed_in(connections, server, "two", account="ben@example.org")
    await signed_in(connections, server, "three", client_id="another")
    assert (await connections.remove("one")).outcome is Outcome.REVOKED


async def test_a_developers_token_is_left_alone(connections: Connections, server: AuthorizationServer):
    token = Secret(server.consent()["access_token"])
    await connections.add("dev", "acme", {"url": server.url, "access_token": token})
    revocation = await connections.remove("dev")
    assert (revocation.outcome, revocation.words) == (Outcome.NOTHING, "")
    assert server.is_good(token.reveal())


async def test_what_forbids_a_removal_forbids_the_revocation(
    connections: Connections, server: AuthorizationServer
):
    given = await signed_in(connections, server)

    def forbid(*_: object) -> None:
        raise InvalidConfiguration("no")

    with pytest.raises(InvalidConfiguration):
        await connections.remove("work", along=forbid)
    assert server.is_good(given["access_token"])


@pytest.fixture
def organisation(database: Database, vault: Vault, egress: Egress) -> Connections:
    return Connections(
        database, vault, egress, person="organisation:1", apps=APPS, types=acme.types, now=lambda: 1000.0
    )


async def test_what_nobody_used_for_long_is_given_back(
    organisation: Connections,
    server: AuthorizationServer,
    database: Database,
    vault: Vault,
    egress: Egress,
):
    given = [await signed_in(organisation, server, f"c{n}", account=f"a{n}@example.org") for n in range(3)]
    server.instead.append(Answer(503))
    idle = IdleConnections(database, vault, Revoking(egress, APPS), types=acme.types, now_ns=lambda: 10**18)

    assert await idle.deauthorise(limit=2) == 2
    assert await idle.deauthorise(limit=2) == 1
    assert await idle.deauthorise(limit=2) == 0

    alive = [server.is_good(each["access_token"]) for each in given]
    assert sorted(alive) == [False, False, True]  # one service was away; here its tokens are destroyed, too
    for connection in await organisation.all():
        assert connection.deauthorised_ns == 10**18
        assert await vault.fetch_all("organisation:1", connection.owner) == {}


async def test_an_organisation_that_ends_gives_back_everything_within_its_time(
    organisation: Connections,
    server: AuthorizationServer,
    database: Database,
    vault: Vault,
    egress: Egress,
):
    given = [await signed_in(organisation, server, f"c{n}") for n in range(20)]
    farewells = Farewells(database, vault, Revoking(egress, APPS), types=acme.types)
    give_back = await farewells("1")
    await vault.destroy_person("organisation:1")
    assert server.revocations == []

    await give_back()

    assert sorted(server.revocations) == sorted(each["refresh_token"] for each in given)


async def test_an_organisation_does_not_live_on_because_a_service_is_silent(
    organisation: Connections,
    server: AuthorizationServer,
    database: Database,
    vault: Vault,
    egress: Egress,
):
    await signed_in(organisation, server)
    server.hold.clear()
    farewells = Farewells(database, vault, Revoking(egress, APPS), types=acme.types, limit_s=0.2)
    give_back = await farewells("1")
    started = time.monotonic()
    await asyncio.wait_for(give_back(), 5)
    assert time.monotonic() - started < 5
