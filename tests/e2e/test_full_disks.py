"""Disks without room, at either end and in staging: a reason, an advice, and the same command goes on."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.command import Done, Mover
from tests.e2e.killing import is_empty
from tests.e2e.places import files_below, put, sftp_values
from tests.e2e.small_disk import grow, small_disk
from tests.servers.jail import can_jail
from tests.servers.ssh import SftpServer, sshd

from mover.errors import QuotaExceeded, StagingFull

MIB = 1 << 20
FILES = {f"/{n:02}": random.Random(n).randbytes(MIB) for n in range(20)}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.servers,
    pytest.mark.skipif(not can_jail(), reason="only root can mount a small disk"),
]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 8) as place:
        yield place


def said(mover: Mover, run: int) -> set[tuple[str, str]]:
    """Reasons and advice in a run's report of errors."""
    return {(problem["reason"], problem["advice"]) for problem in mover.problems(run)}


def fills_up(mover: Mover, place: Path, seen: Path, *arguments: str | Path) -> Done:
    """Copy to a disk with room enough, of which somebody else takes the room once a file has arrived."""
    copying = mover.start("copy", *arguments, "--bwlimit", "4M", "--json")
    copying.runs_until(lambda: any("/.mover-" not in path for path in files_below(seen)))
    grow(place, 8)
    return copying.wait()


def test_what_cannot_fit_is_refused_before_anything_is_sent(mover: Mover, tmp_path: Path, disk: Path) -> None:
    put(tmp_path / "source", FILES)

    done = mover.run("copy", tmp_path / "source", disk, "--json")

    assert (done.code, done.result["code"]) == (1, 260)
    assert "the destination has room for" in done.result["message"]
    assert files_below(disk) == {}
    grow(disk, 64)
    assert mover.copy(tmp_path / "source", disk)["copied"] == len(FILES)


def test_a_full_local_disk_ends_the_run_and_the_same_command_goes_on_when_there_is_room(
    mover: Mover, tmp_path: Path, disk: Path
) -> None:
    put(tmp_path / "source", FILES)
    grow(disk, 64)

    done = fills_up(mover, disk, disk, tmp_path / "source", disk)

    result = done.result
    assert (done.code, result["code"]) == (1, 260)
    assert said(mover, result["run"]) == {("quota", QuotaExceeded.advice)}
    arrived = files_below(disk)
    assert arrived
    assert all(FILES[path] == content for path, content in arrived.items())  # no half file under its name
    grow(disk, 64)
    again = mover.copy(tmp_path / "source", disk)
    assert again["copied"] == len(FILES)
    assert files_below(disk) == FILES


def test_a_full_sftp_server_ends_the_run_and_the_same_command_goes_on_when_there_is_room(
    mover: Mover, tmp_path: Path
) -> None:
    put(tmp_path / "source", FILES)
    server_folder = tmp_path / "server"
    with (
        small_disk(server_folder, 64),
        sshd(server_folder) as server,
    ):
        mover.connect("sftp", "nas", sftp_values(server))

        done = fills_up(mover, server_folder, server.root, tmp_path / "source", "nas:/")

        result = done.result
        assert (done.code, result["code"]) == (1, 260)
        assert said(mover, result["run"]) == {("quota", QuotaExceeded.advice)}
        arrived = {
            path: content for path, content in files_below(server.root).items() if "/.mover-" not in path
        }
        assert arrived
        assert all(FILES[path] == content for path, content in arrived.items())
        grow(server_folder, 64)
        again = mover.copy(tmp_path / "source", "nas:/")
        assert again["failed"] == 0
        assert files_below(server.root) == FILES


def test_no_room_for_staging_is_said_and_leaves_nothing_behind(
    tmp_path: Path, disk: Path, sshd_server: SftpServer
) -> None:
    staging = disk / "staging"
    mover = Mover(tmp_path / "mover", MOVER_STAGING_DIR=str(staging), MOVER_STAGING_MEMORY_BYTES="1MiB")
    (disk / "in the way").write_bytes(bytes(7 * MIB + MIB // 2))
    large = {f"/{n}": random.Random(n).randbytes(7 * MIB) for n in range(3)}
    put(tmp_path / "source", large)
    mover.connect("sftp", "nas", sftp_values(sshd_server))

    done = mover.run("copy", tmp_path / "source", "nas:/staging-full", "--json")

    result = done.result
    assert done.code in {1, 2}
    assert said(mover, result["run"]) == {("staging_full", StagingFull.advice)}
    assert is_empty(mover)
    (disk / "in the way").unlink()
    grow(disk, 64)
    assert mover.copy(tmp_path / "source", "nas:/staging-full")["failed"] == 0
    assert files_below(sshd_server.root / "staging-full") == large


def test_a_source_that_cannot_be_read_is_the_sources_failure_and_the_rest_arrives(
    mover: Mover, tmp_path: Path, sshd_server: SftpServer
) -> None:
    source = sshd_server.root / "unreadable"
    put(source, {"/open": b"content", "/closed": b"content"}, owner=sshd_server.owner)
    os.chown(source / "closed", 0, 0)
    (source / "closed").chmod(0o600)
    mover.connect("sftp", "nas", sftp_values(sshd_server))

    first = mover.copy("nas:/unreadable", tmp_path / "back", code=1)

    (item,) = (found for found in mover.report(first["run"]) if found.get("reason"))
    assert (item["path"], item["reason"], item["side"]) == ("/closed", "permission_denied", "source")
    assert first["code"] == 210
    (source / "closed").chmod(0o644)
    assert mover.copy("nas:/unreadable", tmp_path / "back")["failed"] == 0
    assert files_below(tmp_path / "back") == {"/open": b"content", "/closed": b"content"}
