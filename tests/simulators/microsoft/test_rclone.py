"""rclone takes the simulator for OneDrive, and for a SharePoint library: it copies, checks, lists, renames, resumes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from simulators.faults import Answer, Drop
from simulators.front import RunningFront
from tests.simulators.microsoft.description import check
from tests.simulators.microsoft.rclone import Rclone

from mover.hashing.quickxor import QuickXor
from simulators.microsoft import Microsoft

pytestmark = [pytest.mark.servers, pytest.mark.slow]

FILES = {
    "empty.txt": 0,
    "small #1.txt": 1000,
    "100% of 'it'.bin": 70_000,
    "a b/c&d/[large].bin": 11_000_000,
    "Ünï/日本.txt": 20,
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for number, (name, size) in enumerate(FILES.items()):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(random.Random(number).randbytes(size))
    return folder


@pytest.fixture
def vendor(simulators: RunningFront) -> Microsoft:
    found = simulators.world.vendors["microsoft"]
    assert isinstance(found, Microsoft)
    return found


def _quickxor(file: Path) -> str:
    hasher = QuickXor()
    hasher.update(file.read_bytes())
    return hasher.hexdigest()


def test_it_copies_checks_lists_and_moves_at_a_work_drive(
    simulators: RunningFront, vendor: Microsoft, source: Path, tmp_path: Path
) -> None:
    anna = vendor.add_user("anna")
    rclone = Rclone(simulators, vendor, vendor.drive_of(anna), vendor.token(anna), tmp_path)
    vendor.tally.records = True
    rclone.run("copy", str(source), "drive:to")
    rclone.run("check", "--download", str(source), "drive:to")
    listed = {one["Path"]: one for one in rclone.list("drive:to") if not one["IsDir"]}
    assert {name: one["Size"] for name, one in listed.items()} == FILES
    hashes = {name: one["Hashes"]["quickxor"] for name, one in listed.items() if one["Size"]}
    assert hashes == {name: _quickxor(source / name) for name in hashes}
    assert len(hashes) == len(FILES) - 1
    rclone.run("moveto", "drive:to/small #1.txt", "drive:to/Ünï/renamed.txt")
    (source / "100% of 'it'.bin").write_bytes(b"changed")
    rclone.run("sync", str(source), "drive:to")
    rclone.run("check", "--download", str(source), "drive:to")
    drive = vendor.drive_of(anna).drive
    assert drive.at("/to/Ünï/renamed.txt") is None
    assert drive.at("/to/small #1.txt") is not None
    assert check(vendor.tally.exchanges) > 20


def test_it_goes_on_after_errors_and_in_a_library_and_at_a_personal_drive(
    simulators: RunningFront, vendor: Microsoft, source: Path, tmp_path: Path
) -> None:
    anna, paul = vendor.add_user("anna"), vendor.add_microsoft_account("paul@outlook.example")
    site = vendor.add_site("Marketing")
    vendor.faults.add(Answer(503, {"Retry-After": "1"}), method="PUT", path="uploadSession", skip=2)
    vendor.faults.add(Answer(429, {"Retry-After": "1"}), method="GET", path="children", skip=1)
    vendor.faults.add(Drop(after=5_000_000), method="GET", path=r"download.aspx")
    for library, person in ((site.libraries[0], anna), (vendor.drive_of(paul), paul)):
        rclone = Rclone(simulators, vendor, library, vendor.token(person), tmp_path)
        rclone.run("copy", str(source), "drive:")
        rclone.run("check", "--download", str(source), "drive:")
        rclone.run("copy", "drive:", str(tmp_path / library.kind))
        for name in FILES:
            assert (tmp_path / library.kind / name).read_bytes() == (source / name).read_bytes()
