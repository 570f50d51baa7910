"""A tenant, and connectors to it that are signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from simulators.front import RunningFront
from tests.contract.services import forget
from tests.servers.simulators import simulators_egress

from mover.connectors.microsoft import CONNECTOR_TYPE, OFFICE365_TYPE, SHAREPOINT_TYPE
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.registry import ConnectorType, Surroundings
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft

Connects = Callable[..., Awaitable[MicrosoftConnector]]


@pytest.fixture
def vendor(simulators: RunningFront) -> Microsoft:
    found = simulators.world.vendors["microsoft"]
    assert isinstance(found, Microsoft)
    return found


@pytest.fixture
async def connects(simulators: RunningFront) -> AsyncIterator[Connects]:
    """Makes connectors and signs them in; closes them in the end."""
    made: list[MicrosoftConnector] = []

    async def connect(
        kind: ConnectorType,
        *,
        signs_in: bool = True,
        surroundings: dict[str, Any] | None = None,
        **values: Any,
    ) -> MicrosoftConnector:
        around = Surroundings(egress=simulators_egress(simulators), remember=forget, **(surroundings or {}))
        connector = kind.make(kind.config.model_validate(values), around)
        assert isinstance(connector, MicrosoftConnector)
        made.append(connector)
        if signs_in:
            await connector.sign_in()
        return connector

    yield connect
    for connector in made:
        await connector.close()


@pytest.fixture
async def drive(vendor: Microsoft, connects: Connects) -> MicrosoftConnector:
    """The work OneDrive of anna@contoso.example."""
    anna = vendor.add_user("anna")
    return await connects(CONNECTOR_TYPE, access_token=Secret(vendor.token(anna)))


@pytest.fixture
async def personal(vendor: Microsoft, connects: Connects) -> MicrosoftConnector:
    """The personal OneDrive of paul@outlook.example."""
    paul = vendor.add_microsoft_account("paul@outlook.example")
    return await connects(CONNECTOR_TYPE, access_token=Secret(vendor.token(paul)))


@pytest.fixture
async def sites(vendor: Microsoft, connects: Connects) -> MicrosoftConnector:
    """SharePoint as anna@contoso.example sees it."""
    anna = vendor.add_user("anna")
    vendor.add_site("Marketing", ("Documents", "Archive"))
    return await connects(SHAREPOINT_TYPE, access_token=Secret(vendor.token(anna)))


@pytest.fixture
async def tenant(vendor: Microsoft, connects: Connects) -> MicrosoftConnector:
    """All of contoso.example."""
    vendor.add_user("anna")
    vendor.add_site("Marketing", ("Documents", "Archive"))
    return await connects(
        OFFICE365_TYPE,
        tenant=vendor.state.tenant_id,
        client_id="test-app",
        client_secret=Secret("test-secret"),
    )


@pytest.fixture(params=["work", "personal"])
async def either(request: pytest.FixtureRequest, vendor: Microsoft, connects: Connects) -> MicrosoftConnector:
    """A OneDrive of each kind in turn."""
    owner = (
        vendor.add_user("anna")
        if request.param == "work"
        else vendor.add_microsoft_account("paul@outlook.example")
    )
    return await connects(CONNECTOR_TYPE, access_token=Secret(vendor.token(owner)))
