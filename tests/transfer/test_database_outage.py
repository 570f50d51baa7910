"""Moves whose database server goes away in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from tests.memory.contents import Pattern
from tests.servers.restarting import RestartingServer, restarting
from tests.transfer.workbench import Workbench, workbench

from mover.database import patience
from mover.database.database import Database
from mover.database.failures import DatabaseUnreachable, LockLost
from mover.database.locations import parsed
from mover.database.postgresql import PostgresqlStore
from mover.database.postgresql_lock import key_of
from mover.database.upgrading import upgrade
from mover.ledger.ledger import Ledger
from mover.ledger.states import Code, ItemState

pytestmark = pytest.mark.servers

FILES = 300
_ADVISORY = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted IS "


@pytest.fixture(scope="module")
def server() -> Iterator[RestartingServer]:
    with restarting() as running:
        yield running


@pytest.fixture
async def url(server: RestartingServer) -> str:
    url = server.server.url(server.server.create())
    await upgrade(url)
    return url


def fill(bench: Workbench) -> None:
    for number in range(FILES):
        bench.source.add_file(f"/{number % 7}/{number}", f"content {number}".encode())
    bench.source.add_file("/large", Pattern(30 << 20))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for the move to come to some point."""
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 - the service counts, and tells nobody
            await asyncio.sleep(0)


def hold_back(bench: Workbench, after: int) -> asyncio.Event:
    """Let files after so many wait until the event is set, so that the move cannot be over before the test is there."""
    released = asyncio.Event()
    bench.destination.faults.add("upload", times=None, skip=after, stall=released)
    return released


def uploads(bench: Workbench) -> int:
    return bench.destination.calls["upload"]


async def test_restarts_of_the_server_cost_no_file_and_send_none_twice(
    server: RestartingServer, url: str, tmp_path: Path
) -> None:
    async with workbench(tmp_path, url=url) as bench:
        fill(bench)
        released = hold_back(bench, FILES - 10)
        moving = asyncio.create_task(bench.run())
        for point in (1, FILES // 3, FILES - 20):
            await until(lambda point=point: uploads(bench) >= point)  # type: ignore[misc]  # mypy does not infer lambdas with defaults
            await server.restart()
        released.set()

        result = await moving

        rows = await bench.rows(result.run)
        problems = {path: (row["reason"], row["message"]) for path, row in rows.items() if row["reason"]}
        assert result.code is Code.SUCCESS, problems
        assert bench.destination.tree() == bench.source.tree()
        assert uploads(bench) == FILES
        assert {row["attempts"] for row in rows.values() if row["kind"] == "file"} == {1}
        assert set((await bench.files(result.run)).values()) == {ItemState.COPIED}


async def test_a_server_that_stays_away_ends_the_run_blames_no_file_and_the_same_call_goes_on(
    server: RestartingServer, url: str, tmp_path: Path
) -> None:
    store = PostgresqlStore(parsed(url), connections=4, outage=patience.Outage(0.2))
    async with workbench(tmp_path, url=url) as bench:
        opened, bench.database = bench.database, Database(store)
        fill(bench)
        released = hold_back(bench, FILES // 2)
        moving = asyncio.create_task(bench.run())
        await until(lambda: uploads(bench) >= 20)
        await server.stop()
        released.set()
        try:
            with pytest.raises(DatabaseUnreachable):
                await moving
        finally:
            await server.start()
        await bench.database.close()
        bench.database = opened

        (interrupted,) = await Ledger(bench.database).runs()
        states = set((await bench.files(interrupted.id)).values())
        assert not interrupted.finished
        assert states <= {ItemState.PLANNED, ItemState.SENDING, ItemState.COPIED}
        begun, there = uploads(bench), bench.destination.tree()  # what was held back was broken off, perhaps

        result = await bench.run()

        assert result.run == interrupted.id
        assert result.code is Code.SUCCESS
        assert bench.destination.tree() == bench.source.tree()
        arrived = sum(content is not None for content in there.values())
        assert uploads(bench) - begun == FILES - arrived


async def test_who_was_overtaken_stops_and_leaves_the_run_to_the_other(url: str, tmp_path: Path) -> None:
    other = await psycopg.AsyncConnection.connect(url, autocommit=True)
    looking = await psycopg.AsyncConnection.connect(url, autocommit=True)
    async with workbench(tmp_path, url=url) as bench:
        fill(bench)
        hold_back(bench, FILES // 2)
        moving = asyncio.create_task(bench.run())
        await until(lambda: uploads(bench) >= 20)
        queueing = asyncio.create_task(other.execute("SELECT pg_advisory_lock(%s)", (key_of("pair:1"),)))
        queue = f"{_ADVISORY} FALSE".encode()
        async with asyncio.timeout(120):
            while not await (await looking.execute(queue)).fetchall():  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0)

        await looking.execute(f"SELECT pg_terminate_backend(pid) FROM ({_ADVISORY} TRUE) AS holder".encode())

        with pytest.raises(LockLost):
            await moving
        await queueing
        (run,) = await Ledger(bench.database).runs()
        assert (run.code, run.finished, run.ended_ns) == (Code.RUNNING, False, None)
        assert uploads(bench) < FILES
    await other.close()
    await looking.close()
