"""A domain at Egnyte with an owner, and connectors to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from simulators.accounts import Person
from simulators.front import RunningFront
from tests.contract.services import forget
from tests.servers.simulators import simulators_egress

from mover.connectors.egnyte import CONNECTOR_TYPE, EgnyteConnector
from mover.connectors.registry import Surroundings
from mover.vault.secret import Secret
from simulators.egnyte import Egnyte


@pytest.fixture
def vendor(simulators: RunningFront) -> Egnyte:
    found = simulators.world.vendors["egnyte"]
    assert isinstance(found, Egnyte)
    return found


@pytest.fixture
def owner(vendor: Egnyte) -> Person:
    vendor.add_person("ann@acme.example", "Ann Ash")
    return vendor.add_person("olivia@acme.example", "Olivia Oak", is_admin=True)


Connect = Callable[[str], EgnyteConnector]


@pytest.fixture
async def connect(simulators: RunningFront) -> AsyncIterator[Connect]:
    made: list[EgnyteConnector] = []

    def connect(token: str) -> EgnyteConnector:
        config = CONNECTOR_TYPE.config.model_validate({"domain": "acme", "access_token": Secret(token)})
        surroundings = Surroundings(egress=simulators_egress(simulators), remember=forget)
        connector = CONNECTOR_TYPE.make(config, surroundings)
        assert isinstance(connector, EgnyteConnector)
        made.append(connector)
        return connector

    yield connect
    for connector in made:
        await connector.close()


@pytest.fixture
def connector(vendor: Egnyte, owner: Person, connect: Connect) -> EgnyteConnector:
    return connect(vendor.sign_in(owner).value)
