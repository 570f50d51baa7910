from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from simulators.front import RunningFront
from tests.contract import google as people

from mover.connectors.contract import Connector
from simulators.google import Google


@pytest.fixture
def google(simulators: RunningFront) -> Google:
    """The simulated Google, with Alice, Bob, Carol and a shared drive."""
    return people.google_of(simulators)


@pytest.fixture
async def drive(simulators: RunningFront, google: Google) -> AsyncIterator[Connector]:
    """Alice's account, signed in."""
    made = people.connects(simulators, "google", people.single(simulators))()
    await made.sign_in()
    google.tally.clear()
    yield made
    await made.close()


@pytest.fixture
async def domain(simulators: RunningFront, google: Google) -> AsyncIterator[Connector]:
    """The administrator's connection, signed in."""
    made = people.connects(simulators, "google-admin", people.administrator(simulators))()
    await made.sign_in()
    google.tally.clear()
    yield made
    await made.close()
