from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mover.database.database import Database
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "global.key"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite:///{tmp_path / 'state' / 'mover.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def vault(database: Database, key_file: Path) -> Vault:
    return Vault(database, FileKeyProvider(key_file))
