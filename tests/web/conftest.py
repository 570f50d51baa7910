"""The pages over installations of the API's tests, and over TLS with a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect, sync_playwright
from tests.api.installation import Installation, Running, make_installation, opened, running
from tests.api.samples import make_samples
from tests.servers.processes import tool
from tests.web.browsing import ARGUMENTS, PATIENCE_MS
from tests.web.office import Office, furnished

from mover.web.app import application_of, make_house


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return asyncio.run(make_installation(tmp_path_factory.mktemp("pages")))


@pytest.fixture(scope="session")
def samples(installation: Installation) -> dict[str, str]:
    """One of everything that an address can name; in the installation from then on."""

    async def make() -> dict[str, str]:
        async with opened(installation.home) as (services, _):
            return await make_samples(services, installation)

    return asyncio.run(make())


@pytest.fixture(scope="session")
def application(
    installation: Installation,
    samples: dict[str, str],  # noqa: ARG001 - they are in the installation before it is copied
    tmp_path_factory: pytest.TempPathFactory,
) -> FastAPI:
    """Made once: it takes longer than most tests. Each of them puts its own services into it."""

    async def make() -> FastAPI:
        async with running(installation, tmp_path_factory.mktemp("application") / "home") as answering:
            return application_of(make_house(answering.services))

    return asyncio.run(make())


@pytest.fixture
async def mover(installation: Installation, application: FastAPI, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(installation, tmp_path / "installation", application) as answering:
        yield answering


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Not for longer than a module: as long as it is there, no asynchronous test can run."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=tool("chromium"), args=list(ARGUMENTS), headless=True
        )
        expect.set_options(timeout=PATIENCE_MS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A Mover with people, connections and pairs, some of which have run."""
    with furnished(tmp_path_factory.mktemp("office")) as office:
        yield office
