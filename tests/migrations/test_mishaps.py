"""What happens to runs when people, runners and clocks do things at the wrong moment."""

from __future__ import annotations

import pytest
from tests.migrations.office import Office
from tests.migrations.test_running import ledger_run

from mover.accounts.actor import Actor
from mover.migrations.selection import Selection
from mover.migrations.states import RunCode, RunState, Status


@pytest.mark.parametrize("leave", ["give_way", "pause"])
async def test_a_run_that_is_canceled_while_its_runner_stops_for_another_reason_ends(
    office: Office, ann: Actor, leave: str
):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    await office.work.begin(run.id, "r1", await ledger_run(office))
    assert await office.runs.cancel(ann, Selection.matching(migration.id)) == 1

    await getattr(office.work, leave)(run.id, "r1")

    ended = await office.runs.get(ann, run.id)
    assert (ended.state, ended.code, ended.runner) == (RunState.ENDED, RunCode.CANCELED, "")
    pair = await office.only_pair(ann, migration)
    assert pair.status is Status.CANCELED
    assert (await office.start(ann, migration)).started == 1
