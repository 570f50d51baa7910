"""rclone works against the simulator, unchanged, and reads what Mover writes."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.faults import DropRequest
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import MIB, account, listed, put, put_in_parts, read, target
from tests.servers.simulators import dropbox_of
from tests.simulators.dropbox.rclone import rclone

from mover.entries import ROOT

pytestmark = [pytest.mark.servers, pytest.mark.slow]
MOMENT_NS = 1_600_000_000_000_000_000


@pytest.fixture
def dropbox(simulators: RunningFront) -> Dropbox:
    """The service, empty."""
    return dropbox_of(simulators)


@pytest.fixture
def alice(dropbox: Dropbox) -> Person:
    """An account."""
    return dropbox.add_person("alice@example.com", quota=10**12)


def _tree(folder: Path, *, large: int = 0, small: int = 12) -> Path:
    files = {
        f"Folder/f {number} ü.txt": random.Random(number).randbytes(1000 + number) for number in range(small)
    }
    files |= {"empty": b"", "Folder/Inner ☃/x": b"x"}
    if large:
        files["large"] = random.Random(1).randbytes(large)
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, ns=(MOMENT_NS, MOMENT_NS))
    return folder


def test_rclone_copies_checks_lists_and_syncs(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, tmp_path: Path
) -> None:
    token = dropbox.token_of(alice)
    tree = _tree(tmp_path / "tree", large=5 * MIB)
    dropbox.faults.add(DropRequest(after=MIB), path="upload_session/append_v2")  # resumed by rclone
    rclone(simulators, tmp_path, token, "copy", "--dropbox-chunk-size", "2Mi", tree, "D:top")
    rclone(simulators, tmp_path, token, "check", "--download", tree, "D:top")
    told = json.loads(rclone(simulators, tmp_path, token, "lsjson", "-R", "--hash", "--files-only", "D:TOP"))
    assert {one["Path"] for one in told} == {
        str(file.relative_to(tree)) for file in tree.rglob("*") if file.is_file()
    }
    assert {one["ModTime"] for one in told} == {"2020-09-13T12:26:40Z"}
    assert all(len(one["Hashes"]["dropbox"]) == 64 for one in told)
    (tree / "empty").unlink()
    (tree / "Folder" / "f 1 ü.txt").write_bytes(b"changed")
    rclone(simulators, tmp_path, token, "sync", tree, "D:top")
    rclone(simulators, tmp_path, token, "check", tree, "D:top")
    rclone(simulators, tmp_path, token, "moveto", "D:top/Folder", "D:top/Renamed")
    home = dropbox.homes[alice.id].drive
    assert home.at("/top/renamed/f 1 ü.txt") is not None
    assert home.at("/top/empty") is None


async def test_rclone_reads_what_mover_writes_and_the_other_way_round(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, tmp_path: Path
) -> None:
    token = dropbox.token_of(alice)
    tree = _tree(tmp_path / "tree")
    async with account(simulators, alice) as connector:
        folder = ROOT.child("ours", (await connector.create_folder(ROOT, "ours")).id)
        data = random.Random(3).randbytes(9 * MIB)
        await put(connector, folder, "small ☃", b"small")
        await put_in_parts(connector, target(folder, "large", modified_ns=MOMENT_NS), data)
        rclone(simulators, tmp_path, token, "copy", "D:ours", tmp_path / "ours")
        assert (tmp_path / "ours" / "small ☃").read_bytes() == b"small"
        assert (tmp_path / "ours" / "large").read_bytes() == data
        assert (tmp_path / "ours" / "large").stat().st_mtime_ns == MOMENT_NS
        rclone(simulators, tmp_path, token, "copy", tree, "D:theirs")
        theirs = ROOT.child("theirs", (await listed(connector, ROOT))["theirs"].id)
        inner = theirs.child("Folder", (await listed(connector, theirs))["Folder"].id)
        for name, entry in (await listed(connector, inner)).items():
            if name != "Inner ☃":
                assert (
                    await read(connector, inner.child(name, entry.id))
                    == (tree / "Folder" / name).read_bytes()
                )
