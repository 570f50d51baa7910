"""A copy of SQLite's file as of one moment, while others work with it. A server's database is copied by its own means."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from mover.database.failures import DatabaseFull, DatabaseUnusable
from mover.database.locations import SQLITE, Hidden, parsed

_DOES_NOT_FIT = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC")


async def back_up(url: str | Hidden, target: Path) -> int:
    """Write a copy into a new file for its owner alone, and return its size in bytes.

    The copy is of the moment at which it was begun last: SQLite begins anew when another process writes meanwhile
    (https://sqlite.org/backup.html). It is on disk when this returns; after a failure there is none.

    Raises DatabaseUnusable: it is not SQLite, not there, or no such file can be made; DatabaseFull.
    """
    location = parsed(url)
    if location.get_backend_name() != SQLITE:
        raise DatabaseUnusable(
            "a database on a server is copied by its own means: pg_dump --format=custom --file=mover.dump DATABASE"
        )
    assert location.database is not None
    return await asyncio.to_thread(_copied, Path(location.database), target)


def _copied(source: Path, target: Path) -> int:
    if not source.is_file():
        raise DatabaseUnusable(f"there is no database {str(source)!r}")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise DatabaseUnusable(
            f"there is a file {str(target)!r} already; name one that is not there"
        ) from None
    except OSError as error:
        raise DatabaseUnusable(f"the copy {str(target)!r} cannot be made: {error.strerror}") from None
    try:
        with closing(_opened(source)) as origin, closing(_opened(target)) as copy:
            origin.backup(copy)
            # One file that needs no other beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        _settle(target)
    except sqlite3.Error as error:
        target.unlink()
        kind = DatabaseFull if error.sqlite_errorname in _DOES_NOT_FIT else DatabaseUnusable
        raise kind(f"the database could not be copied to {str(target)!r}", said=str(error)) from error
    except BaseException:
        target.unlink()
        raise
    return target.stat().st_size


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=30)


def _settle(target: Path) -> None:
    """Have file and name on disk: a power cut must not take a backup that was said to be there."""
    for path in (target, target.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
