"""Whole moves by the engine, with much going wrong: all files arrive, once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from simulators.blobs import Bytes, content
from simulators.faults import Answer, Drop, DropRequest, LoseAnswer
from simulators.front import RunningFront
from tests.connectors.google.test_calls import Served
from tests.contract import google as people
from tests.contract.acts import some_bytes
from tests.memory.service import MemoryService
from tests.transfer.workbench import workbench

from mover.ledger.states import ItemState
from simulators.google import Google

pytestmark = [pytest.mark.servers, pytest.mark.slow]

BUSY = Answer(403, {}, b'{"error": {"code": 403, "errors": [{"reason": "userRateLimitExceeded"}]}}')


async def _states(folder: Path, source: Any, destination: Any, runs: int, **roots: Any) -> Counter[ItemState]:
    folder.mkdir()
    states: Counter[ItemState] = Counter()
    async with workbench(folder, source, destination) as bench:
        for _ in range(runs):
            result = await bench.run(**roots)
            states = Counter((await bench.files(result.run)).values())
    return states


async def test_everything_arrives_once_whatever_goes_wrong(
    tmp_path: Path, simulators: RunningFront, google: Google
) -> None:
    memory = MemoryService()
    tree = {f"/f{number % 4}/file {number}": some_bytes(500 + number, number) for number in range(24)}
    tree["/large"] = some_bytes(6_000_000)
    for path, data in tree.items():
        memory.add_file(path, data)
    account = Served(people.connects(simulators, "google", people.single(simulators)))
    faults = google.faults
    faults.add(BUSY, path="/files", skip=3, times=2)
    faults.add(LoseAnswer(), method="POST", path="/upload/", skip=2, times=3)
    faults.add(LoseAnswer(), method="POST", path="v3/files\\?", skip=1, times=2)
    faults.add(DropRequest(after=1_000_000), method="PUT", times=1)
    faults.add(Answer(503), method="POST", path="/upload/", skip=9, times=2)
    roots = {"source_root": "/", "destination_root": "/My Drive/there"}
    states = await _states(tmp_path / "there", memory, account, 3, **roots)
    assert states == {ItemState.UNCHANGED: len(tree)}
    drive = google.drive_of(people.ALICE)
    there = drive.at("/there")
    assert there is not None
    found = Counter(node.path.removeprefix("/there") for node in drive.below(there) if not node.is_folder)
    assert found == Counter(tree.keys())
    assert sum(node.is_folder for node in drive.below(there)) == 4
    for path, data in tree.items():
        node = drive.at(f"/there{path}")
        assert node is not None
        assert content(node.version.blob) == data


async def test_twins_documents_and_hostile_names_arrive_elsewhere(
    tmp_path: Path, simulators: RunningFront, google: Google
) -> None:
    drive = google.drive_of(people.ALICE)

    def work() -> None:
        place = drive.folder("/place")
        for number in range(3):
            drive.add(place, "twin.txt", blob=Bytes(bytes([number]) * 10))
        for name in ("a/b", "..", " ", "line\nbreak", "x" * 300):
            drive.add(place, name, blob=Bytes(name.encode()))
        google.state.add_native(drive, place, "Plan", "document", text="words")
        google.state.add_native(drive, place, "Poll", "form")

    simulators.inside(work)
    google.faults.add(Drop(after=3), path="alt=media", times=2)
    account = Served(people.connects(simulators, "google", people.single(simulators)))
    memory = MemoryService()
    roots = {"source_root": "/My Drive/place", "destination_root": "/"}
    states = await _states(tmp_path / "back", account, memory, 2, **roots)
    assert states == {ItemState.UNCHANGED: 7, ItemState.UNSUPPORTED: 1}  # twins have one path
    arrived = memory.tree()
    assert sorted(data for data in arrived.values() if len(data) == 10 and len(set(data)) == 1) == [
        bytes([number]) * 10 for number in range(3)
    ]
    assert any(path.endswith("Plan.docx") for path in arrived)
