"""What a move costs in calls: never more than rclone needs for the same, counted by the same simulator."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import MIB, surroundings
from tests.memory.service import MemoryService
from tests.servers.simulators import dropbox_of
from tests.simulators.dropbox.rclone import rclone
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.dropbox.config import DropboxConfig
from mover.connectors.dropbox.connector import DropboxConnector
from mover.ledger.states import Code
from mover.vault.secret import Secret

pytestmark = [pytest.mark.servers, pytest.mark.slow]
SMALL_FILES = 120


@dataclass
class Account:
    """A destination of the engine."""

    front: RunningFront
    token: str

    def connector(self) -> DropboxConnector:
        """Return a connector that is not signed in yet."""
        config = DropboxConfig.model_validate({"access_token": Secret(self.token)})
        return DropboxConnector(config, surroundings(self.front))


@pytest.fixture
def dropbox(simulators: RunningFront) -> Dropbox:
    """The service, with an account."""
    return dropbox_of(simulators)


@pytest.fixture
def alice(dropbox: Dropbox) -> Person:
    """An account."""
    return dropbox.add_person("alice@example.com", quota=10**12)


def _counted(dropbox: Dropbox) -> Counter[str]:
    """All calls since this was asked last, but for the sign-in: rclone does without, and cannot say whose account it is."""
    found = Counter(dropbox.tally.calls)
    dropbox.tally.clear()
    del found["users/get_current_account"]
    return found


async def _ours(
    front: RunningFront, dropbox: Dropbox, alice: Person, folder: Path, files: dict[str, bytes]
) -> tuple[Counter[str], Counter[str]]:
    """Move files with Mover, and again; return the calls of both runs."""
    account = Account(front, dropbox.token_of(alice))
    source = MemoryService()
    for name, data in files.items():
        source.add_file(f"/{name}", data, modified_ns=1_600_000_000 * 10**9)
    (folder / "ours").mkdir()
    async with workbench(folder / "ours", source, cast("MemoryService", account)) as bench:
        home = dropbox.homes[alice.id].drive
        home.folder("/ours")
        first = await _run(bench)
        assert first is Code.SUCCESS
        calls = _counted(dropbox)
        assert await _run(bench) is Code.NOTHING_TO_COPY
    return calls, _counted(dropbox)


async def _run(bench: Workbench) -> Code | None:
    return (await bench.run(destination_root="/ours")).code


def _rclones(
    front: RunningFront, dropbox: Dropbox, alice: Person, folder: Path, files: dict[str, bytes]
) -> tuple[Counter[str], Counter[str]]:
    """Move files with rclone at its defaults, and again; return the calls of both runs."""
    tree = folder / "tree"
    for name, data in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(data)
    runs = []
    for _ in range(2):
        rclone(front, folder, dropbox.token_of(alice), "copy", tree, "D:theirs")
        runs.append(_counted(dropbox))
    return runs[0], runs[1]


async def test_many_small_files(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, tmp_path: Path
) -> None:
    files = {f"folder/file {number}": b"x" * number for number in range(SMALL_FILES)}
    ours, ours_again = await _ours(simulators, dropbox, alice, tmp_path, files)
    theirs, theirs_again = _rclones(simulators, dropbox, alice, tmp_path, files)
    print(f"{SMALL_FILES} small files: {ours} and {ours_again}; rclone: {theirs} and {theirs_again}")  # noqa: T201
    assert ours.total() <= SMALL_FILES / 2  # a share of two calls each
    assert ours.total() < theirs.total() / 4
    assert ours_again.total() <= theirs_again.total()


async def test_one_small_file(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, tmp_path: Path
) -> None:
    files = {"file": b"x"}
    ours, _ = await _ours(simulators, dropbox, alice, tmp_path, files)
    theirs, _ = _rclones(simulators, dropbox, alice, tmp_path, files)
    assert ours["files/upload"] == 1
    assert ours.total() <= theirs.total()


async def test_a_middle_and_a_large_file(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, tmp_path: Path
) -> None:
    files = {"middle": random.Random(1).randbytes(3 * MIB), "large": random.Random(2).randbytes(60 * MIB)}
    ours, _ = await _ours(simulators, dropbox, alice, tmp_path, files)
    theirs, _ = _rclones(simulators, dropbox, alice, tmp_path, files)
    print(f"3 MiB and 60 MiB: {ours}; rclone: {theirs}")  # noqa: T201
    assert ours.total() <= theirs.total()
