"""The folders that are listed once more at the end of a run: found without looking at everything for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, Table, event, insert
from tests.database_url import on_both, on_postgresql
from tests.runner.stage import filled

from mover.database.database import Database
from mover.ledger.queries.folders import folders_with_unsettled
from mover.ledger.tables import arrivals, folders, items, pairs, runs

FOLDERS, FILES = 40, 100
LIMIT = 25


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


def make_run(connection: Connection) -> tuple[int, int]:
    """A run whose every third folder has files in it that are settled, and no others; returns run and pair."""

    def add(table: Table, **values: Any) -> int:
        added = connection.execute(insert(table), filled(table, **values)).inserted_primary_key
        assert added is not None
        return int(added[0])

    pair = add(pairs, source="a", source_path="/", destination="b", destination_path="/", token="t")
    run = add(runs, pair_id=pair, mode="copy")
    for folder in range(FOLDERS):
        folder_id = add(folders, run_id=run, path=f"/{folder}", state="listed")
        keys = [f"/{folder}/{file}" for file in range(FILES)]
        added = [
            filled(
                items,
                run_id=run,
                folder_id=folder_id,
                source_key=key,
                destination_key=key,
                kind="file",
                state="copied",
            )
            for key in keys
        ]
        connection.execute(insert(items), added)
        arrived = [
            filled(
                arrivals,
                pair_id=pair,
                source_key=key,
                destination_version="v" if folder % 3 == 0 or key.endswith("/0") else None,
            )
            for key in keys
        ]
        connection.execute(insert(arrivals), arrived)
    return run, pair


@pytest.mark.usefixtures("database_kind")
@on_both[1]
async def test_folders_with_files_of_unknown_version_come_in_slices(database):
    run, pair = await database.write(make_run)
    found: list[str] = []
    after = 0
    while some := await database.read(
        lambda connection, after=after: folders_with_unsettled(connection, run, pair, LIMIT, after)
    ):
        assert len(some) <= LIMIT
        found += [folder.path for folder in some]
        after = some[-1].id
    assert found == [f"/{folder}" for folder in range(FOLDERS) if folder % 3]


def touched(connection: Connection, run: int, pair: int) -> float:
    """How many rows PostgreSQL handles to answer for all folders at once."""
    asked: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        asked.append((arguments[2], arguments[3]))

    event.listen(connection, "before_cursor_execute", note)
    folders_with_unsettled(connection, run, pair, FOLDERS, 0)
    event.remove(connection, "before_cursor_execute", note)
    ((statement, parameters),) = asked
    explained = connection.exec_driver_sql("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters)
    return rows_touched(explained.scalar_one()[0]["Plan"])


def rows_touched(plan: dict[str, Any]) -> float:
    """All rows that the steps of a plan gave on or threw away."""
    thrown = sum(value for name, value in plan.items() if name.startswith("Rows Removed"))
    own = float((plan["Actual Rows"] + thrown) * plan["Actual Loops"])
    return own + sum(rows_touched(step) for step in plan.get("Plans", ()))


@pytest.mark.usefixtures("database_kind")
@on_postgresql
async def test_postgresql_looks_at_each_file_a_few_times_whatever_it_knows_of_the_tables(database):
    run, pair = await database.write(make_run)

    assert await database.read(lambda connection: touched(connection, run, pair)) < 8 * FOLDERS * FILES
