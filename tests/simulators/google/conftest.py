from __future__ import annotations

import pytest
from simulators.front import RunningFront
from tests.contract import google as people

from simulators.google import Google


@pytest.fixture
def google(simulators: RunningFront) -> Google:
    """The simulated Google, with Alice, Bob, Carol and a shared drive."""
    return people.google_of(simulators)
