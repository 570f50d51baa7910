from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.audit.log import Log, Made, make, open_log
from tests.database_url import BOTH, Kind, using


@pytest.fixture(params=BOTH)
def database_kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """All of it on both."""
    yield from using(Kind(request.param))


@pytest.fixture
async def log(tmp_path: Path, database_url: str) -> AsyncIterator[Log]:
    """An empty log."""
    opened = await open_log(tmp_path, database_url)
    yield opened
    await opened.database.close()


@pytest.fixture(scope="session", params=BOTH)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A log with everything in it, for the session."""
    yield from _made(Kind(request.param), tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="session")
def made_for_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The same in SQLite alone: a file does not tell where it is from."""
    yield from _made(Kind.SQLITE, tmp_path_factory.mktemp("audit"))


def _made(kind: Kind, folder: Path) -> Iterator[Made]:
    with_kind = using(kind)
    next(with_kind)
    one = make(folder)
    next(with_kind, None)
    yield one
    one.store.close()
