"""Which runs of a migration are started in Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event
from tests.database_url import BOTH, Kind, on_sqlite
from tests.migrations.office import Office, made_template, opened

from mover.migrations.queries.taking import must_give_way, take
from mover.migrations.queries.throttling import lower
from mover.migrations.records import NewPair
from mover.runner import queries
from mover.runner.records import Plan


@pytest.fixture
async def office(tmp_path: Path, database_kind: Kind) -> AsyncIterator[Office]:  # noqa: ARG001 - chosen before
    async with opened(await made_template(tmp_path)) as database:
        yield Office(database)


async def planned(office: Office, migration_id: str) -> Plan:
    return await office.database.read(
        lambda connection: queries.plan(connection, migration_id, office.clock(), silence_s=30)
    )


@pytest.mark.parametrize("database_kind", BOTH, indirect=True)
async def test_runs_of_a_queue_without_runners_keep_no_others_from_starting(office: Office):
    ann = await office.organisation("acme")
    migration = await office.migration(ann, pairs_at_once=2)
    far = [NewPair(source_path=f"/far{n}", destination_path="/", queue="far", priority=9) for n in range(3)]
    near = [NewPair(source_path=f"/near{n}", destination_path="/") for n in range(3)]
    await office.pairs.add(ann, migration.id, [*far, *near])
    await office.start(ann, migration)

    tickets = (await planned(office, migration.id)).tickets
    assert [ticket.queue for ticket in tickets].count("far") == 2
    assert [ticket.queue for ticket in tickets].count("default") == 2

    assert len(await office.take(5)) == 2
    assert (await planned(office, migration.id)).tickets == []
    assert await office.take(5, queue="far") == [], "no more are under way at once than the migration may"


@on_sqlite
async def test_what_runners_ask_again_and_again_does_not_read_all_that_ever_ran(office: Office):
    ann = await office.organisation("acme")
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    def work(connection: Connection) -> list[str]:
        event.listen(connection, "before_cursor_execute", note)
        [run] = take(connection, "default", "r1", 1, office.clock())
        must_give_way(connection, run.id, office.clock())
        lower(connection, migration.id, office.clock())
        queries.plan(connection, migration.id, office.clock(), silence_s=30)
        queries.migrations_with_open_runs(connection, None)
        queries.migrations_with_open_runs(connection, "acme")
        event.remove(connection, "before_cursor_execute", note)
        driver: Any = connection.connection.dbapi_connection
        return [
            step[-1]
            for statement, values in asked
            for step in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        ]

    steps = [step for step in await office.database.write(work) if " pair_runs" in step]
    assert len(steps) > 10
    few = ("ix_pair_runs_open (migration_id=?)", "ix_pair_runs_queue (state=?", "PRIMARY KEY (rowid=?)")
    assert [step for step in steps if not any(way in step for way in few)] == []
