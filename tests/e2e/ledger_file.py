"""A look into the ledger from outside, at a moment when nobody may be writing to it or somebody was just killed."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.database_url import Kind, fresh, in_use

_FINISHED = """
    SELECT rtrim(folders.destination_path, '/') || '/' || items.destination_name
    FROM items JOIN folders ON folders.id = items.folder_id
    WHERE items.kind = 'file' AND items.state IN ('copied', 'replaced', 'renamed', 'already_there')
"""
_PARTS = """
    SELECT uploads.source_key, uploads.token, upload_parts.number
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
            return LedgerFile(
                frozenset(path for (path,) in server.execute(_FINISHED.encode())),
                frozenset(server.execute(_PARTS.encode()).fetchall()),
                dict(server.execute(_SENT.encode()).fetchall()),
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
            return LedgerFile(
                frozenset(path for (path,) in database.execute(_FINISHED)),
                frozenset(database.execute(_PARTS).fetchall()),
                dict(database.execute(_SENT).fetchall()),
            )
