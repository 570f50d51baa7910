from __future__ import annotations

import resource
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.database.notes import add, add_all, make_notes, texts
from tests.database_url import Kind, using

from mover.database import sqlite
from mover.database.database import Database
from mover.errors import InvalidConfiguration, Locked, StagingFull


@pytest.fixture
def database_kind() -> Iterator[Kind]:
    yield from using(Kind.SQLITE)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    await opened.write(make_notes)
    yield opened
    await opened.close()


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


async def test_a_place_where_nothing_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()

    with pytest.raises(InvalidConfiguration, match="cannot be made"):
        await Database.open(f"sqlite:///{tmp_path}/occupied/mover.db")
    with pytest.raises(InvalidConfiguration, match="cannot be made"):
        await Database.open(f"sqlite:///{tmp_path}")
