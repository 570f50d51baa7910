"""Ctrl-C and SIGTERM: a clean end, and the same command goes on."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest
from tests.database_url import SUITE, Kind, in_use
from tests.e2e.command import Mover
from tests.e2e.killing import is_empty
from tests.e2e.ledger_file import read_ledger
from tests.e2e.places import files_below, put, sftp_values
from tests.servers.ssh import SftpServer

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("database_kind")
@pytest.mark.parametrize(
    ("database_kind", "number"),
    [
        (SUITE, signal.SIGINT),
        pytest.param(Kind.POSTGRESQL, signal.SIGTERM, marks=pytest.mark.servers),
    ],
    indirect=["database_kind"],
)
def test_an_interrupted_move_cleans_up_says_so_and_goes_on(
    number: signal.Signals, mover: Mover, tmp_path: Path, sshd_server: SftpServer
) -> None:
    rng = random.Random(5)
    files = {f"/{n % 7}/{n}": rng.randbytes(20_000) for n in range(400)} | {"/large": rng.randbytes(40 << 20)}
    put(tmp_path / "source", files)
    mover.connect("sftp", "nas", sftp_values(sshd_server))
    destination = f"interrupted-{number.name}-{in_use()}"
    command = ("copy", str(tmp_path / "source"), f"nas:/{destination}", "--bwlimit", "10M", "--json")
    running = mover.start(*command)
    running.runs_until(lambda: len(read_ledger(mover.home).finished) > 20)

    running.send(number)
    done = running.wait(limit_s=20)

    assert done.code == 130
    assert is_empty(mover)
    assert "same command" in done.err
    assert "Traceback" not in done.err
    before = read_ledger(mover.home).finished
    made = {path: (sshd_server.root / destination / path[1:]).stat().st_ino for path in before}
    resumed = mover.copy(*command[1:3])
    assert resumed["copied"] == len(files)
    assert files_below(sshd_server.root / destination) == files
    assert {path: (sshd_server.root / destination / path[1:]).stat().st_ino for path in before} == made
