"""Databases on their way while processes are killed, connections break, servers die and disks are full."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import described, drop_database, make_database
from tests.e2e.command import Mover
from tests.e2e.killing import is_empty, killed_at_random
from tests.e2e.ledger_file import read_ledger
from tests.e2e.places import mysql_values, s3_values
from tests.e2e.searching import Needle, found_in_files
from tests.e2e.small_disk import grow, small_disk
from tests.e2e.unreliable import Trouble, Way, unreliable
from tests.servers.jail import can_jail
from tests.servers.mariadb import PASSWORD, MariaDbServer, mariadb
from tests.servers.processes import free_port
from tests.servers.s3 import S3Server

from mover.errors import QuotaExceeded, SignInFailed

CANARY = "canary 81c3-5e0b of a customer"
SLOWED = ("--bwlimit", "10M", "--json")
LARGE = f"""
CREATE TABLE large (id int PRIMARY KEY, v varchar(2000), w varchar(100) DEFAULT '{CANARY}', KEY (w));
INSERT INTO large (id, v) SELECT seq, repeat(md5(seq), 50) FROM seq_1_to_7000;
CREATE TABLE keyless (v varchar(2000));
INSERT INTO keyless SELECT repeat(sha(seq), 40) FROM seq_1_to_1500;
CREATE VIEW a AS SELECT id FROM large WHERE v <> '';
"""
SMALL = "".join(
    f"CREATE TABLE t{n} (id int PRIMARY KEY, v text); INSERT INTO t{n} VALUES ({n}, '{CANARY}');"
    for n in range(5)
)

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def shop(mariadb_server: MariaDbServer) -> Iterator[str]:
    """A database that takes some seconds to move."""
    make_database(mariadb_server, "shop", LARGE + SMALL)
    yield "shop"
    drop_database(mariadb_server, "shop")


@pytest.fixture(autouse=True)
def _room(mariadb_server: MariaDbServer) -> Iterator[None]:
    """Nothing stands yet where copies go."""
    drop_database(mariadb_server, "shop_back")
    yield
    drop_database(mariadb_server, "shop_back")


def leftovers(server: MariaDbServer) -> list[tuple]:
    return server.execute(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_NAME LIKE '.mover%'"
    )


def test_killed_again_and_again_on_the_way_out_and_on_the_way_back(
    mover: Mover, mariadb_server: MariaDbServer, seaweedfs_plain_server: S3Server, shop: str
) -> None:
    before = described(mariadb_server, shop)
    mover.connect("mysql", "db", mysql_values(mariadb_server))
    mover.connect("s3", "cold", s3_values(seaweedfs_plain_server, "killed-dumps"))
    needles = [Needle.of("content", CANARY), Needle.of("password", PASSWORD)]
    results = []
    for number, (source, destination) in enumerate((("db:/shop", "cold:/"), ("cold:/", "db:/shop_back"))):
        command = ("copy", source, destination, *SLOWED)
        for _ in killed_at_random(mover, command, times=2, seed=number, longest_s=1.5):
            assert found_in_files([mover.home, mover.temporary], needles) == []
        done = mover.run(*command, code=0)
        assert CANARY not in done.out + done.err
        results.append(done.result)

    assert described(mariadb_server, "shop_back") == before
    assert leftovers(mariadb_server) == []
    assert is_empty(mover)
    assert found_in_files([mover.home, mover.temporary], needles) == []
    for result in results:
        *_, last = mover.report(result["run"])
        assert last["summary"]["adds_up"]
    assert "more than one moment" in results[0]["message"]


def test_connections_that_break_on_the_way_out_and_stall_on_the_way_back_lose_nothing(
    tmp_path: Path, mariadb_server: MariaDbServer, shop: str
) -> None:
    mover = Mover(tmp_path / "mover", MOVER_READ_TIMEOUT_S="1", MOVER_ANSWER_TIMEOUT_S="2")
    before = described(mariadb_server, shop)
    with unreliable(mariadb_server.port) as proxy:
        mover.connect("mysql", "db", mysql_values(mariadb_server, port=proxy.port))
        out = [proxy.add(trouble, Way.TO_CLIENT, 4_000_000) for trouble in (Trouble.RESET, Trouble.CUT)]
        there = mover.copy("db:/shop", mover.person / "dumps")
        back = proxy.add(Trouble.STALL, Way.TO_SERVER, 3_000_000, times=2)
        again = mover.copy(mover.person / "dumps", "db:/shop_back")

    assert all(fault.happened for fault in out)
    assert back.happened > 0
    assert there["failed"] == again["failed"] == 0
    assert "more than one moment" in there["message"]
    assert described(mariadb_server, "shop_back") == before
    assert leftovers(mariadb_server) == []
    assert is_empty(mover)


def test_server_that_is_killed_and_comes_back_costs_no_table(mover: Mover, tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "server"
    dumps = mover.person / "dumps"
    with mariadb(folder, port=port) as server:
        make_database(server, "shop", LARGE + SMALL)
        before = described(server, "shop")
        mover.connect("mysql", "db", mysql_values(server))
        mover.copy("db:/shop", dumps)
    with contextlib.ExitStack() as stack:
        stack.enter_context(mariadb(folder, port=port, end_with_kill=True))
        running = mover.start("copy", dumps, "db:/shop_back", *SLOWED)
        running.runs_until(lambda: len(read_ledger(mover.home).finished) > 2)
        stack.close()
        with mariadb(folder, port=port) as server:
            done = running.wait()
            assert (done.code, done.result["failed"]) == (0, 0), done
            assert described(server, "shop_back") == before
            assert leftovers(server) == []


def test_password_that_is_changed_ends_the_run_and_a_new_sign_in_goes_on(
    mover: Mover, mariadb_server: MariaDbServer
) -> None:
    make_database(mariadb_server, "few", SMALL)
    mariadb_server.execute(
        "CREATE OR REPLACE USER 'erin'@'%' IDENTIFIED BY 'erins first password'",
        "GRANT ALL ON *.* TO 'erin'@'%'",
    )
    given = mysql_values(mariadb_server) | {"username": "erin", "password": "erins first password"}
    mover.connect("mysql", "db", given)
    mariadb_server.execute("ALTER USER 'erin'@'%' IDENTIFIED BY 'erins second password'")
    refused = mover.run("copy", "db:/few", mover.person / "dumps", "--json", code=2)
    assert refused.result["error"]["reason"] == "sign_in_failed"
    assert refused.result["error"]["advice"] == SignInFailed.advice
    assert "erins" not in refused.out + refused.err
    mover.connect("mysql", "db", given | {"password": "erins second password"}, "--replace")
    assert mover.copy("db:/few", mover.person / "dumps")["copied"] == 5
    drop_database(mariadb_server, "few")


@pytest.mark.skipif(not can_jail(), reason="only root can mount a small disk")
def test_full_disk_of_the_server_ends_the_run_and_the_same_command_goes_on_when_there_is_room(
    mover: Mover, tmp_path: Path, mariadb_server: MariaDbServer, shop: str
) -> None:
    dumps = mover.person / "dumps"
    mover.connect("mysql", "source", mysql_values(mariadb_server))
    mover.copy(f"source:/{shop}", dumps)
    folder = tmp_path / "disk"
    with small_disk(folder, 600), mariadb(folder / "server") as server:
        mover.connect("mysql", "db", mysql_values(server))
        used = int(subprocess.run(["du", "-sm", folder], capture_output=True, check=True).stdout.split()[0])
        grow(folder, used + 14)

        done = mover.run("copy", dumps, "db:/shop", "--json")

        assert (done.code, done.result["code"]) == (1, 260), done
        assert {(p["reason"], p["advice"]) for p in mover.problems(done.result["run"])} == {
            ("quota", QuotaExceeded.advice)
        }
        grow(folder, 600)
        assert mover.copy(dumps, "db:/shop")["failed"] == 0
        assert described(server, "shop") == described(mariadb_server, "shop")
        assert leftovers(server) == []


def test_what_is_no_dump_is_unsupported_and_the_rest_arrives(
    mover: Mover, mariadb_server: MariaDbServer
) -> None:
    drop_database(mariadb_server, "mixed")
    make_database(mariadb_server, "origin", SMALL)
    mover.connect("mysql", "db", mysql_values(mariadb_server))
    dumps = mover.person / "dumps"
    mover.copy("db:/origin", dumps)
    (dumps / "holiday.jpg").write_bytes(b"JFIF")
    (dumps / "fake.sql").write_bytes(b"DROP DATABASE origin;\n")
    (dumps / "inner").mkdir()
    (dumps / "t1.sql").write_bytes((dumps / "t1.sql").read_bytes() + b"DROP TABLE t0;\n")

    result = mover.copy(dumps, "db:/mixed", code=None)

    assert (result["code"], result["copied"], result["unsupported"], result["failed"]) == (122, 4, 4, 0)
    assert mariadb_server.execute("SHOW TABLES", database="mixed") == [("t0",), ("t2",), ("t3",), ("t4",)]
    only = mover.copy(dumps, "db:/mixed", "--include", "*.jpg", code=None)
    assert only["code"] == 102
    drop_database(mariadb_server, "mixed")
    drop_database(mariadb_server, "origin")
