from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.database_url import BOTH, Kind, using

from mover.database.database import Database
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "global.key"


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
def vault(database: Database, key_file: Path) -> Vault:
    return Vault(database, FileKeyProvider(key_file))
