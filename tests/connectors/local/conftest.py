"""A connector to a folder of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mover.connectors.local.config import LocalConfig
from mover.connectors.local.connector import LocalConnector


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
async def connector(folder: Path) -> AsyncIterator[LocalConnector]:
    made = LocalConnector(LocalConfig(path=folder))
    await made.sign_in()
    yield made
    await made.close()
