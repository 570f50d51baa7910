"""Rclone, unchanged, against the simulator."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from simulators.blobs import content
from simulators.faults import Answer, LoseAnswer
from simulators.front import RunningFront
from tests.servers.box import ANN, box_of, rclone_of

from simulators.box import Box

pytestmark = pytest.mark.servers

FILES = {
    "a.txt": b"hello",
    "ünï 日本 🎉": b"x" * 1000,
    "deep/er/empty": b"",
    "deep/b+%&#;= {}.txt": b"y",
    "large.bin": random.Random(1).randbytes(51_000_000),
}
MOMENT = 1_600_000_000


@pytest.fixture
def box(simulators: RunningFront) -> Box:
    vendor = box_of(simulators)
    vendor.organisation.part_size = None  # as Box chooses: rclone sends nothing below 50 MB in chunks
    return vendor


@pytest.fixture
def rclone(simulators: RunningFront, tmp_path: Path) -> Callable[..., str]:
    return rclone_of(simulators, tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    folder = tmp_path / "local"
    for name, data in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (MOMENT, MOMENT))
    return folder


def test_it_copies_checks_lists_and_syncs(box: Box, rclone: Callable[..., str], local: Path) -> None:
    rclone("copy", local, "B:top")
    rclone("check", "--download", local, "B:top")
    listed = json.loads(rclone("lsjson", "-R", "--hash", "B:top"))
    found = {entry["Path"]: entry for entry in listed if not entry["IsDir"]}
    assert found.keys() == FILES.keys()
    assert all(found[name]["Size"] == len(data) for name, data in FILES.items())
    drive = box.organisation.drive(ANN)
    large = drive.at("/top/large.bin")
    assert large is not None
    assert content(large.version.blob) == FILES["large.bin"]
    assert large.modified_ns == MOMENT * 10**9

    box.tally.clear()
    rclone("sync", local, "B:top")
    assert set(box.tally.calls) == {"GET /2.0/folders/{id}/items"}

    (local / "a.txt").write_bytes(b"changed")
    (local / "deep/er/empty").unlink()
    rclone("sync", local, "B:top")
    rclone("check", local, "B:top")
    assert drive.at("/top/deep/er/empty") is None
    changed = drive.at("/top/a.txt")
    assert changed is not None
    assert len(changed.versions) == 2


def test_it_gets_through_faults(box: Box, rclone: Callable[..., str], local: Path) -> None:
    limited = b'{"type":"error","status":429,"code":"rate_limit_exceeded"}'
    box.faults.add(Answer(429, {"Retry-After": "1"}, limited), path=r"/files/content$", method="POST")
    box.faults.add(Answer(500), path=r"/items", skip=1)
    box.faults.add(LoseAnswer(), path=r"/upload_sessions/[^/]+$", method="PUT", skip=2)
    box.faults.switch("commit takes a while", 1)
    rclone("copy", local, "B:top", "--low-level-retries", "5")
    rclone("check", local, "B:top")
    assert box.tally.statuses[429] == 1
