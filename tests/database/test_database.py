from __future__ import annotations

import asyncio
import resource
import sqlite3
import stat
import sys
import threading
from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, column, func, insert, select, table
from sqlalchemy.exc import IntegrityError, OperationalError

from mover.database import sqlite
from mover.database.database import Database
from mover.errors import InvalidConfiguration, Locked, StagingFull

notes = table("notes", column("id"), column("text"))


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite:///{path}")
    await opened.write(
        lambda c: c.exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)").close()
    )
    await opened.write(
        lambda c: c.exec_driver_sql("CREATE TABLE parts (note INTEGER REFERENCES notes (id))").close()
    )
    yield opened
    await opened.close()


def add(connection: Connection, text: str) -> None:
    connection.execute(insert(notes).values(text=text))


def add_all(connection: Connection, several: Iterable[str]) -> None:
    for text in several:
        add(connection, text)


def texts(connection: Connection) -> list[str]:
    return list(connection.scalars(select(notes.c.text).order_by(notes.c.id)))


async def pragma(database: Database, name: str) -> list[object]:
    def ask(connection: Connection) -> object:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    return [await database.write(ask), await database.read(ask)]


async def test_folder_and_files_belong_to_their_owner_alone(database: Database, path: Path) -> None:
    await database.write(lambda c: add(c, "x"))

    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert modes == {"mover.db": 0o600, "mover.db-wal": 0o600, "mover.db-shm": 0o600}


async def test_sqlite_is_set_up_to_lose_nothing(database: Database) -> None:
    assert await pragma(database, "journal_mode") == ["wal", "wal"]
    assert await pragma(database, "synchronous") == [2, 2]
    assert await pragma(database, "foreign_keys") == [1, 1]
    assert await pragma(database, "busy_timeout") == [30_000, 30_000]


async def test_what_was_written_is_read_also_after_opening_again(database: Database, path: Path) -> None:
    await database.write(lambda c: add(c, "x"))
    assert await database.read(texts) == ["x"]
    await database.close()

    again = await Database.open(f"sqlite:///{path}")

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
    count = "SELECT count(*) FROM sqlite_master WHERE name = 'more'"
    assert await database.read(lambda c: c.exec_driver_sql(count).scalar_one()) == 0


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
        await database.write(lambda c: c.exec_driver_sql("INSERT INTO parts VALUES (7)").close())


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
        assert written.wait(20)
        return before, texts(connection)

    def write_slowly(connection: Connection) -> None:
        add(connection, "x")
        inside.set()
        assert release.wait(20)

    first = asyncio.create_task(database.read(read_twice))
    await asyncio.to_thread(reading.wait, 20)
    await database.write(lambda c: add(c, "meanwhile"))
    written.set()
    assert await first == ([], [])

    inside, release = threading.Event(), threading.Event()
    slow = asyncio.create_task(database.write(write_slowly))
    await asyncio.to_thread(inside.wait, 20)
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
        assert release.wait(20)
        add(connection, "x")

    writing = asyncio.create_task(database.write(work))
    await asyncio.to_thread(inside.wait, 20)
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


async def test_a_database_opened_twice_in_one_process_is_one(database: Database, path: Path) -> None:
    other = await Database.open(f"sqlite:///{path}")
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
    connection.execute(text("CREATE TABLE IF NOT EXISTS counter (n INTEGER)"))
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
async def test_several_processes_make_open_and_write_one_database_at_the_same_time(path: Path) -> None:
    url = f"sqlite:///{path}"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-W", "error", "-c", COUNTING, url, stderr=-1)
        for _ in range(4)
    ]
    errors = [(await process.communicate())[1].decode() for process in processes]

    assert errors == [""] * 4
    database = await Database.open(url)
    numbers = await database.read(
        lambda c: c.exec_driver_sql("SELECT n FROM counter ORDER BY n").scalars().all()
    )
    await database.close()
    assert numbers == list(range(100))


async def test_another_process_that_holds_the_database_too_long_ends_in_locked(
    path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.close()
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    impatient = await Database.open(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Locked, match="another process holds the database"):
        await impatient.write(lambda c: add(c, "x"))
    other.execute("ROLLBACK")
    other.close()

    await impatient.write(lambda c: add(c, "x"))
    await impatient.close()


def test_setting_up_waits_for_another_process_and_not_for_ever(path: Path) -> None:
    sqlite.prepare(path)
    clock = iter(range(100))
    pauses: list[float] = []

    with (
        sqlite.alone(path),
        pytest.raises(Locked, match="setting up"),
        sqlite.alone(path, timeout_s=10, clock=lambda: next(clock), sleep=pauses.append),
    ):
        pytest.fail("two at once")

    assert len(pauses) == 9
    with sqlite.alone(path, timeout_s=0):
        pass


async def test_a_file_that_is_not_a_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"Dear diary, " * 1000)

    with pytest.raises(InvalidConfiguration, match="is not a database"):
        await Database.open(f"sqlite:///{path}")

    assert path.read_bytes() == b"Dear diary, " * 1000


async def test_a_damaged_database_is_said(database: Database, path: Path) -> None:
    await database.write(lambda c: add_all(c, (f"{n:05}" * 50 for n in range(500))))
    await database.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))

    async def use() -> None:
        opened = await Database.open(f"sqlite:///{path}")
        try:
            await opened.read(texts)
        finally:
            await opened.close()

    with pytest.raises(InvalidConfiguration, match="damaged"):
        await use()


async def test_a_full_disk_is_said_and_nothing_is_lost(database: Database) -> None:
    await database.write(lambda c: add(c, "before"))

    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite's own way of running out of room
        for number in range(200):
            add(connection, f"{number:05}" * 500)

    with pytest.raises(StagingFull, match="no room left"):
        await database.write(fill)

    assert await database.read(texts) == ["before"]


async def test_an_error_of_the_disk_is_said(database: Database, path: Path) -> None:
    """A limit on the size of files stands for a disk that refuses: SQLite sees a failed write."""

    def outgrow(connection: Connection) -> None:
        for number in range(2000):
            add(connection, f"{number:05}" * 400)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 400_000, before[1]))
    try:
        with pytest.raises((InvalidConfiguration, StagingFull), match=str(path)):
            await database.write(outgrow)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert await database.read(texts) == []


@pytest.mark.parametrize(
    "url", ["rubbish", "sqlite://", "sqlite:///:memory:", "postgresql://u:canary@h/d", ""]
)
async def test_a_url_that_names_no_file_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        await Database.open(url)

    assert "canary" not in str(caught.value)


async def test_a_place_where_nothing_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()

    with pytest.raises(InvalidConfiguration, match="cannot be made"):
        await Database.open(f"sqlite:///{tmp_path}/occupied/mover.db")
    with pytest.raises(InvalidConfiguration, match="cannot be made"):
        await Database.open(f"sqlite:///{tmp_path}")
