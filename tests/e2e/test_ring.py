"""Any pair works: one tree goes from service to service, through all of them, and comes home the same."""

from __future__ import annotations

import os
import random
from itertools import pairwise
from pathlib import Path

import pytest
from tests.e2e.command import Mover
from tests.e2e.comparing import on_disk
from tests.e2e.killing import is_empty
from tests.e2e.places import ftp_values, s3_values, sftp_values, swift_values, webdav_values
from tests.servers.ftp import FtpServer
from tests.servers.openstack import SwiftServer
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer
from tests.servers.webdav import WebdavServer

MIB = 1 << 20
NAMES = (
    "plain",
    "with blanks  inside",
    "percent %41 and + and #",
    "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
    "cafe\N{COMBINING ACUTE ACCENT} decomposed",
    "\N{PARTY POPPER} emoji",
    ".hidden",
    "-dash",
    "'quoted' \"twice\"",
    "semi;colon & ampersand",
    "[brackets] {braces}",
    "Upper",
    "upper",
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def make_tree(folder: Path) -> None:
    """Odd names, empty files and folders, depth, a stream and parts."""
    rng = random.Random(7)
    for depth in range(3):
        inside = folder.joinpath(*(f"level {n}" for n in range(depth)))
        inside.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (inside / name).write_bytes(rng.randbytes(rng.randint(0, 20_000)))
        (inside / "nothing").touch()
        (inside / "empty folder").mkdir()
    (folder / "stream").write_bytes(rng.randbytes(9 * MIB))
    (folder / "parts").write_bytes(rng.randbytes(24 * MIB))
    for number, file in enumerate(path for path in folder.rglob("*") if path.is_file()):
        os.utime(file, (1_600_000_000 + number, 1_600_000_000 + number))


def test_a_tree_goes_through_every_service_and_comes_home_the_same(
    mover: Mover,
    tmp_path: Path,
    sshd_server: SftpServer,
    pure_ftpd_server: FtpServer,
    proftpd_ftps_server: FtpServer,
    wsgidav_server: WebdavServer,
    seaweedfs_server: S3Server,
    swift_node: SwiftServer,
) -> None:
    home, back = tmp_path / "home", tmp_path / "back"
    make_tree(home)
    mover.connect("sftp", "nas", sftp_values(sshd_server))
    mover.connect("ftp", "old", ftp_values(pure_ftpd_server, "/ring", plain=True))
    mover.connect("ftps", "vault", ftp_values(proftpd_ftps_server, "/ring"))
    mover.connect("webdav", "cloud", webdav_values(wsgidav_server))
    mover.connect("s3", "cold", s3_values(seaweedfs_server, "ring"))
    mover.connect("swift", "rack", swift_values(swift_node, "ring"))
    stations = [
        str(home),
        "nas:/ring",
        "old:/ring",
        "vault:/ring",
        "cloud:/ring",
        "cold:/ring",
        "rack:/ring",
        str(back),
    ]

    for source, destination in pairwise(stations):
        result = mover.copy(source, destination)
        assert result["code"] == 100, (source, destination, result)

    before, after = on_disk(home), on_disk(back)
    assert {path: found.digest for path, found in after.items()} == {
        path: found.digest for path, found in before.items()
    }
    files = [path for path, found in before.items() if found.digest]
    assert {path: after[path].modified_ns for path in files} == {
        path: before[path].modified_ns for path in files
    }
    assert is_empty(mover)
    for source, destination in pairwise(stations):
        assert mover.copy(source, destination)["code"] == 101, (source, destination)  # and nothing twice
