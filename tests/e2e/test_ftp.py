"""FTP and FTPS under the real command: broken networks, kills, full disks, and nothing found where it should not be."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tests.e2e.command import Mover
from tests.e2e.killing import is_empty, killed_at_random
from tests.e2e.places import files_below, ftp_values, put
from tests.e2e.searching import Needle, found_in_files
from tests.e2e.small_disk import grow, small_disk
from tests.e2e.unreliable import Trouble, Way
from tests.e2e.unreliable_ftp import unreliable_ftp
from tests.servers.ftp import FtpServer, proftpd

from mover.errors import QuotaExceeded

MIB = 1 << 20
KILLS = 4
CANARY = "canary 7b20ad1e-40f2-4a57 of a customer"

pytestmark = [pytest.mark.slow, pytest.mark.servers]


def some_files(seed: int, *, large: int = 12 * MIB) -> dict[str, bytes]:
    rng = random.Random(seed)
    small = {f"/{n % 5}/file {n}": rng.randbytes(rng.randint(0, 30_000)) for n in range(60)}
    return small | {"/large": rng.randbytes(large)}


@pytest.fixture
def impatient(tmp_path: Path) -> Mover:
    """A Mover that takes two seconds of silence for a dead connection."""
    return Mover(tmp_path / "mover", MOVER_READ_TIMEOUT_S="2", MOVER_ANSWER_TIMEOUT_S="5")


def test_data_connections_that_break_stall_or_damage_lose_nothing_and_the_report_says_that_all_was_in_the_clear(
    impatient: Mover, tmp_path: Path, pure_ftpd_server: FtpServer
) -> None:
    files = some_files(1)
    put(tmp_path / "source", files)
    with unreliable_ftp(pure_ftpd_server.port) as proxy:
        values = ftp_values(pure_ftpd_server, "/network", plain=True) | {"port": proxy.port}
        impatient.connect("ftp", "old", values)
        up = [
            proxy.add(Trouble.RESET, Way.TO_SERVER, 10_000),
            proxy.add(Trouble.CUT, Way.TO_SERVER, 12_000),  # to the server that is where the file ends
            proxy.add(Trouble.CORRUPT, Way.TO_SERVER, 14_000),
            proxy.add(Trouble.STALL, Way.TO_SERVER, 2 * MIB),
        ]
        there = impatient.copy(tmp_path / "source", "old:/")
        down = [
            proxy.add(Trouble.RESET, Way.TO_CLIENT, 10_000),
            proxy.add(Trouble.CUT, Way.TO_CLIENT, 12_000),
            proxy.add(Trouble.STALL, Way.TO_CLIENT, 2 * MIB),
        ]
        back = impatient.copy("old:/", tmp_path / "back")
        told = impatient.run("report", str(there["run"]), code=0).out
        impatient.run("report", str(back["run"]), "--output", tmp_path / "report", code=0)

    assert [fault.happened for fault in (*up, *down)] == [1] * 7
    assert (there["copied"], there["failed"], back["copied"], back["failed"]) == (len(files), 0) * 2
    assert files_below(pure_ftpd_server.root / "network") == files
    assert files_below(tmp_path / "back") == files
    assert is_empty(impatient)
    assert (there["unencrypted"], back["unencrypted"]) == (["destination"], ["source"])
    assert "not encrypted in transit: destination" in told
    assert json.loads((tmp_path / "report" / "summary.json").read_text())["unencrypted"] == ["source"]
    assert "Not encrypted in transit" in (tmp_path / "report" / "report.html").read_text()


def test_killed_again_and_again_on_its_way_to_ftps(tmp_path: Path, proftpd_ftps_server: FtpServer) -> None:
    mover = Mover(tmp_path / "mover", MOVER_STAGING_MEMORY_BYTES="16MiB")  # so that parts are small
    server, files = proftpd_ftps_server, some_files(2, large=40 * MIB)
    put(tmp_path / "source", files)
    destination = server.root / "kill"
    mover.connect("ftps", "nas", ftp_values(server, "/kill"))
    command = ("copy", str(tmp_path / "source"), "nas:/", "--bwlimit", "8M", "--json")
    finished: dict[Path, tuple[int, int]] = {}
    parts = 0
    for killed in killed_at_random(mover, command, times=KILLS, seed=4):
        parts = max(parts, len(killed.ledger.parts))
        for path in killed.ledger.finished:
            finished.setdefault(destination / path[1:], made(destination / path[1:]))

    result = mover.copy(tmp_path / "source", "nas:/")

    assert result["copied"] == len(files)
    assert result["bytes_sent"] < sum(map(len, files.values()))  # it went on in the middle of the large file
    assert result["unencrypted"] == []
    assert (
        files_below(destination) == files
    )  # nothing missing, nothing twice, no temporary file, nothing damaged
    assert is_empty(mover)
    assert parts
    assert finished
    assert {path: made(path) for path in finished} == finished  # no finished file was written again


def made(file: Path) -> tuple[int, int]:
    """What would be another if the file had been written again, or another had taken its place."""
    status = file.stat()
    return status.st_ino, status.st_ctime_ns


def test_a_full_ftps_server_ends_the_run_and_the_same_command_goes_on_when_there_is_room(
    mover: Mover, tmp_path: Path
) -> None:
    files = {f"/{n:02}": random.Random(n).randbytes(MIB) for n in range(12)}
    put(tmp_path / "source", files)
    with small_disk(tmp_path / "server", 6), proftpd(tmp_path / "server") as server:
        mover.connect("ftps", "nas", ftp_values(server))

        done = mover.run("copy", tmp_path / "source", "nas:/", "--json")

        assert (done.code, done.result["code"]) == (1, 260)
        assert {(p["reason"], p["advice"]) for p in mover.problems(done.result["run"])} == {
            ("quota", QuotaExceeded.advice)
        }
        arrived = {path: data for path, data in files_below(server.root).items() if "/.mover-" not in path}
        assert arrived
        assert all(files[path] == data for path, data in arrived.items())
        grow(tmp_path / "server", 64)
        assert mover.copy(tmp_path / "source", "nas:/")["failed"] == 0
        assert files_below(server.root) == files


def test_a_server_that_allows_two_connections_gets_everything_through_them(
    mover: Mover, tmp_path: Path
) -> None:
    files = some_files(5)
    put(tmp_path / "source", files)
    with proftpd(tmp_path / "server", settings="MaxClientsPerUser 2") as server:
        mover.connect("ftps", "nas", ftp_values(server))

        there = mover.copy(tmp_path / "source", "nas:/a")
        across = mover.copy("nas:/a", "nas:/b")  # both sides share the two

        assert (there["copied"], there["failed"]) == (across["copied"], across["failed"]) == (len(files), 0)
        assert files_below(server.root / "a") == files_below(server.root / "b") == files


def test_neither_content_nor_secrets_are_found_anywhere(
    tmp_path: Path, proftpd_ftps_server: FtpServer, vsftpd_server: FtpServer
) -> None:
    keys = tmp_path / "session keys"
    mover = Mover(tmp_path / "mover", MOVER_STAGING_MEMORY_BYTES="1MiB", SSLKEYLOGFILE=str(keys))
    mark = CANARY.encode()
    files = {f"/{n}": mark + random.Random(n).randbytes(5_000) for n in range(20)}
    files["/stream"] = b"".join(mark + random.Random(n).randbytes(2_000) for n in range(5_000))
    put(proftpd_ftps_server.root / "canary", files, owner=proftpd_ftps_server.owner)
    needles = [Needle.of("content", CANARY), Needle.of("password", proftpd_ftps_server.password)]
    mover.connect("ftps", "nas", ftp_values(proftpd_ftps_server, "/canary"))
    mover.connect("ftps", "poor", ftp_values(vsftpd_server, "/canary"))
    command = ("copy", "nas:/", "poor:/", "--bwlimit", "2M", "--json")
    for _ in killed_at_random(mover, command, times=2, seed=6, longest_s=1.5):
        assert found_in_files([tmp_path / "mover"], needles) == []

    result = mover.copy("nas:/", "poor:/")
    done = mover.run("test", "nas", code=0)

    assert result["failed"] == 0
    assert files_below(vsftpd_server.root / "canary") == files
    assert found_in_files([tmp_path / "mover"], needles) == []
    assert proftpd_ftps_server.password not in done.out + done.err
    assert not keys.exists() or b"TRAFFIC_SECRET" not in keys.read_bytes()  # Python itself writes a heading
    assert is_empty(mover)
