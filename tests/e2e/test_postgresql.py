"""The command with everything kept in PostgreSQL, which is restarted, while the command is killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.e2e.command import Mover
from tests.e2e.places import files_below, put
from tests.servers.postgresql import PASSWORD
from tests.servers.restarting import RestartingServer, restarting

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.promise("P12", "availability")]

FINISHED = "SELECT count(*) FROM items WHERE kind = 'file' AND state = 'copied'"


@pytest.fixture
def server() -> Iterator[RestartingServer]:
    with restarting() as running:
        yield running


def finished(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(FINISHED.encode()).fetchone()
        assert row is not None
        return int(row[0])


def inodes(folder: Path) -> dict[str, int]:
    return {path: (folder / path[1:]).stat().st_ino for path in files_below(folder)}


def test_restarts_of_the_database_and_kills_of_the_command_send_nothing_twice(
    server: RestartingServer, tmp_path: Path
) -> None:
    url = server.server.url(server.server.create(), password=PASSWORD)
    mover = Mover(tmp_path / "mover", MOVER_DATABASE_URL=url)
    rng = random.Random(7)
    files = {f"/{n % 5}/{n}": rng.randbytes(20_000) for n in range(250)}
    put(tmp_path / "from", files)
    refused = mover.run("runs", code=2)
    assert "run: mover db upgrade" in refused.err
    assert mover.run("db", "check", code=2).err
    mover.run("db", "upgrade", code=0)
    assert '"up_to_date":true' in mover.run("db", "check", "--json", code=0).out
    command = ("copy", str(tmp_path / "from"), str(tmp_path / "to"), "--json")
    # So slow that a machine which stands still for seconds comes in time before its end.
    slowly, soon = ("--bwlimit", "500K"), ("--bwlimit", "1M")

    running = mover.start(*command, *slowly)
    running.runs_until(lambda: finished(url) > 30)
    asyncio.run(server.restart())
    running.runs_until(lambda: finished(url) > 60)
    running.kill()
    recorded = finished(url)
    there = inodes(tmp_path / "to")
    again = mover.start(*command, *soon)
    again.runs_until(lambda: finished(url) > recorded + 30)
    asyncio.run(server.restart())
    done = again.wait()

    assert done.code == 0, done
    assert done.result["copied"] == len(files)
    assert files_below(tmp_path / "to") == files
    after = inodes(tmp_path / "to")
    assert {path for path in there if after[path] != there[path]} == set()
    assert "canary" not in done.err + done.out + refused.err
    assert not any(b"pg canary" in path.read_bytes() for path in mover.home.rglob("*") if path.is_file())
