"""Which runs of a migration are started in Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.migrations.office import Office, made_template, opened

from mover.migrations.records import NewPair
from mover.runner import queries
from mover.runner.records import Plan


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(await made_template(tmp_path)) as database:
        yield Office(database)


async def planned(office: Office, migration_id: str) -> Plan:
    return await office.database.read(
        lambda connection: queries.plan(connection, migration_id, office.clock(), silence_s=30)
    )


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
