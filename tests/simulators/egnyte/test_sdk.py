"""Egnyte's own SDK works against the simulator unchanged, under the vendor's own name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from simulators.front import RunningFront
from tests.servers.simulators import client_environment

from simulators.egnyte import Egnyte

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def test_an_hour_of_work_with_the_sdk(simulators: RunningFront, tmp_path: Path) -> None:
    vendor = simulators.world.vendors["egnyte"]
    assert isinstance(vendor, Egnyte)
    owner = vendor.add_person("olivia@acme.example", is_admin=True)
    vendor.add_person("ann@acme.example")
    vendor.accounts.add_group("sales@acme.example", "Sales")
    vendor.gate.limits.per_second = 20  # the SDK waits as it is told to
    command = [
        sys.executable,
        str(Path(__file__).with_name("hour.py")),
        "acme.egnyte.com",
        vendor.sign_in(owner).value,
    ]
    done = subprocess.run(
        command,
        env=dict(client_environment(simulators, tmp_path)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("checksum").startswith("2-3-10000000-")
    assert found == {
        "who": "olivia@acme.example",
        "names": ["a.txt", "large.bin"],
        "versions": 2,
        "missing": True,
        "permissions": ["Editor", "Viewer"],
        "user": "ann",
        "actions": ["create", "move"],
        "groups": ["Sales"],
    }
    assert vendor.gate.early == 0
