"""Calls of a move, counted by the simulator for us and for rclone side by side: never more than rclone makes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from simulators.front import RunningFront
from tests.contents import GivenContent
from tests.contract.acts import listed, ref_of, target
from tests.simulators.microsoft.description import check
from tests.simulators.microsoft.rclone import Rclone

from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.entries import ROOT
from mover.transfer.parts import part_size_for
from simulators.microsoft import Microsoft

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SMALL, LARGE = 6, 41 * 1024 * 1024
_ENGINES_LARGEST = 8 << 20  # with the memory for staging that Mover has by default
_LOOKS = ("GET drive", "GET item")


def _writes(calls: Counter[str]) -> int:
    """What was spent on files; signing in and finding the folder are the same for one file and a million."""
    return sum(number for call, number in calls.items() if call not in _LOOKS and call != "POST children")


async def _send_ours(connector: MicrosoftConnector, sizes: list[int]) -> None:
    for number, size in enumerate(sizes):
        content = GivenContent(bytes(size))
        place = target(ROOT, f"ours {number}", modified_ns=10**18)
        rules = connector.capabilities.parts
        assert rules is not None
        if size < rules.worthwhile_from:
            await connector.upload(place, content)
            continue
        part_size = part_size_for(rules, size, most=_ENGINES_LARGEST)
        token = await connector.part_uploads.begin(place, size, part_size)
        parts = [
            await connector.part_uploads.send(
                token, part, offset, GivenContent(bytes(min(part_size, size - offset)))
            )
            for part, offset in enumerate(range(0, size, part_size), start=1)
        ]
        await connector.part_uploads.finish(token, place, parts, {})


def _send_theirs(rclone: Rclone, folder: Path, sizes: list[int]) -> None:
    folder.mkdir()
    for number, size in enumerate(sizes):
        (folder / f"theirs {number}").write_bytes(bytes(size))
    rclone.run("copy", str(folder), "drive:")


@pytest.mark.parametrize("sizes", [[1000] * SMALL, [0] * SMALL, [LARGE]], ids=["small", "empty", "large"])
async def test_new_files_cost_no_more_than_rclones(
    simulators: RunningFront, vendor: Microsoft, drive: MicrosoftConnector, tmp_path: Path, sizes: list[int]
) -> None:
    [library] = vendor.state.drive_of.values()
    owner = library.drive.owner
    assert owner is not None
    rclone = Rclone(simulators, vendor, library, vendor.token(owner), tmp_path)
    vendor.tally.clear()
    vendor.tally.records = True
    await _send_ours(drive, sizes)
    ours = vendor.tally.calls.copy()
    check(vendor.tally.exchanges)
    vendor.tally.clear()
    _send_theirs(rclone, tmp_path / "theirs", sizes)
    theirs = vendor.tally.calls.copy()
    theirs.pop("GET children", None)
    assert _writes(ours) <= _writes(theirs), (ours, theirs)
    assert ours.total() <= {SMALL: 2 * SMALL, 1: 6}[len(sizes)]


async def test_a_run_over_what_is_there_costs_a_call_a_folder_and_with_the_feed_one(
    simulators: RunningFront, vendor: Microsoft, drive: MicrosoftConnector, tmp_path: Path
) -> None:
    [library] = vendor.state.drive_of.values()
    owner = library.drive.owner
    assert owner is not None
    (tmp_path / "source").mkdir()
    for name in ("a", "b", "c"):
        library.drive.folder(f"/{name}")
        (tmp_path / "source" / name).mkdir()
    rclone = Rclone(simulators, vendor, library, vendor.token(owner), tmp_path)
    cursor = await drive.changes.cursor()
    vendor.tally.clear()
    for entry in await listed(drive, ROOT):
        await listed(drive, ref_of(ROOT, entry))
    ours = vendor.tally.calls.copy()
    vendor.tally.clear()
    rclone.run("sync", str(tmp_path / "source"), "drive:")
    assert ours == {"GET children": 4}
    assert ours.total() <= vendor.tally.calls["GET children"]
    vendor.tally.clear()
    assert [changes async for changes, _ in drive.changes.since(cursor)] == [[]]
    assert vendor.tally.calls == {"GET delta": 1}
