"""Networks and servers that fail in the middle of a move, between the real command and real servers."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.command import Mover
from tests.e2e.killing import is_empty
from tests.e2e.ledger_file import read_ledger
from tests.e2e.places import (
    files_below,
    objects_in,
    put,
    s3_values,
    sftp_values,
    unfinished_uploads,
    webdav_values,
)
from tests.e2e.unreliable import Fault, Trouble, UnreliableProxy, Way, unreliable
from tests.servers.processes import free_port, tool
from tests.servers.s3 import S3Server
from tests.servers.ssh import sshd
from tests.servers.webdav import USERNAME, WebdavServer, apache

from mover.errors import IntegrityError, SignInFailed, Unreachable

MIB = 1 << 20

pytestmark = [pytest.mark.slow, pytest.mark.servers]


def some_files(seed: int, *, large: int = 1) -> dict[str, bytes]:
    rng = random.Random(seed)
    small = {f"/{n % 5}/{n}": rng.randbytes(rng.randint(1, 30_000)) for n in range(150)}
    return small | {f"/large {n}": rng.randbytes(34 * MIB) for n in range(large)}


@pytest.fixture
def impatient(tmp_path: Path) -> Mover:
    """A Mover that takes two seconds of silence for a dead connection."""
    return Mover(tmp_path / "mover", MOVER_READ_TIMEOUT_S="2", MOVER_ANSWER_TIMEOUT_S="5")


@pytest.fixture
def proxy(seaweedfs_plain_server: S3Server) -> Iterator[UnreliableProxy]:
    with unreliable(seaweedfs_plain_server.port) as found:
        yield found


@pytest.mark.parametrize(
    ("trouble", "way"),
    [
        (Trouble.RESET, Way.TO_SERVER),
        (Trouble.RESET, Way.TO_CLIENT),
        (Trouble.CUT, Way.TO_SERVER),
        (Trouble.CUT, Way.TO_CLIENT),
        (Trouble.STALL, Way.TO_CLIENT),
    ],
)
def test_connections_that_break_or_stall_lose_nothing(
    trouble: Trouble,
    way: Way,
    impatient: Mover,
    tmp_path: Path,
    proxy: UnreliableProxy,
    seaweedfs_plain_server: S3Server,
) -> None:
    files = some_files(1)
    put(tmp_path / "source", files)
    bucket = f"network-{trouble.name}-{way.name}".lower().replace("_", "-")
    impatient.connect("s3", "cold", s3_values(seaweedfs_plain_server, bucket, port=proxy.port))

    def add_faults() -> list[Fault]:
        # Three in all: one large file may meet every one of them, and is tried four times.
        return [proxy.add(trouble, way, after) for after in (100_000, 200_000, 3 * MIB)]

    faults = add_faults() if way is Way.TO_SERVER else []
    there = impatient.copy(tmp_path / "source", "cold:/")
    faults = faults or add_faults()
    back = impatient.copy("cold:/", tmp_path / "back")

    assert sum(fault.happened for fault in faults) >= 2
    assert (there["copied"], there["failed"], back["copied"], back["failed"]) == (len(files), 0) * 2
    assert (there["unencrypted"], back["unencrypted"]) == (["destination"], ["source"])
    assert objects_in(seaweedfs_plain_server, bucket) == files
    assert unfinished_uploads(seaweedfs_plain_server, bucket) == []
    assert files_below(tmp_path / "back") == files
    assert is_empty(impatient)


def test_bytes_changed_on_their_way_are_noticed_and_sent_again(
    mover: Mover, tmp_path: Path, proxy: UnreliableProxy, seaweedfs_plain_server: S3Server
) -> None:
    files = {f"/{n}": random.Random(n).randbytes(200_000) for n in range(20)}
    put(tmp_path / "source", files)
    mover.connect("s3", "cold", s3_values(seaweedfs_plain_server, "corrupt", port=proxy.port))
    up = proxy.add(Trouble.CORRUPT, Way.TO_SERVER, 100_000, times=3)

    mover.copy(tmp_path / "source", "cold:/")

    assert up.happened == 3
    assert objects_in(seaweedfs_plain_server, "corrupt") == files
    down = proxy.add(Trouble.CORRUPT, Way.TO_CLIENT, 100_000, times=3)
    mover.copy("cold:/", tmp_path / "back")
    assert down.happened == 3
    assert files_below(tmp_path / "back") == files


def test_bytes_changed_every_time_are_no_arrival(
    mover: Mover, tmp_path: Path, proxy: UnreliableProxy, seaweedfs_plain_server: S3Server
) -> None:
    put(tmp_path / "source", {"/a": random.Random(1).randbytes(200_000)})
    mover.connect("s3", "cold", s3_values(seaweedfs_plain_server, "damaged", port=proxy.port))
    for after in range(100_000, 4_000_000, 100_000):  # the connection is used again for the next try
        proxy.add(Trouble.CORRUPT, Way.TO_SERVER, after, times=None)

    result = mover.copy(tmp_path / "source", "cold:/", code=1)

    (problem,) = mover.problems(result["run"])
    assert (problem["reason"], problem["advice"]) == ("hash_mismatch", IntegrityError.advice)
    proxy.clear()
    assert mover.copy(tmp_path / "source", "cold:/")["copied"] == 1


def test_a_server_that_dies_and_comes_back_costs_nothing_that_had_arrived(
    mover: Mover, tmp_path: Path
) -> None:
    files = some_files(2, large=0) | {"/stream": random.Random(3).randbytes(12 * MIB)}
    put(tmp_path / "source", files)
    port = free_port()
    with sshd(tmp_path / "server", port=port) as server:
        mover.connect("sftp", "nas", sftp_values(server))
        running = mover.start("copy", tmp_path / "source", "nas:/", "--bwlimit", "4M", "--json")
        running.runs_until(lambda: len(read_ledger(mover.home).finished) > 20)
    before = read_ledger(mover.home).finished
    made = {path: (server.root / path[1:]).stat().st_ino for path in before}
    with sshd(tmp_path / "server", port=port):
        done = running.wait()

    assert (done.code, done.result["copied"]) == (0, len(files))
    assert files_below(server.root) == files
    assert {path: (server.root / path[1:]).stat().st_ino for path in before} == made
    gone = mover.copy(tmp_path / "source", "nas:/", code=2)
    assert (gone["error"]["reason"], gone["error"]["advice"]) == ("unreachable", Unreachable.advice)


def test_a_password_that_is_changed_during_a_move_ends_it_and_a_new_sign_in_goes_on(
    mover: Mover, tmp_path: Path
) -> None:
    files = some_files(4, large=0) | {"/stream": random.Random(5).randbytes(10 * MIB)}
    put(tmp_path / "source", files)
    with apache(tmp_path / "server") as server:
        mover.connect("webdav", "cloud", webdav_values(server))
        arguments = ("copy", tmp_path / "source", "cloud:/new", "--bwlimit", "4M", "--json")
        running = mover.start(*arguments)
        running.runs_until(lambda: len(read_ledger(mover.home).finished) > 20)

        change_password(server, tmp_path / "server", "another")
        done = running.wait()

        assert (done.code, done.result["code"]) == (2, 402)
        assert done.result["error"]["reason"] == "sign_in_failed"
        assert done.result["error"]["advice"] == SignInFailed.advice
        assert server.password not in done.out + done.err
        refused = mover.run("copy", *arguments[1:3], "--json", code=2).result
        assert refused["error"]["reason"] == "sign_in_failed"
        mover.connect("webdav", "cloud", webdav_values(server) | {"password": "another"}, "--replace")
        assert mover.copy(*arguments[1:3])["copied"] == len(files)
        assert files_below(server.root / "new") == files


def change_password(server: WebdavServer, folder: Path, password: str) -> None:
    """Give the account another password; the server looks it up for each request."""
    change = [tool("htpasswd"), "-i", "-B", "-C", "4", str(folder / "basic"), USERNAME]
    subprocess.run(change, input=password.encode(), check=True, capture_output=True)
    assert server.password != password


def test_a_wrong_host_key_is_refused_loudly(mover: Mover, tmp_path: Path) -> None:
    port = free_port()
    with sshd(tmp_path / "first", port=port) as first:
        mover.connect("sftp", "nas", sftp_values(first))
    with sshd(tmp_path / "second", port=port):
        refused: dict[str, Any] = mover.copy("nas:/", tmp_path / "back", code=2)
    assert refused["error"]["reason"] == "untrusted_server"
