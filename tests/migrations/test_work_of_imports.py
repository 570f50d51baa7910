"""How much the database has to do for a file: it must grow with the file, not with its square, as nobody else writes meanwhile."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import create_engine, select

from mover.database.base import metadata
from mover.migrations.queries import imports
from mover.migrations.tables import pair_import_rows

_MIGRATION = SimpleNamespace(id="m", source_connection_id="s", destination_connection_id="d")


def _row(import_id: str, line: int, key: str) -> dict[str, Any]:
    paths = dict.fromkeys(("source_path", "destination_path", "source_folded", "destination_folded"), "/a")
    words = dict.fromkeys(("tags", "tags_folded", "problem", "duplicate_of"), "")
    return {"import_id": import_id, "line": line, "pair_id": None, "paths_key": key, **paths, **words}


def _steps(lines: int) -> int:
    """Thousands of steps of SQLite's machine for finding the duplicates among so many lines; every tenth one is one."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with engine.begin() as connection:
        imports.keep(connection, [_row("i", line, f"k{line - line % 10 // 9}") for line in range(lines)])
        raw = cast("sqlite3.Connection", connection.connection.dbapi_connection)
        raw.set_progress_handler(count, 1000)
        imports.mark_duplicates(connection, "i", cast("Any", _MIGRATION))
        raw.set_progress_handler(None, 0)
        marked = connection.execute(
            select(pair_import_rows.c.line, pair_import_rows.c.duplicate_of).where(
                pair_import_rows.c.duplicate_of != ""
            )
        )
        assert {row.line: row.duplicate_of for row in marked} == {
            line: f"line {line - 1}" for line in range(9, lines, 10)
        }
    engine.dispose()
    return steps


def test_finding_duplicates_takes_as_long_as_the_file_is():
    assert _steps(4000) < 8 * _steps(1000)
