"""rclone works against the simulator, unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from simulators.faults import Answer, DropRequest
from simulators.front import RunningFront
from tests.contract import google as people
from tests.contract.acts import some_bytes
from tests.servers.rclone_drive import Rclone
from tests.simulators.google.description import check, description

from simulators.google import Google

pytestmark = pytest.mark.servers

_BUSY = b'{"error": {"errors": [{"domain": "usageLimits", "reason": "userRateLimitExceeded"}], "code": 403}}'


@pytest.fixture
def local(tmp_path: Path) -> Path:
    folder = tmp_path / "local"
    for number in range(3):
        (folder / f"folder {number}").mkdir(parents=True)
        for file in range(3):
            (folder / f"folder {number}" / f"it's {file} ü.txt").write_bytes(
                some_bytes(1000, number * 10 + file)
            )
    (folder / "large").write_bytes(some_bytes(9_000_000))
    return folder


@pytest.fixture
def rclone(simulators: RunningFront, google: Google, tmp_path: Path) -> Rclone:
    home = tmp_path / "home"
    home.mkdir()
    return Rclone(simulators, home, simulators.inside(lambda: google.token(people.ALICE)))


def test_copy_check_list_and_sync(google: Google, rclone: Rclone, local: Path) -> None:
    google.tally.records = True
    rclone("copy", str(local), "drive:there")
    rclone("check", "--download", str(local), "drive:there")
    listed = json.loads(rclone("lsjson", "-R", "--hash", "--files-only", "drive:there"))
    assert len(listed) == 10
    assert all(set(each["Hashes"]) == {"md5", "sha1", "sha256"} for each in listed)
    (local / "large").unlink()
    (local / "folder 0" / "it's 0 ü.txt").write_bytes(b"changed")
    rclone("sync", str(local), "drive:there")
    rclone("check", str(local), "drive:there")
    assert google.drive_of(people.ALICE).at("/there/large") is None
    if (found := description()) is not None:
        assert check(found, google.tally.exchanges) > 30


def test_an_upload_goes_on_after_a_torn_connection_and_after_throttling(
    google: Google, rclone: Rclone, local: Path
) -> None:
    google.faults.add(DropRequest(after=3_000_000), path="upload_id=")
    google.faults.add(
        Answer(403, {"Content-Type": "application/json"}, _BUSY), path="/files", skip=2, times=2
    )
    rclone("copy", str(local / "large"), "drive:there")
    found = google.drive_of(people.ALICE).at("/there/large")
    assert found is not None
    assert found.size == 9_000_000
    assert google.tally.statuses[403] == 2


def test_a_shared_drive(simulators: RunningFront, google: Google, rclone: Rclone, local: Path) -> None:
    drive_id = next(iter(google.state.shared))
    team = Rclone(simulators, rclone.home, rclone.token, shared_drive=drive_id)
    team("copy", str(local / "folder 1"), "drive:there")
    team("check", "--download", str(local / "folder 1"), "drive:there")
    team("moveto", "drive:there", "drive:elsewhere")
    assert google.state.shared[drive_id].drive.at("/elsewhere/it's 0 ü.txt") is not None


def test_documents_are_exported(
    simulators: RunningFront, google: Google, rclone: Rclone, tmp_path: Path
) -> None:
    drive = google.drive_of(people.ALICE)
    simulators.inside(lambda: google.state.add_native(drive, drive.root, "Plan", "document", text="words"))
    rclone("copy", "drive:", str(tmp_path / "fetched"))
    assert (tmp_path / "fetched" / "Plan.docx").read_bytes().startswith(b"PK")
