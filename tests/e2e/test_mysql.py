"""A database on its way through every other service and back is the same database, as its server itself tells."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.databases import EVERYTHING, FILES, described, drop_database, make_database
from tests.e2e.command import Mover
from tests.e2e.killing import is_empty
from tests.e2e.places import (
    ftp_values,
    mysql_values,
    s3_values,
    sftp_values,
    swift_values,
    webdav_values,
)
from tests.servers.ftp import FtpServer
from tests.servers.mariadb import MariaDbServer
from tests.servers.openstack import SwiftServer
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer
from tests.servers.webdav import WebdavServer

LARGE = """
CREATE TABLE large (id int PRIMARY KEY, b mediumblob);
INSERT INTO large SELECT seq, repeat(unhex(md5(seq)), 25000) FROM seq_1_to_24;
"""  # in parts, where there are parts
NUMBER = len(FILES) + 1

pytestmark = [pytest.mark.slow, pytest.mark.servers]


def local(mover: Mover, _request: pytest.FixtureRequest) -> str:
    return str(mover.person / "dumps")


def sftp(mover: Mover, request: pytest.FixtureRequest) -> str:
    server: SftpServer = request.getfixturevalue("sshd_server")
    mover.connect("sftp", "sftp-place", sftp_values(server))
    return "sftp-place:/dumps-of-mysql"


def webdav(mover: Mover, request: pytest.FixtureRequest) -> str:
    server: WebdavServer = request.getfixturevalue("apache_server")
    mover.connect("webdav", "webdav-place", webdav_values(server))
    return "webdav-place:/dumps-of-mysql"


def s3(mover: Mover, request: pytest.FixtureRequest) -> str:
    server: S3Server = request.getfixturevalue("seaweedfs_server")
    mover.connect("s3", "s3-place", s3_values(server, "dumps-of-mysql"))
    return "s3-place:/"


def ftp(mover: Mover, request: pytest.FixtureRequest) -> str:
    server: FtpServer = request.getfixturevalue("pure_ftpd_server")
    mover.connect("ftp", "ftp-place", ftp_values(server, "/dumps-of-mysql", plain=True))
    return "ftp-place:/"


def ftps(mover: Mover, request: pytest.FixtureRequest) -> str:
    server: FtpServer = request.getfixturevalue("proftpd_ftps_server")
    mover.connect("ftps", "ftps-place", ftp_values(server, "/dumps-of-mysql"))
    return "ftps-place:/"


def swift(mover: Mover, request: pytest.FixtureRequest) -> str:
    server: SwiftServer = request.getfixturevalue("swift_node")
    mover.connect("swift", "swift-place", swift_values(server, "dumps-of-mysql"))
    return "swift-place:/"


# Another service joins with a function of its own.
PLACES: dict[str, Callable[[Mover, pytest.FixtureRequest], str]] = {
    "local": local,
    "sftp": sftp,
    "ftp": ftp,
    "ftps": ftps,
    "webdav": webdav,
    "s3": s3,
    "swift": swift,
}


def test_database_comes_back_the_same_through_every_service(
    mover: Mover, request: pytest.FixtureRequest, mariadb_server: MariaDbServer
) -> None:
    make_database(mariadb_server, "ring", EVERYTHING + LARGE)
    drop_database(mariadb_server, "ring_back")
    before = described(mariadb_server, "ring")
    mover.connect("mysql", "db", mysql_values(mariadb_server))
    here = "db:/ring"

    for there in (*(place(mover, request) for place in PLACES.values()), "db:/ring_back"):
        moved = mover.copy(here, there)
        assert (moved["copied"], moved["failed"]) == (NUMBER, 0), (here, there, moved)
        here = there

    assert described(mariadb_server, "ring_back") == before
    assert is_empty(mover)


def test_next_run_sends_what_changed_and_never_over_what_somebody_edited(
    mover: Mover, mariadb_server: MariaDbServer
) -> None:
    tables = "".join(
        f"CREATE TABLE {name} (id int PRIMARY KEY); INSERT INTO {name} VALUES (1);" for name in "abc"
    )
    make_database(mariadb_server, "daily", tables)
    drop_database(mariadb_server, "daily_copy")
    mover.connect("mysql", "db", mysql_values(mariadb_server))
    first = mover.copy("db:/daily", "db:/daily_copy")
    mariadb_server.execute("INSERT INTO b VALUES (2)", "INSERT INTO c VALUES (2)", database="daily")
    mariadb_server.execute("INSERT INTO c VALUES (3)", database="daily_copy")

    again = mover.copy("db:/daily", "db:/daily_copy", code=1)

    hashes = [item["content_hash"] for item in mover.report(first["run"]) if item.get("kind") == "file"]
    assert len(hashes) == 3
    assert all(found.startswith("sha256:") for found in hashes)
    states = {
        item["path"]: item["state"] for item in mover.report(again["run"]) if item.get("kind") == "file"
    }
    assert states == {"/a.sql": "already_there", "/b.sql": "replaced", "/c.sql": "conflict"}
    assert mariadb_server.execute("SELECT id FROM b ORDER BY id", database="daily_copy") == [(1,), (2,)]
    assert mariadb_server.execute("SELECT id FROM c ORDER BY id", database="daily_copy") == [(1,), (3,)]
    drop_database(mariadb_server, "daily")
    drop_database(mariadb_server, "daily_copy")
