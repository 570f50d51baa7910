from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import Connection, func, insert, inspect, select
from sqlalchemy.exc import IntegrityError, OperationalError
from tests.database.notes import add, counter, make_notes, notes, references, texts

from mover.database.database import Database
from mover.errors import InvalidConfiguration


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    await opened.write(make_notes)
    yield opened
    await opened.close()


async def test_what_was_written_is_read_also_after_opening_again(
    database: Database, database_url: str
) -> None:
    await database.write(lambda c: add(c, "x"))
    assert await database.read(texts) == ["x"]
    await database.close()

    again = await Database.open(database_url)

    assert await again.read(texts) == ["x"]
    await again.close()


async def test_what_raises_is_undone_as_a_whole_schema_changes_included(database: Database) -> None:
    def fail(connection: Connection) -> None:
        add(connection, "x")
        connection.exec_driver_sql("CREATE TABLE more (id INTEGER)")
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)

    assert await database.read(texts) == []
    assert not await database.read(lambda c: inspect(c).has_table("more"))


async def test_a_savepoint_is_undone_alone(database: Database) -> None:
    def work(connection: Connection) -> None:
        add(connection, "kept")
        savepoint = connection.begin_nested()
        add(connection, "undone")
        savepoint.rollback()

    await database.write(work)

    assert await database.read(texts) == ["kept"]


async def test_a_reference_to_nothing_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await database.write(lambda c: c.execute(insert(references).values(note=7)).close())


async def test_an_error_does_not_show_the_values(database: Database) -> None:
    await database.write(lambda c: add(c, "canary"))

    with pytest.raises(IntegrityError) as caught:
        await database.write(lambda c: add(c, "canary"))

    assert "canary" not in str(caught.value)


async def test_reading_cannot_write(database: Database) -> None:
    with pytest.raises((OperationalError, InvalidConfiguration)):
        await database.read(lambda c: add(c, "x"))

    assert await database.read(texts) == []


async def test_a_read_sees_one_moment_and_waits_for_no_writer(database: Database) -> None:
    reading, written = threading.Event(), threading.Event()

    def read_twice(connection: Connection) -> tuple[list[str], list[str]]:
        before = texts(connection)
        reading.set()
        assert written.wait(120)
        return before, texts(connection)

    def write_slowly(connection: Connection) -> None:
        add(connection, "x")
        inside.set()
        assert release.wait(120)

    first = asyncio.create_task(database.read(read_twice))
    await asyncio.to_thread(reading.wait, 120)
    await database.write(lambda c: add(c, "meanwhile"))
    written.set()
    assert await first == ([], [])

    inside, release = threading.Event(), threading.Event()
    slow = asyncio.create_task(database.write(write_slowly))
    await asyncio.to_thread(inside.wait, 120)
    assert await database.read(texts) == ["meanwhile"]
    release.set()
    await slow
    assert await database.read(texts) == ["meanwhile", "x"]


async def test_writes_of_many_tasks_are_one_after_the_other(database: Database) -> None:
    def count_up(connection: Connection) -> None:
        add(connection, str(connection.scalar(select(func.count()).select_from(notes))))

    await asyncio.gather(*(database.write(count_up) for _ in range(50)))

    assert await database.read(texts) == [str(number) for number in range(50)]


async def test_a_cancelled_write_that_runs_is_carried_to_its_end_before_the_caller_goes_on(
    database: Database,
) -> None:
    inside, release = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        inside.set()
        assert release.wait(120)
        add(connection, "x")

    writing = asyncio.create_task(database.write(work))
    await asyncio.to_thread(inside.wait, 120)
    waiting = asyncio.create_task(database.write(lambda c: add(c, "never")))
    for _ in range(3):
        writing.cancel()
        waiting.cancel()
        await asyncio.sleep(0)
    assert not writing.done()
    release.set()

    results = await asyncio.gather(writing, waiting, return_exceptions=True)

    assert [type(result) for result in results] == [asyncio.CancelledError, asyncio.CancelledError]
    assert await database.read(texts) == ["x"]


async def test_closing_may_be_repeated(database: Database) -> None:
    await database.close()
    await database.close()


async def test_a_database_opened_twice_in_one_process_is_one(database: Database, database_url: str) -> None:
    other = await Database.open(database_url)
    await asyncio.gather(
        *(database.write(partial(add, text=f"a{n}")) for n in range(20)),
        *(other.write(partial(add, text=f"b{n}")) for n in range(20)),
    )

    assert len(await other.read(texts)) == 40
    await other.close()
    assert len(await database.read(texts)) == 40


COUNTING = """
import asyncio, sys
from sqlalchemy import text
from mover.database.database import Database

def count_up(connection):
    n = connection.execute(text("SELECT count(*) FROM counter")).scalar_one()
    connection.execute(text("INSERT INTO counter VALUES (:n)"), {"n": n})

async def main():
    database = await Database.open(sys.argv[1])
    for _ in range(25):
        await database.write(count_up)
    await database.close()

asyncio.run(main())
"""


@pytest.mark.slow
async def test_several_processes_write_one_database_at_the_same_time_as_if_alone(
    database: Database, database_url: str
) -> None:
    url = database_url
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-W", "error", "-c", COUNTING, url, stderr=-1)
        for _ in range(4)
    ]
    errors = [(await process.communicate())[1].decode() for process in processes]

    assert errors == [""] * 4
    numbers = await database.read(
        lambda c: c.execute(select(counter.c.n).order_by(counter.c.n)).scalars().all()
    )
    assert numbers == list(range(100))


@pytest.mark.parametrize(
    "url",
    [
        "rubbish",
        "sqlite://",
        "sqlite:///:memory:",
        "",
        "postgresql://u:canary@h",
        "postgresql://u:canary@h:x/d",
        "mysql://u:canary@h/d",
    ],
)
async def test_a_url_that_names_no_database_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        await Database.open(url)

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("character", ["x", "ü", "日", "😀", "\0", "\x1a"])
async def test_what_can_be_looked_up_can_be_kept_in_an_index(database: Database, character: str) -> None:
    """Of characters in a random order, since PostgreSQL would compress others."""
    rng = random.Random(1)
    longest = "".join(rng.choice([character, chr(rng.randrange(33, 127))]) for _ in range(6000))
    while not database.can_look_up(longest):
        longest = longest[:-1]

    assert len(longest) > 500
    await database.write(lambda c: add(c, longest))
    assert await database.read(texts) == [longest]
