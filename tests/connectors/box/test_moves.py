"""Whole moves to and from Box: what they cost beside rclone's, and what interrupts them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulators.blobs import Bytes, content
from simulators.faults import Answer
from simulators.front import RunningFront
from simulators.nodes import Drive
from tests.contents import GivenContent
from tests.contract.acts import some_bytes, target
from tests.memory.service import MemoryService
from tests.servers.box import ANN, APPS, SMALL_PARTS, connected, rclone_of, token_of
from tests.servers.simulators import simulators_egress
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.box import BoxConnector
from mover.connectors.box.config import BoxConfig
from mover.connectors.contract import PartRules
from mover.connectors.registry import Surroundings
from mover.entries import ROOT
from mover.ledger.states import ItemState
from mover.transport.egress import Egress
from mover.vault.secret import Secret
from simulators.box import Box

pytestmark = pytest.mark.servers

MOMENT = 1_600_000_000 * 10**9
SMALL = {f"/d{number % 3}/file {number}": b"content %d" % number for number in range(12)}
LARGE = some_bytes(9_000_001)
CHUNK = 500_000
CHUNKS = 19
PUT = "PUT /api/2.0/files/upload_sessions/{session}"
PARTS = replace(SMALL_PARTS, smallest=3 * CHUNK, preferred=3 * CHUNK, multiple=CHUNK)


class At:
    """Box as a side of a workbench."""

    def __init__(self, egress: Egress, token: str, parts: PartRules) -> None:
        self._egress = egress
        self._token = token
        self._parts = parts

    def connector(self) -> BoxConnector:
        async def forget(_key: str, _value: str) -> None:
            pass

        return BoxConnector(
            BoxConfig(access_token=Secret(self._token)),
            Surroundings(egress=self._egress, remember=forget, apps=APPS),
            parts=self._parts,
        )


@asynccontextmanager
async def bench_with(
    front: RunningFront, box: Box, folder: Path, *, chunk: int = CHUNK, **sides: Any
) -> AsyncIterator[Workbench]:
    """A workbench with Box at the side that is not given."""
    egress = simulators_egress(front)
    box.organisation.part_size = chunk
    parts = replace(PARTS, smallest=max(chunk, PARTS.smallest), multiple=chunk)
    at = At(egress, token_of(box), parts)
    try:
        async with workbench(folder, **({"source": at, "destination": at} | sides)) as made:
            yield made
    finally:
        await egress.close()


def source_of(files: Mapping[str, bytes]) -> MemoryService:
    source = MemoryService()
    for path, data in files.items():
        source.add_file(path, data, modified_ns=MOMENT)
    return source


def tree(drive: Drive) -> dict[str, bytes]:
    return {node.path: content(node.version.blob) for node in drive.below(drive.root) if not node.is_folder}


def by_hand(front: RunningFront, folder: Path, files: Mapping[str, bytes]) -> Counter[str]:
    """Let rclone copy the same files to another folder; returns its calls."""
    vendor = front.world.vendors["box"]
    for path, data in files.items():
        file = folder / "local" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, ns=(MOMENT, MOMENT))
    rclone = rclone_of(front, folder)
    rclone("mkdir", "B:rclone")
    vendor.tally.clear()
    rclone("copy", folder / "local", "B:rclone")
    return Counter(vendor.tally.calls)


async def test_new_small_files_cost_one_call_each_and_never_more_than_rclones(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    theirs = by_hand(simulators, tmp_path, SMALL)
    async with bench_with(simulators, box, tmp_path, source=source_of(SMALL)) as bench:
        drive.folder("/ours")
        box.tally.clear()
        first = await bench.run(destination_root="/ours")
        ours = Counter(box.tally.calls)
        assert first.totals.files_moved == len(SMALL)
        assert ours["POST /api/2.0/files/content"] == len(SMALL)
        assert (
            "OPTIONS /2.0/files/content" not in ours or ours["OPTIONS /2.0/files/content"] <= 1
        )  # the root's path
        assert ours.total() <= theirs.total(), (ours, theirs)

        box.tally.clear()
        again = await bench.run(destination_root="/ours")
        rerun = Counter(box.tally.calls)
        assert again.totals.files_moved == 0
        assert rerun.total() <= 4  # who is signed in, where the root is, and what happened
        assert not any(call.startswith(("POST", "PUT")) for call in rerun)
    rclone = rclone_of(simulators, tmp_path)
    box.tally.clear()
    rclone("copy", tmp_path / "local", "B:rclone")
    assert rerun.total() <= box.tally.total + 3, (
        rerun,
        box.tally.calls,
    )  # who is signed in, and where the root is


@pytest.mark.slow
async def test_a_large_file_costs_no_more_than_rclones(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    files = {"/large": some_bytes(52_500_000)}  # rclone sends nothing in chunks below 50 MiB
    box.organisation.part_size = 10_000_000
    theirs = by_hand(simulators, tmp_path, files)
    async with bench_with(simulators, box, tmp_path, chunk=10_000_000, source=source_of(files)) as bench:
        drive.folder("/ours")
        box.tally.clear()
        await bench.run(destination_root="/ours")
        ours = Counter(box.tally.calls)
    assert ours[PUT] == theirs[PUT] == 6
    # What a run costs whatever it moves, and rclone has no equal of: is there room, and where the next one goes on.
    for call in ("GET /2.0/events", "GET /2.0/users/me"):
        del ours[call]
    assert ours.total() <= theirs.total(), (ours, theirs)
    assert tree(drive)["/ours/large"] == files["/large"]


@pytest.mark.slow
async def test_a_large_file_goes_on_where_it_was_and_is_read_once_more_for_its_hash(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    async with bench_with(simulators, box, tmp_path, source=source_of({"/large": LARGE})) as bench:
        box.faults.add(Answer(500), method="PUT", skip=9, times=1000)
        first = await bench.run(parts_at_once=1)
        assert first.totals.files_moved == 0
        sent = sum(len(session.parts) for session in box.organisation.sessions.values())
        assert sent == 9
        box.faults.clear()
        box.tally.clear()
        second = await bench.run(parts_at_once=1)
    assert second.totals.files_moved == 1
    assert box.tally.calls[PUT] == CHUNKS - sent
    assert tree(drive) == {"/large": LARGE}


async def test_a_quota_that_is_reached_in_the_middle_is_told_and_nothing_is_lost(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    files = {f"/file {number}": bytes(1000) for number in range(10)}
    async with bench_with(simulators, box, tmp_path, source=source_of(files)) as bench:
        full = b'{"type":"error","status":403,"code":"storage_limit_exceeded"}'
        box.faults.add(Answer(403, {}, full), path="/files/content$", skip=5, times=1000)
        first = await bench.run(files_at_once=1)  # else the first refusal may overtake the fifth arrival
        states = Counter((await bench.files(first.run)).values())
        assert first.code == 260
        assert states[ItemState.COPIED] == 5
        box.faults.clear()
        box.tally.clear()
        second = await bench.run()
        assert second.totals.files_moved == 10
    assert box.tally.calls["POST /api/2.0/files/content"] == 5
    assert tree(drive) == files


async def test_an_account_without_room_for_all_of_it_is_told_before_the_start(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    files = {f"/file {number}": bytes(1000) for number in range(10)}
    async with bench_with(simulators, box, tmp_path, source=source_of(files)) as bench:
        drive.quota = 5500
        assert (await bench.run()).code == 260
    assert tree(drive) == {}


async def test_files_come_from_box_whole_with_their_times_in_fewer_than_two_calls_each(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    for path, data in SMALL.items():
        folder = drive.folder(path.rpartition("/")[0])
        drive.add(folder, path.rpartition("/")[2], blob=Bytes(data), modified_ns=MOMENT)
    async with bench_with(simulators, box, tmp_path, destination=MemoryService()) as bench:
        result = await bench.run()
        assert result.totals.files_moved == len(SMALL)
        assert bench.destination.tree() == SMALL
        assert {bench.destination.entry(path).modified_ns for path in SMALL} == {MOMENT}
    asked = box.tally.calls["POST /2.0/zip_downloads"]
    alone = box.tally.calls["GET /2.0/files/{id}/content"]
    assert 0 < asked + alone < len(SMALL)
    assert "GET /2.0/files/{id}" not in box.tally.calls
    assert box.tally.calls["GET /2.0/folders/{id}/items"] == 4


@pytest.mark.promise("P4")
async def test_what_a_user_edits_at_box_is_not_overwritten(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    source = source_of({"/file": b"one"})
    async with bench_with(simulators, box, tmp_path, source=source) as bench:
        await bench.run()
        node = drive.at("/file")
        assert node is not None
        drive.put(node, Bytes(b"edited at Box"))
        source.change_file("/file", b"two")
        await bench.run()
    assert tree(drive) == {"/file": b"edited at Box"}
    assert box.organisation.drive(ANN) is drive


async def test_a_listing_that_lags_makes_no_second_copy(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    async with bench_with(simulators, box, tmp_path, source=source_of(SMALL)) as bench:
        drive.lag_ns = 3600 * 10**9  # no new entry is listed yet
        await bench.run()
        await bench.run()
    assert tree(drive) == SMALL
    assert {len(node.versions) for node in drive.below(drive.root) if not node.is_folder} == {1}


@pytest.mark.slow
async def test_a_folder_that_is_blocked_by_another_operation_is_waited_for(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    async with bench_with(simulators, box, tmp_path, source=source_of(SMALL)) as bench:
        folder = drive.folder("/d1")
        box.organisation.blocked.add(folder.id)
        first = await bench.run()
        assert first.totals.files_problem == 4
        rows = await bench.rows(first.run)
        assert {row["reason"] for row in rows.values() if row["state"] == ItemState.FAILED} == {"locked"}
        box.organisation.blocked.clear()
        second = await bench.run()
        assert second.totals.files_problem == 0
    assert tree(drive) == SMALL


async def test_a_rerun_follows_what_happened_at_box_without_listing_all_of_it(
    simulators: RunningFront, box: Box, drive: Drive, tmp_path: Path
) -> None:
    for path, data in SMALL.items():
        drive.add(drive.folder(path.rpartition("/")[0]), path.rpartition("/")[2], blob=Bytes(data))
    async with bench_with(simulators, box, tmp_path, destination=MemoryService()) as bench:
        await bench.run()
        async with connected(simulators) as user:
            first = await user.look_up("/d0")
            await user.rename(ROOT.child("d0", first.id), ROOT, "renamed")
            second = await user.look_up("/d1")
            await user.upload(target(ROOT.child("d1", second.id), "new"), GivenContent(b"new"))
            file = await user.look_up("/d2/file 2")
            third = await user.look_up("/d2")
            again = target(ROOT.child("d2", third.id), "file 2", replaces=file)
            await user.upload(again, GivenContent(b"changed"))
        box.tally.clear()
        result = await bench.run()
        expected = {
            **{path.replace("/d0/", "/renamed/"): data for path, data in SMALL.items()},
            "/d1/new": b"new",
            "/d2/file 2": b"changed",
        }
        assert bench.destination.tree() == expected
        assert result.totals.files_problem == 0
    assert box.tally.calls["GET /2.0/files/{id}/content"] == 2
    assert box.tally.total < 20, box.tally.calls
