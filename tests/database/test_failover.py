"""A standby takes the primary's place: every write that was answered is there, once, and none is taken for another's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from tests.servers.replicated import Replicated, replicated

from mover.database.database import Database
from mover.database.locations import parsed, shown
from mover.database.postgresql import make_engine
from mover.database.postgresql_fate import Fate, Number, fate_of, number_of
from mover.database.upgrading import upgrade

pytestmark = [pytest.mark.servers, pytest.mark.promise("availability", "P12")]

WRITERS = 6


@pytest.fixture
def pair() -> Iterator[Replicated]:
    """A primary whose commits wait for the standby's disk."""
    with replicated(synchronous=True) as servers:
        yield servers


@pytest.fixture
def careless() -> Iterator[Replicated]:
    """A primary that does not wait."""
    with replicated(synchronous=False) as servers:
        yield servers


def note(writer: int, number: int):
    def work(connection: Connection) -> None:
        connection.execute(
            text("INSERT INTO written VALUES (:writer, :number)"), {"writer": writer, "number": number}
        )

    return work


async def test_no_write_is_lost_or_done_twice_and_a_lock_stays_with_its_holder(pair: Replicated) -> None:
    await upgrade(pair.url())
    pair.first.execute("CREATE TABLE written (writer int, number int)")
    database = await Database.open(pair.url())
    answered: list[tuple[int, int]] = []
    promoted = asyncio.Event()
    longest_s = [0.0]

    async def write(writer: int) -> None:
        number = 0
        while not promoted.is_set() or number % 20:
            began = time.monotonic()
            await database.write(note(writer, number))
            longest_s.append(time.monotonic() - began)
            answered.append((writer, number))
            number += 1

    try:
        async with database.lock("pair:7") as right, asyncio.TaskGroup() as group:
            for writer in range(WRITERS):
                group.create_task(write(writer))
            while len(answered) < 20 * WRITERS:  # noqa: ASYNC110 - writers tell nobody
                await asyncio.sleep(0)
            await asyncio.to_thread(pair.kill_first)
            await asyncio.to_thread(pair.promote_second)
            before = len(answered)
            while len(answered) < before + 5 * WRITERS:  # noqa: ASYNC110 - they go on with the new primary
                await asyncio.sleep(0)
            promoted.set()
        assert not right.lost
    finally:
        await database.close()

    there = pair.second.execute("SELECT writer, number FROM written")
    assert sorted(there) == sorted(answered)  # each once
    print(f"the longest write took {max(longest_s):.1f} s")  # noqa: T201 - a figure for docs/availability.md


def begun(connection: Connection) -> Number:
    connection.exec_driver_sql("BEGIN")
    return number_of(connection)


def test_a_number_that_the_standby_never_heard_of_is_not_judged_by_who_has_it_now(
    careless: Replicated,
) -> None:
    first = make_engine(parsed(careless.first.url("postgres")), connections=2)
    with first.connect() as connection, connection.begin():
        reached = begun(connection)
    read = f"SELECT pg_last_wal_replay_lsn() >= pg_lsn '{reached.logged}'"
    while careless.second.execute(read) != [(True,)]:
        pass
    careless.cut_off_second()
    with first.connect() as connection, connection.begin():
        lost = begun(connection)
    careless.kill_first()
    first.dispose()
    careless.restart_second()
    careless.promote_second()

    second = make_engine(parsed(careless.url()), connections=2)
    with second.connect() as connection:
        while int((stranger := _committed(connection)).full) < int(lost.full):
            pass
        assert stranger.full == lost.full
        assert fate_of(connection, stranger) is Fate.COMMITTED
        assert fate_of(connection, lost) is Fate.LOST
        assert fate_of(connection, reached) is Fate.COMMITTED
    second.dispose()


def _committed(connection: Connection) -> Number:
    with connection.begin():
        return begun(connection)


@pytest.mark.parametrize(
    ("url", "told", "hosts", "ports"),
    [
        ("postgresql://mover:p%2Fw@a:1,b:2/db?sslmode=require", "db on a,b", "a,b", "1,2"),
        ("postgresql://a:1,[::1]:2/db", "db on a,::1", "a,::1", "1,2"),
        ("postgresql://mover@a,b:2/db", "db on a,b", "a,b", ",2"),
        ("postgresql://mover@/db?host=a:1&host=b:2", "db on a:1, b:2", "a,b", "1,2"),
    ],
)
def test_several_servers_are_named_as_libpq_wants_them(url: str, told: str, hosts: str, ports: str) -> None:
    location = parsed(url)
    _, options = location.get_dialect()().create_connect_args(location)
    assert (options["host"], options["port"], options["dbname"]) == (hosts, ports, "db")
    assert shown(location) == told
    assert options.get("password") == ("p/w" if "p%2Fw" in url else None)
