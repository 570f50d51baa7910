"""What the tests of the Box connector share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from simulators.front import RunningFront
from simulators.nodes import Drive
from tests.servers.box import ANN, box_of, connected

from mover.connectors.box import BoxConnector
from simulators.box import Box


@pytest.fixture
def box(simulators: RunningFront) -> Box:
    """The vendor, with two users."""
    return box_of(simulators)


@pytest.fixture
def drive(box: Box) -> Drive:
    """The tree of the first user."""
    return box.organisation.drive(ANN)


@pytest.fixture
async def connector(simulators: RunningFront, box: Box) -> AsyncIterator[BoxConnector]:
    """A signed-in connector of the first user; the calls of signing in are not counted."""
    async with connected(simulators) as made:
        box.tally.clear()
        yield made
