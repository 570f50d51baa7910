"""kill -9 at random moments of a large move, each time followed by the same command."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pytest
from tests.e2e.command import Mover
from tests.e2e.killing import is_empty, killed_at_random
from tests.e2e.ledger_file import LedgerFile
from tests.e2e.places import files_below, objects_in, parts_left_behind, put, s3_values, sftp_values
from tests.e2e.requests_seen import RequestsSeen
from tests.e2e.unreliable import unreliable
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer

KILLS = int(os.environ.get("COMMAND_KILLS", "10"))  # on each way
MIB = 1 << 20
SLOWED = ("--bwlimit", "12M")  # so that it takes longer than it lives
LIFE_S = 1.0
"""Of a life after the first one: 240 MiB take twenty times as long, and lives are half as long on average."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.promise("P12")]


def large_move(seed: int) -> dict[str, bytes]:
    """Many small files, a stream, and several files that go in parts."""
    rng = random.Random(seed)
    small = {f"/d{n % 25}/file {n}": rng.randbytes(rng.randint(0, 12_000)) for n in range(900)}
    large = {f"/large {n}": rng.randbytes(80 * MIB + rng.randint(0, MIB)) for n in range(3)}
    return small | large | {"/stream": rng.randbytes(12 * MIB)}


@pytest.fixture
def mover(tmp_path: Path) -> Mover:
    """A Mover whose parts are small, so that some are finished in a short life."""
    return Mover(tmp_path / "mover", MOVER_STAGING_MEMORY_BYTES="16MiB")


def check_report(mover: Mover, run: int, files: dict[str, bytes]) -> None:
    *items, last = mover.report(run)
    summary = last["summary"]
    assert summary["adds_up"], summary["discrepancies"]
    assert summary["totals"]["files_moved"] == len(files)
    moved = {item["path"]: item for item in items if item["kind"] == "file"}
    assert moved.keys() == files.keys()
    assert all(item["verification"] for item in moved.values())


def test_killed_again_and_again_on_its_way_to_s3(
    mover: Mover, sshd_server: SftpServer, seaweedfs_plain_server: S3Server
) -> None:
    files = large_move(1)
    source = sshd_server.root / "kill-s3"
    put(source, files, owner=sshd_server.owner)
    seen = RequestsSeen()
    with unreliable(seaweedfs_plain_server.port) as proxy:
        proxy.watch = seen.watch
        mover.connect("sftp", "nas", sftp_values(sshd_server))
        mover.connect("s3", "cold", s3_values(seaweedfs_plain_server, "kill", port=proxy.port))
        command = ("copy", "nas:/kill-s3", "cold:/", "--json")
        kills = [
            (killed.ledger, len(seen.all))
            for killed in killed_at_random(mover, (*command, *SLOWED), times=KILLS, seed=9, most_s=LIFE_S)
        ]
        result = mover.run(*command, code=0).result

    assert result["copied"] == len(files)
    assert (
        objects_in(seaweedfs_plain_server, "kill") == files
    )  # nothing missing, nothing twice, nothing damaged
    assert parts_left_behind(seaweedfs_plain_server, "kill") == []
    assert is_empty(mover)
    for ledger, before in kills:
        later = seen.all[before:]
        assert not ledger.finished & {s.path.removeprefix("/kill") for s in later if s.sends_whole_object}
        assert not parts_of(ledger) & {s.part for s in later}
    assert any(ledger.finished for ledger, _ in kills)
    assert any(ledger.parts for ledger, _ in kills)
    check_report(mover, result["run"], files)
    shutil.rmtree(source)


def test_killed_again_and_again_on_its_way_to_sftp(
    mover: Mover, tmp_path: Path, sshd_server: SftpServer
) -> None:
    files = large_move(3)
    put(tmp_path / "source", files)
    destination = sshd_server.root / "kill-sftp"
    mover.connect("sftp", "nas", sftp_values(sshd_server))
    command = ("copy", str(tmp_path / "source"), "nas:/kill-sftp", "--json")
    finished: dict[Path, tuple[int, int]] = {}
    begun: dict[str, int] = {}
    for killed in killed_at_random(mover, (*command, *SLOWED), times=KILLS, seed=26, most_s=LIFE_S):
        for path in killed.ledger.finished:
            finished.setdefault(destination / path[1:], made(destination / path[1:]))
        begun |= begun_files(killed.ledger, destination)

    result = mover.run(*command, code=0).result

    assert result["copied"] == len(files)
    assert (
        files_below(destination) == files
    )  # nothing missing, nothing twice, no temporary file, nothing damaged
    assert is_empty(mover)
    assert finished
    assert {path: made(path) for path in finished} == finished  # no finished file was written again
    assert begun
    assert {name: (destination / name).stat().st_ino for name in begun} == begun  # nor was one begun anew
    check_report(mover, result["run"], files)
    shutil.rmtree(destination)


def parts_of(ledger: LedgerFile) -> set[tuple[str, int]]:
    """Upload id and number of the parts that the ledger knows; the id is the third field of the S3 connector's token."""
    return {(json.loads(token)[2], number) for _, token, number in ledger.parts}


def begun_files(ledger: LedgerFile, folder: Path) -> dict[str, int]:
    """Inodes of temporary files that hold parts which the ledger knows, by the name that they will have."""
    found = {}
    for source_key, token, _ in ledger.parts:
        temporary = folder / Path(json.loads(token)["temporary"]).name
        if temporary.exists():  # else it has its name already, and the ledger was about to learn it
            found[Path(source_key).name] = temporary.stat().st_ino
    return found


def made(file: Path) -> tuple[int, int]:
    """What would be another if the file had been written again, or another had taken its place."""
    status = file.stat()
    return status.st_ino, status.st_ctime_ns
