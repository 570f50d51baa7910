from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.servers.oauth import AuthorizationServer, authorization_server
from tests.transport.conftest import LIMITS, LOOPBACK

from mover.transport.egress import Egress
from mover.transport.http import HttpSession


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def server(certificates: Path) -> Iterator[AuthorizationServer]:
    with authorization_server(certificates) as running:
        yield running


@pytest.fixture
async def http(server: AuthorizationServer) -> AsyncIterator[HttpSession]:
    egress = Egress(allowed=LOOPBACK, ca_file=server.ca_file, limits=LIMITS)
    yield egress.http("acme")
    await egress.close()
