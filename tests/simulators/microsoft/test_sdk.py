"""Microsoft's own SDK works an hour against the simulator. It is slow to import: one process does all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from simulators.front import RunningFront
from tests.servers.simulators import client_environment
from tests.simulators.microsoft.description import check

from mover.hashing.quickxor import QuickXor
from simulators.microsoft import Microsoft

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def test_the_sdk_works_an_hour_unchanged(simulators: RunningFront, tmp_path: Path) -> None:
    vendor = simulators.world.vendors["microsoft"]
    assert isinstance(vendor, Microsoft)
    anna, ben = vendor.add_user("anna", quota=10_000_000), vendor.add_user("ben")
    vendor.add_site("Marketing", ("Documents", "Archive"))
    vendor.tally.records = True
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "sdk_hour.py"), ben.email],
        env={
            **client_environment(simulators, tmp_path),
            "TOKEN": vendor.token(anna),
            "APP_TOKEN": vendor.token(None),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    saw = json.loads(done.stdout)
    hasher = QuickXor()
    hasher.update(b"small content")
    library = vendor.drive_of(anna)
    assert saw["drive"] == [library.id, "business", 10_000_000]
    assert saw["small"][:2] == ["small #1.txt", 13]
    assert saw["large"] == ["large.bin", 1_048_576, "2020-02-02T02:02:02+00:00"]
    assert saw["resumed"] == ["655360-1048575", "655360-1048575", "201"]
    assert saw["read"] is True
    assert saw["range"] == [206, True]
    assert saw["pages"] == [2, 2, 1]
    assert saw["renamed"] == [True, "renamed.txt"]
    assert saw["shared"] == [[anna.email, ["owner"]], [ben.email, ["write"]]]
    assert saw["left"] == 1
    assert saw["versions"] == [14, 13]
    assert saw["changes"] == [
        "Books & more",
        "large.bin",
        *(f"page {n}.txt" for n in range(3)),
        "renamed.txt",
        "root",
    ]
    assert saw["gone"] == [404, "itemNotFound"]
    assert saw["users"] == [anna.email, ben.email]
    assert saw["libraries"] == ["Documents", "Archive"]
    folder = library.drive.at("/Books & more")
    assert folder is not None
    assert folder.properties.get("mails", 0) == 0
    assert check(vendor.tally.exchanges) >= 15
