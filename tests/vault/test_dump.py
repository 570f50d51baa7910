"""P5: what the database file holds, every page of it and of its log, is worthless without the global key."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select
from tests.database_url import on_sqlite
from tests.e2e.searching import Needle, found_in_files

from mover.database.database import Database
from mover.vault import envelope
from mover.vault.providers import EnvironmentKeyProvider, FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.tables import person_keys, secrets
from mover.vault.vault import Vault

pytestmark = [on_sqlite, pytest.mark.promise("P5")]  # SQLite: it is the file that a thief would have

TEXTS = [
    "plain-canary-7f3a9c5e",
    "quoted \"canary\" \\ with\nlines\tand 'ticks'",
    "ünïcödé canary пароль 密码",
    "-----BEGIN PRIVATE KEY-----\nMIIcanaryCANARY+/==\n-----END PRIVATE KEY-----\n",
    "canary%20with?url&parts=" + "x" * 5000,
]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The keys that were made meanwhile."""
    keys: list[bytes] = []
    make = envelope.new_key

    def remember() -> bytes:
        keys.append(make())
        return keys[-1]

    monkeypatch.setattr(envelope, "new_key", remember)
    return keys


def state(tmp_path: Path) -> list[Path]:
    return [tmp_path / "state"]


def pieces(text: str) -> list[Needle]:
    """A long text lies on several pages, so its pieces are looked for; what is too short to be sure of is left out."""
    parts = [text[start : start + 24] for start in range(0, min(len(text), 240), 24)]
    return [Needle.of(f"{part!r}", part) for part in parts if len(part) >= 12]


def needles(keys: list[bytes]) -> list[Needle]:
    texts = [piece for text in TEXTS for piece in pieces(text)]
    return [*texts, *(_of_bytes(f"key {number}", key) for number, key in enumerate(keys))]


def _of_bytes(name: str, raw: bytes) -> Needle:

    spellings = (raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw)[:-1])
    return Needle(name, spellings)


async def use(database: Database, key_file: Path) -> None:
    """Everything that a vault does, and more than one page of it."""
    vault = Vault(database, FileKeyProvider(key_file))
    for number in range(30):
        for place, text in enumerate(TEXTS):
            await vault.store(f"organisation:{number}", f"connection:{place}", "password", Secret(text))
    await vault.replace("organisation:0", "connection:0", {"token": Secret(TEXTS[1])})
    await vault.rotate_person("organisation:1")
    await vault.destroy("connection:2")
    await vault.destroy_person("organisation:2")

    async def exchange(_: dict[str, Secret]) -> dict[str, Secret]:
        return {"password": Secret(TEXTS[0])}

    await vault.refresh("organisation:3", "connection:1", ["password"], exchange, lambda _: False)
    await vault.rotate_global(FileKeyProvider(key_file.with_name("next.key")))


async def test_no_page_of_the_database_and_its_log_holds_a_secret_or_a_key(
    database: Database, key_file: Path, tmp_path: Path, made: list[bytes]
) -> None:
    reading, done = threading.Event(), threading.Event()

    def read_slowly(connection: Connection) -> None:
        connection.execute(select(secrets)).all()
        reading.set()
        assert done.wait(120)

    reader = asyncio.create_task(database.read(read_slowly))  # as long as it reads, nothing leaves the log
    await asyncio.to_thread(reading.wait, 120)
    await use(database, key_file)
    assert len(made) >= 30 + 2 + 2
    log = tmp_path / "state" / "mover.db-wal"
    assert log.stat().st_size > 500_000

    assert found_in_files(state(tmp_path), needles(made)) == []
    done.set()
    await reader

    await database.close()
    assert not log.exists()
    assert found_in_files(state(tmp_path), needles(made)) == []


async def test_no_dump_of_the_tables_holds_a_secret_or_a_key(
    database: Database, key_file: Path, tmp_path: Path, made: list[bytes]
) -> None:
    await use(database, key_file)
    await database.close()
    with sqlite3.connect(tmp_path / "state" / "mover.db") as raw:
        dump = "\n".join(raw.iterdump())
    raw.close()
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "all.sql").write_text(dump)

    assert "organisation:1" in dump
    assert found_in_files([tmp_path / "dump"], needles(made)) == []


@pytest.mark.parametrize("text", TEXTS)
async def test_the_search_finds_what_is_there(database: Database, tmp_path: Path, text: str) -> None:
    """The same search in a database that somebody wrote the same texts into."""
    row = {
        "person": "p",
        "key_id": text[:20],
        "global_key_id": "g",
        "format": 1,
        "wrapped": text.encode(),
        "created_ns": 0,
    }
    await database.write(lambda c: c.execute(insert(person_keys), row).close())

    assert len(found_in_files(state(tmp_path), pieces(text))) >= len(pieces(text))


async def test_of_a_destroyed_organisation_no_key_and_no_secret_stays_in_the_file(
    database: Database, tmp_path: Path
) -> None:
    vault = Vault(database, EnvironmentKeyProvider(Secret("11" * 32)))
    for number in range(20):
        for place in range(10):
            await vault.store(
                f"organisation:{number}", f"connection:{number}-{place}", "password", Secret("x" * 300)
            )
    at_it = secrets.c.person == "organisation:7"
    gone = await database.read(lambda c: list(c.scalars(select(secrets.c.sealed).where(at_it))))
    gone += await database.read(
        lambda c: list(
            c.scalars(select(person_keys.c.wrapped).where(person_keys.c.person == "organisation:7"))
        )
    )
    ended: list[str] = []

    await vault.destroy_person("organisation:7", along=lambda _: ended.append("in the same transaction"))
    await database.close()

    assert len(gone) == 11
    assert ended == ["in the same transaction"]
    content = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert not [piece for piece in gone if piece in content or piece[20:60] in content]


@pytest.mark.parametrize(
    "place",
    [
        ("", "connection:1", "password"),
        ("p" * 256, "connection:1", "password"),
        ("p", "", "password"),
        ("p", "c" * 250, "password"),
        ("p", "predecessor:connection:1", "password"),
        ("p", "connection:1", ""),
        ("p\0", "connection:1", "password"),
    ],
)
async def test_names_that_no_database_can_keep_are_refused(
    database: Database, place: tuple[str, str, str]
) -> None:
    vault = Vault(database, EnvironmentKeyProvider(Secret("11" * 32)))

    with pytest.raises(ValueError):
        await vault.store(*place, Secret("x"))

    assert await database.read(lambda c: c.execute(select(person_keys)).all()) == []


async def test_the_longest_names_are_kept(database: Database) -> None:
    vault = Vault(database, EnvironmentKeyProvider(Secret("11" * 32)))
    place = ("organisation:" + "ü" * 242, "c" * 243, "文" * 255)

    await vault.store(*place, Secret("x"))
    await vault.rotate_person(place[0])

    assert await vault.fetch(*place) == Secret("x")
