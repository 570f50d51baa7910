"""Nothing of a file's content and no secret is ever found outside of the two services, whatever happens to a move."""

from __future__ import annotations

import contextlib
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.database_url import Kind, in_use, server
from tests.e2e.command import Mover
from tests.e2e.killing import begins_to_work, is_empty, killed_at_random
from tests.e2e.places import objects_in, put, s3_values, sftp_values, webdav_values
from tests.e2e.searching import SHARED_MEMORY, Needle, Search, found_in_files, found_in_process
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer
from tests.servers.webdav import WebdavServer

CANARY = "canary 5d1f0c6a-93be-4d07 of a customer"
MIB = 1 << 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.promise("P1", "P2", "P5")]


def files_with_canary(seed: int) -> dict[str, bytes]:
    """Small files, one that goes as a stream and one in parts, with the canary all over each of them."""
    rng = random.Random(seed)
    mark = CANARY.encode()

    def content(size: int) -> bytes:
        pieces = [mark + rng.randbytes(rng.randint(100, 3_000)) for _ in range(max(size // 1_500, 1))]
        return b"".join(pieces)

    small = {f"/{n % 3}/{n}": content(rng.randint(100, 20_000)) for n in range(200)}
    return small | {"/stream": content(10 * MIB), "/parts": content(36 * MIB)}


def key_body(file: Path) -> str:
    """A line from the middle of a private key."""
    return file.read_text().splitlines()[3]


def test_neither_content_nor_secrets_are_found_anywhere(
    tmp_path: Path, sshd_server: SftpServer, seaweedfs_server: S3Server, apache_server: WebdavServer
) -> None:
    mover = Mover(tmp_path / "mover", MOVER_STAGING_MEMORY_BYTES="1MiB")  # the rest goes to disk
    source = sshd_server.root / "canary"
    files = files_with_canary(1)
    put(source, files, owner=sshd_server.owner)
    needles = [
        Needle.of("content", CANARY),
        Needle.of("password", apache_server.password),
        Needle.of("secret key", seaweedfs_server.secret_key),
        Needle.of("passphrase", sshd_server.passphrase),
        Needle.of("private key", key_body(sshd_server.encrypted_client_key)),
    ]
    assert found_in_files([source], needles[:1])  # it can be found
    search = Search([tmp_path / "mover", Path("/var/crash"), SHARED_MEMORY], needles)

    def nothing_found() -> None:
        assert search.again() == []

    by_key = {key: value for key, value in sftp_values(sshd_server).items() if key != "password"}
    mover.connect(
        "sftp",
        "nas",
        by_key | {"private_key": str(sshd_server.encrypted_client_key), "passphrase": sshd_server.passphrase},
    )
    mover.connect("s3", "cold", s3_values(seaweedfs_server, "canary"))
    mover.connect("webdav", "cloud", webdav_values(apache_server))
    nothing_found()

    slowly = ("copy", "nas:/canary", "cold:/", "--bwlimit", "5M", "--json")
    for _ in killed_at_random(mover, slowly, times=5, seed=3, longest_s=1.0):
        nothing_found()
    command = ("copy", "nas:/canary", "cold:/", "--bwlimit", "20M", "--json")
    looks = looked_into(mover, command, needles, nothing_found)
    assert looks.staged > 0  # there was something to look at
    assert is_empty(mover)
    assert objects_in(seaweedfs_server, "canary") == files

    looks = looked_into(mover, ("copy", "cold:/", "cloud:/canary", "--json"), needles, nothing_found)
    assert looks.number > 0
    mover.run("report", "1", "--output", mover.person / "report", code=0)
    mover.run("verify", "nas:/canary", "cloud:/canary", "--json", code=0)
    nothing_found()
    if in_use() is Kind.POSTGRESQL:
        assert found_in_files([server().data], needles) == []


class Looks:
    """How often a running command was looked into, and how many encrypted parts were on disk then."""

    def __init__(self) -> None:
        self.number = 0
        self.staged = 0


def looked_into(
    mover: Mover, command: tuple[str, ...], needles: list[Needle], nothing_found: Callable[[], None]
) -> Looks:
    """Run a command to its end, and stop it now and then to search everything while it stands still."""
    looks = Looks()
    works = begins_to_work(mover)
    running = mover.start(*command)
    running.runs_until(works)
    assert core_limit(running.pid) == "0"
    while running.process.poll() is None:
        running.send(signal.SIGSTOP)
        try:
            assert found_in_process(running.pid, needles) == []
            looks.staged += len(list(mover.staging.glob("process-*/part-*")))
            nothing_found()
        finally:
            running.send(signal.SIGCONT)
        looks.number += 1
        with contextlib.suppress(AssertionError):  # it may end meanwhile
            running.runs_for(0.15)
    done = running.wait()
    assert done.code == 0, done
    assert needles[0].spellings[0] not in (done.out + done.err).encode()
    return looks


def core_limit(pid: int) -> str:
    """Largest core dump of a process, in bytes."""
    (line,) = (
        line
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines()
        if line.startswith("Max core file size")
    )
    return line.split()[4]
