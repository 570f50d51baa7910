"""What the tests of Box's simulator share."""

from __future__ import annotations

import pytest
from simulators.front import RunningFront


@pytest.fixture
def sdk_environment(simulators: RunningFront, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `requests` find the simulators under Box's own names."""
    monkeypatch.setenv("HTTPS_PROXY", simulators.proxy_url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(simulators.ca_file))
