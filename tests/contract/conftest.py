"""The suite's fixtures: a service, a signed-in connector to it, and an empty folder there."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
from tests.contract.acts import need
from tests.contract.clouds import CLOUDS
from tests.contract.services import IN_PROCESS, REAL, Service

from mover.connectors.contract import Connector
from mover.entries import EntryRef


@pytest.fixture(scope="session")
def lacking() -> dict[tuple[str, str], str]:
    """What was found out to be missing, by service and fixture: others need not sign in and make folders to learn it."""
    return {}


@pytest.fixture(
    params=[*IN_PROCESS, *(pytest.param(name, marks=pytest.mark.servers) for name in (REAL | CLOUDS))]
)
def service(request: pytest.FixtureRequest, lacking: dict[tuple[str, str], str]) -> Service:
    """Each service in turn, unless it is known by now not to have what a fixture of the test's needs."""
    for name in request.fixturenames:
        if (capability := lacking.get((request.param, name))) is not None:
            need(False, capability)
    return (IN_PROCESS | REAL | CLOUDS)[request.param](request)


@pytest.fixture
async def connector(service: Service) -> AsyncIterator[Connector]:
    """A signed-in connector."""
    made = service.connect()
    try:
        await made.sign_in()
        yield made
    finally:
        await made.close()


@pytest.fixture
async def folder(service: Service, connector: Connector) -> EntryRef:
    """An empty folder of the test's own."""
    base = await connector.look_up(service.base)
    name = f"test-{uuid.uuid4().hex}"
    parent = EntryRef(service.base, base.id)
    made = await connector.create_folder(parent, name)
    return parent.child(name, made.id)
