"""The sole right to something, on both kinds of database."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from tests import database_url as databases
from tests.database_url import Kind, lock_held, on_postgresql, on_sqlite
from tests.servers.postgresql import PostgresqlServer
from tests.servers.restarting import RestartingServer, restarting

from mover.database.database import Database
from mover.database.failures import DatabaseUnusable, Held, LockLost
from mover.database.locations import parsed
from mover.database.postgresql import make_engine
from mover.database.postgresql_lock import AdvisoryLock, key_of
from mover.database.upgrading import upgrade

HOLDING = """
import asyncio, sys
from mover.database.database import Database

async def main():
    database = await Database.open(sys.argv[1])
    async with database.lock("pair:42"):
        print("held", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


async def refused(database: Database, name: str = "pair:42") -> bool:
    try:
        async with database.lock(name):
            return False
    except Held:
        return True


async def not_refused(database: Database) -> bool:
    return not await refused(database)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what happens in another process."""
    async with asyncio.timeout(120):
        while not await condition():  # noqa: ASYNC110 - which tells nobody
            await asyncio.sleep(0)


async def test_another_task_is_refused_at_once_and_not_afterwards(database: Database) -> None:
    async with database.lock("pair:42") as right:
        assert await refused(database)
        assert not await refused(database, "pair:43")
        assert not right.lost

    assert not await refused(database)


async def test_somebody_who_opened_the_database_apart_is_refused(
    database: Database, database_url: str
) -> None:
    with lock_held(database_url, "pair:42"):
        assert await refused(database)
    assert not await refused(database)


async def test_a_block_that_raises_lets_go(database: Database) -> None:
    with pytest.raises(LookupError):
        async with database.lock("pair:42"):
            raise LookupError

    assert not await refused(database)


async def test_a_cancelled_block_lets_go_and_stays_cancelled(database: Database) -> None:
    inside = asyncio.Event()

    async def hold() -> None:
        async with database.lock("pair:42"):
            inside.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await inside.wait()
    holding.cancel()
    await asyncio.wait({holding})

    assert holding.cancelled()
    assert not await refused(database)


async def test_any_text_is_a_name(database: Database) -> None:
    for name in ("../../../etc/x", "a/b", "", ".", "ü\0\udc80", "x" * 5000, "pair%3A42"):
        async with database.lock(name):
            assert await refused(database, name), name
            assert not await refused(database), name


async def test_a_process_that_is_killed_holds_nothing(database: Database, database_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDING, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    assert await refused(database)

    process.kill()
    await process.communicate()

    await until(lambda: not_refused(database))  # a server notices within a moment


@on_sqlite
async def test_the_files_stand_beside_the_database_for_its_owner_alone(
    database: Database, path: Path
) -> None:
    async with database.lock("../pair:42"):
        (file,) = (path.parent / "locks").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
    assert (path.parent / "locks").stat().st_mode & 0o777 == 0o700


@on_sqlite
async def test_a_folder_that_cannot_be_made_is_said(database: Database, path: Path) -> None:
    (path.parent / "locks").touch()

    with pytest.raises(DatabaseUnusable, match="cannot be made"):
        async with database.lock("pair:42"):
            pytest.fail("locked")


# On a server, the right can be lost.


def _is_lock(name: str) -> str:
    key = key_of(name) & (2**64 - 1)
    return f"locktype = 'advisory' AND classid = {key >> 32} AND objid = {key & 0xFFFFFFFF}"


async def end_holder(name: str) -> None:
    """End the session that holds a lock, as a network that fails would."""
    holder = f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE granted AND {_is_lock(name)}"
    ended = await asyncio.to_thread(databases.server().execute, holder)
    assert ended == [(True,)]


async def holders(server: PostgresqlServer, name: str) -> list[int]:
    """The sessions that hold a lock, found without trying to take it, which would be in its holder's way."""
    query = f"SELECT pid FROM pg_locks WHERE granted AND {_is_lock(name)}"
    return [pid for (pid,) in await asyncio.to_thread(server.execute, query)]


@on_postgresql
async def test_a_holder_whose_session_was_ended_takes_the_lock_again(database: Database) -> None:
    async with database.lock("pair:42") as right:
        before = await holders(databases.server(), "pair:42")
        await end_holder("pair:42")

        async def another_session() -> bool:
            return await holders(databases.server(), "pair:42") not in ([], before)

        await until(another_session)
        assert not right.lost
        assert await refused(database)


async def somebody_queues() -> bool:
    queued = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return bool(await asyncio.to_thread(databases.server().execute, queued))


@on_postgresql
async def test_a_holder_who_was_overtaken_is_told_and_stops(database: Database, database_url: str) -> None:
    """Somebody else queues for the lock inside the server, so nobody can be quicker than he."""
    other = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
    rights = []

    async def hold() -> None:
        async with database.lock("pair:42") as right:
            rights.append(right)
            queueing = asyncio.create_task(other.execute("SELECT pg_advisory_lock(%s)", (key_of("pair:42"),)))
            await until(somebody_queues)
            await end_holder("pair:42")
            await queueing
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    with pytest.raises(LockLost, match="another process has it now"):
        await holding

    await other.close()
    assert rights[0].lost
    assert holding.cancelling() == 0


@pytest.fixture(scope="module")
def restarting_server() -> Iterator[RestartingServer]:
    with restarting() as server:
        yield server


def lock_of(
    url: str,
    *,
    reclaim_s: float = 250,
    grace_s: float = 0,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AdvisoryLock:
    engine = make_engine(parsed(url), connections=1)
    _, options = engine.dialect.create_connect_args(engine.url)
    connecting = {**options, "autocommit": True}
    return AdvisoryLock("pair:42", connecting, "d", reclaim_s=reclaim_s, grace_s=grace_s, sleep=sleep)


@on_postgresql
async def test_after_a_restart_the_holder_comes_before_all_others(
    restarting_server: RestartingServer, database_kind: Kind
) -> None:
    assert database_kind is Kind.POSTGRESQL
    url = restarting_server.server.url("postgres")
    waits = []

    async def until_he_is_back(seconds: float) -> None:
        """Stands for the grace, which lasts as long as the machine needs."""
        waits.append(seconds)
        await until(lambda: held(restarting_server.server))

    async def held(server: PostgresqlServer) -> bool:
        return bool(await holders(server, "pair:42"))

    async with lock_of(url) as right:
        await restarting_server.restart()
        # A newcomer is there as soon as the server is. He waits for a while, and by then it is taken.
        with pytest.raises(Held):
            async with lock_of(url, grace_s=10_000, sleep=until_he_is_back):
                pytest.fail("two at once")
        assert not right.lost
    (waited,) = waits
    assert 0 < waited < 10_000

    async with lock_of(url):
        pass


@on_postgresql
async def test_the_grace_counts_from_the_end_of_a_recovery(
    restarting_server: RestartingServer, database_kind: Kind
) -> None:
    """Which ends with a checkpoint, and may take longer than the grace after the server's start."""
    assert database_kind is Kind.POSTGRESQL
    server = restarting_server.server

    async def age_s() -> float:
        query = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8"
        ((age,),) = await asyncio.to_thread(server.execute, query)
        return float(age)

    async def grown_up() -> bool:
        return await age_s() > 3

    await until(grown_up)
    before = await age_s()
    await asyncio.to_thread(server.execute, "CHECKPOINT")
    waits = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async with lock_of(server.url("postgres"), grace_s=10_000, sleep=note):
        after = await age_s()

    (waited,) = waits
    assert 10_000 - waited <= after - before + 1  # a checkpoint's time has no fractions


@on_postgresql
async def test_a_server_that_stays_away_ends_the_right(
    restarting_server: RestartingServer, database_kind: Kind
) -> None:
    assert database_kind is Kind.POSTGRESQL
    url = restarting_server.server.url("postgres")

    async def hold() -> None:
        async with lock_of(url, reclaim_s=0.3):
            await restarting_server.stop()
            await asyncio.Event().wait()

    try:
        with pytest.raises(LockLost, match="cannot be reached"):
            await hold()
    finally:
        await restarting_server.start()


@on_postgresql
async def test_what_was_finished_while_the_server_was_away_counts(
    restarting_server: RestartingServer, database_kind: Kind
) -> None:
    assert database_kind is Kind.POSTGRESQL
    url = restarting_server.server.url("postgres")
    try:
        async with lock_of(url):
            await restarting_server.stop()
    finally:
        await restarting_server.start()
    await upgrade(url)
    database = await Database.open(url)
    assert not await refused(database)
    await database.close()
