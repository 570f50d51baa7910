"""Databases for the API's tests: made once, and copied for each test, since making one takes longer than most tests."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.api.installation import Installation, Running, make_installation, opened, running
from tests.api.samples import make_samples
from tests.database_url import Kind, copy, fresh

from mover.database.database import Database


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "mover.db"

    async def make() -> None:
        await (await Database.open(f"sqlite:///{path}")).close()

    asyncio.run(make())
    return path


@pytest.fixture
async def database(empty_database: Path, tmp_path: Path, database_kind: Kind) -> AsyncIterator[Database]:
    home = tmp_path / "home"
    if database_kind is Kind.SQLITE:
        home.mkdir(mode=0o700)
        shutil.copy(empty_database, home)
    opened = await Database.open(fresh(home))
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return asyncio.run(make_installation(tmp_path_factory.mktemp("installation")))


@pytest.fixture(scope="session")
def furnished(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Installation, dict[str, str]]:
    """A copy with one of everything in it."""
    home = tmp_path_factory.mktemp("furnished") / "home"
    shutil.copytree(installation.home, home)
    copy(installation.home, home, lasting=True)

    async def make() -> dict[str, str]:
        async with opened(home) as (services, _):
            return await make_samples(services, installation)

    return replace(installation, home=home), asyncio.run(make())


@pytest.fixture
def samples(furnished: tuple[Installation, dict[str, str]]) -> dict[str, str]:
    """Ids of one of everything, by the names of parameters; whoever asks for it gets a `mover` that has them."""
    return furnished[1]


@pytest.fixture(scope="session")
def application(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """Made once: it takes longer than most tests. Each of them puts its own services into it."""

    async def make() -> FastAPI:
        async with running(installation, tmp_path_factory.mktemp("application") / "home") as answering:
            return answering.app

    return asyncio.run(make())


@pytest.fixture
async def mover(
    request: pytest.FixtureRequest, application: FastAPI, tmp_path: Path
) -> AsyncIterator[Running]:
    template: Installation = (
        request.getfixturevalue("furnished")[0]
        if "samples" in request.fixturenames
        else request.getfixturevalue("installation")
    )
    async with running(template, tmp_path / "installation", application) as answering:
        yield answering
