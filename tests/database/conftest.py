from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.database_url import BOTH, Kind, as_administrator, using
from tests.quick_schema import step_by_step

from mover.database.database import Database


@pytest.fixture(params=BOTH)
def database_kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """All of it on both."""
    yield from using(Kind(request.param))


@pytest.fixture
def revisions_run() -> Iterator[None]:
    """New files get their schema by the revisions, one after the other."""
    with step_by_step():
        yield


@pytest.fixture
def database_url(database_url: str) -> str:
    """One in which a test may make tables of its own."""
    return as_administrator(database_url)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is, if it is one."""
    return tmp_path / "state" / "mover.db"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()
