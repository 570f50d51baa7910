"""Box's own SDK, unchanged, against the simulator."""

from __future__ import annotations

import pytest
from simulators.front import RunningFront
from tests.servers.box import box_of
from tests.simulators.box.script import work

pytestmark = pytest.mark.servers


@pytest.mark.usefixtures("sdk_environment")
def test_an_hour_of_work(simulators: RunningFront) -> None:
    work(box_of(simulators))
