from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.accounts.house import House, open_house
from tests.database_url import BOTH, Kind, using


@pytest.fixture(params=BOTH)
def database_kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """All of it on both."""
    yield from using(Kind(request.param))


@pytest.fixture
async def house(tmp_path: Path, database_kind: Kind) -> AsyncIterator[House]:  # noqa: ARG001 - chosen before
    """Accounts with a founder."""
    async with open_house(tmp_path) as opened:
        yield opened
