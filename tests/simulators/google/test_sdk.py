"""Google's own Python client works against the simulator, unchanged; what it exchanges is as Google's description says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from simulators.front import RunningFront
from tests.contract import google as people
from tests.servers.simulators import client_environment
from tests.simulators.google.description import check, description

from simulators.google import Google

pytestmark = pytest.mark.servers

WORK = Path(__file__).with_name("sdk_work.py")
LIMIT_S = 120


def test_googles_client_does_its_work(simulators: RunningFront, google: Google, tmp_path: Path) -> None:
    key = people.administrator(simulators)["service_account"].reveal()
    token = simulators.inside(lambda: google.token(people.ALICE))
    google.tally.records = True
    done = subprocess.run(
        [sys.executable, str(WORK), token, key, people.ALICE, str(tmp_path)],
        env=dict(client_environment(simulators, tmp_path)),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert google.permissions.mails == []
    assert google.tally.total > 40
    if (found := description()) is None:
        pytest.skip(
            "the work was done; the exchanges are not checked, since Google's description is not here"
        )
    assert check(found, google.tally.exchanges) > 40
