from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.staging.streams import MIB

from mover.staging import Staging


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "staging"


@pytest.fixture
async def in_memory(folder: Path) -> AsyncIterator[Staging]:
    async with Staging(folder, memory_bytes=64 * MIB, disk_bytes=0) as staging:
        yield staging


@pytest.fixture
async def on_disk(folder: Path) -> AsyncIterator[Staging]:
    async with Staging(folder, memory_bytes=0, disk_bytes=64 * MIB) as staging:
        yield staging


@pytest.fixture(params=["in_memory", "on_disk"])
def staging(request: pytest.FixtureRequest) -> Staging:
    found: Staging = request.getfixturevalue(request.param)
    return found
