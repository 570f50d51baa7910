"""Connections to Acme, a service that is signed in to with a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.database_url import Kind, using
from tests.servers import acme
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, AuthorizationServer, authorization_server

from mover.connections.browser_sign_in import BrowserSignIn
from mover.connections.connections import Connections
from mover.database.database import Database
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.oauth.description import AppRegistration
from mover.vault.secret import Secret
from mover.vault.vault import Vault

APPS = {"box": AppRegistration(client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET))}


@pytest.fixture
def database_kind() -> Iterator[Kind]:
    """One of them: what leases and transactions do on both is tested with the vault."""
    yield from using(Kind.SQLITE)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def server(certificates: Path) -> Iterator[AuthorizationServer]:
    with authorization_server(certificates) as running:
        yield running


@pytest.fixture
async def egress(server: AuthorizationServer) -> AsyncIterator[Egress]:
    made = Egress(allowed=PrivateAddresses(every=True), ca_file=server.ca_file)
    yield made
    await made.close()


@pytest.fixture
def connections(database: Database, vault: Vault, egress: Egress) -> Connections:
    return Connections(database, vault, egress, apps=APPS, types=acme.types)


@pytest.fixture
def signing_in(connections: Connections, egress: Egress) -> BrowserSignIn:
    return BrowserSignIn(connections, egress, APPS, types=acme.types)
