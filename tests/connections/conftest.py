from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.connections.fake_service import FakeService
from tests.database_url import BOTH, Kind, using

from mover.connections.connections import Connections
from mover.database.database import Database
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault


@pytest.fixture(params=BOTH)
def database_kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """All of it on both."""
    yield from using(Kind(request.param))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def vault(database: Database, tmp_path: Path) -> Vault:
    return Vault(database, FileKeyProvider(tmp_path / "keys" / "global.key"))


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def connections(database: Database, vault: Vault, service: FakeService) -> AsyncIterator[Connections]:
    egress = Egress()
    yield Connections(database, vault, egress, types=service.types, now=lambda: 1_700_000_000.0)
    await egress.close()
