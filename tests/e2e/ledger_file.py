"""A look into the ledger from outside, at a moment when nobody may be writing to it or somebody was just killed."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.database_url import Kind, fresh, in_use

from mover.connections.connections import LOCAL_PERSON
from mover.database.database import Database
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault
from mover.workplace.upload_keys import OWNER, VaultCipher

_FINISHED = """
    SELECT rtrim(folders.destination_path, '/') || '/' || items.destination_name
    FROM items JOIN folders ON folders.id = items.folder_id
    WHERE items.kind = 'file' AND items.state IN ('copied', 'replaced', 'renamed', 'already_there')
"""
_PARTS = """
    SELECT uploads.pair_id, uploads.source_key, uploads.sealed_token, upload_parts.number
    FROM upload_parts JOIN uploads ON uploads.id = upload_parts.upload_id
"""
_SENT = """
    SELECT rtrim(folders.path, '/') || '/' || items.name, items.sent_bytes
    FROM items JOIN folders ON folders.id = items.folder_id WHERE items.kind = 'file'
"""


@dataclass(frozen=True)
class LedgerFile:
    """What the ledger says.

    Attributes:
        finished: Paths at the destination, below the pair's root, of files that were recorded as arrived.
        parts: Parts recorded as sent: source key, the upload's token, number.
        sent_bytes: Bytes sent in the attempt that succeeded, by path at the source.
    """

    finished: frozenset[str]
    parts: frozenset[tuple[str, str, int]]
    sent_bytes: Mapping[str, int]


def parts_recorded(home: Path) -> int:
    """How many parts are recorded as sent in a ledger that somebody is writing to."""
    return _counted(home, "SELECT count(*) FROM upload_parts")


def finished_recorded(home: Path) -> int:
    """How many files are recorded as arrived in a ledger that somebody is writing to."""
    return _counted(home, f"SELECT count(*) FROM ({_FINISHED}) AS finished")


def _counted(home: Path, query: str) -> int:
    if in_use() is Kind.POSTGRESQL:
        with psycopg.connect(fresh(home), autocommit=True) as server:
            row = server.execute(query.encode()).fetchone()
            assert row is not None
            return int(row[0])
    file = home / "mover.db"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        try:
            (count,) = database.execute(query).fetchone()
        except sqlite3.OperationalError:  # no such table yet
            return 0
        return int(count)


def read_ledger(home: Path) -> LedgerFile:
    """Read what the ledger says now.

    With SQLite, from a copy with its write-ahead log: opening the original would recover it, and so change it.
    """
    if in_use() is Kind.POSTGRESQL:
        with psycopg.connect(fresh(home), autocommit=True) as server:
            finished = server.execute(_FINISHED.encode()).fetchall()
            parts = server.execute(_PARTS.encode()).fetchall()
            sent = server.execute(_SENT.encode()).fetchall()
        return LedgerFile(
            frozenset(path for (path,) in finished), _unsealed(home, fresh(home), parts), dict(sent)
        )
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "mover.db")
        for suffix in ("", "-wal"):
            original = home / f"mover.db{suffix}"
            if original.exists():
                shutil.copyfile(original, f"{copy}{suffix}")
        with closing(sqlite3.connect(copy)) as database:
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'items'").fetchone() is None:
                return LedgerFile(frozenset(), frozenset(), {})
            finished = database.execute(_FINISHED).fetchall()
            parts = database.execute(_PARTS).fetchall()
            sent = database.execute(_SENT).fetchall()
        return LedgerFile(
            frozenset(path for (path,) in finished), _unsealed(home, f"sqlite:///{copy}", parts), dict(sent)
        )


def _unsealed(
    home: Path, url: str, parts: Sequence[tuple[int, str, bytes, int]]
) -> frozenset[tuple[str, str, int]]:
    """Parts with the tokens of their uploads in the clear: the test has the keys that whoever has the database lacks."""

    async def keys(pairs: Iterable[int]) -> dict[int, VaultCipher]:
        database = await Database.open(Secret(url))
        try:
            vault = Vault(database, FileKeyProvider(home / "keys" / "global.key"))
            owners = {pair: f"{OWNER}{pair}" for pair in pairs}
            return {
                pair: VaultCipher(await vault.fetch(LOCAL_PERSON, owner, "key"), owner)
                for pair, owner in owners.items()
            }
        finally:
            await database.close()

    if not parts:
        return frozenset()
    with ThreadPoolExecutor(1) as thread:  # the caller may be in an event loop
        ciphers = thread.submit(asyncio.run, keys({pair for pair, *_ in parts})).result()
    found = set()
    for pair, source_key, sealed, number in parts:
        token = ciphers[pair].unseal(sealed, source_key)
        assert token is not None
        found.add((source_key, token.reveal(), number))
    return frozenset(found)
