from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.transfer.workbench import Workbench, workbench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    """An engine between two in-memory drives."""
    async with workbench(tmp_path) as made:
        yield made
