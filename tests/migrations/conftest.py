from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.database_url import Kind
from tests.migrations.office import Office, made_template, opened

from mover.accounts.actor import Actor
from mover.database.database import Database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(made_template(tmp_path_factory.mktemp("template")))


@pytest.fixture
async def database(template: Path, database_kind: Kind) -> AsyncIterator[Database]:  # noqa: ARG001 - chosen before
    async with opened(template) as database:
        yield database


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.fixture
async def ann(office: Office) -> Actor:
    """The owner of the organisation `acme`."""
    return await office.organisation("acme")
