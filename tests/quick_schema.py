"""Gives new SQLite files the schema as the revisions leave it: thousands of tests need not run them all anew.

The revisions themselves are run once for that, by `tests/database/test_schema.py`, and by processes that a test starts in
an empty folder.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL

import mover.database.sqlite as store

_step_by_step = [False]
_prepare = store.prepare


def install() -> None:
    """Use it in this process from now on."""
    vars(store)["prepare"] = _prepare_made


@contextmanager
def step_by_step() -> Iterator[None]:
    """Run the revisions for new files, too, until the end of the block."""
    _step_by_step[0] = True
    yield
    _step_by_step[0] = False


def place(path: Path) -> None:
    """Put such a file where there is none, for a process that is going to open it; its folder is made, too."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".quick-") as file:
        file.write(_made())
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)  # whole for whoever opens it at this moment


def _prepare_made(path: Path) -> None:
    if not _step_by_step[0] and not path.exists():
        with suppress(OSError):  # which Mover's own way of making the file comes upon, too, and explains
            place(path)
    _prepare(path)


@functools.cache
def _made() -> bytes:
    """The bytes of a file that the revisions have made."""
    with tempfile.TemporaryDirectory(prefix="quick-schema-") as folder, step_by_step():
        path = Path(folder, "mover.db")
        made = store.SqliteStore(URL.create("sqlite", database=str(path)))
        made.set_up()
        made.close()
        return path.read_bytes()
