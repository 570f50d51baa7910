"""What happens to runs when people, runners and clocks do things at the wrong moment."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, delete
from sqlalchemy.exc import DBAPIError
from tests.database_url import on_both
from tests.migrations.office import Office, S, content
from tests.migrations.test_running import ledger_run

from mover.accounts.actor import Actor
from mover.ledger.states import RunMode
from mover.migrations.imports import ImportKind
from mover.migrations.records import Counts, MailRule, NewPair, PairRun
from mover.migrations.refusals import NotPossible
from mover.migrations.selection import Selection
from mover.migrations.states import RunCode, RunState, Status
from mover.notices.tables import run_mails

pytestmark = on_both


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


async def test_a_runner_that_died_before_the_clock_was_set_back_loses_its_run(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    office.clock.advance(-86_400)
    [lost] = await office.work.overdue(30 * S)
    assert (lost.id, lost.state) == (run.id, RunState.QUEUED)


async def test_paths_do_not_change_under_a_run(office: Office, ann: Actor):
    migration = await office.migration(ann, 2)
    first, second = (await office.pairs.page(ann, migration.id)).items
    await office.runs.start(ann, Selection.these(migration.id, first.id))
    [run] = await office.take()
    elsewhere = NewPair(source_path="/elsewhere", destination_path=first.destination_path, notes="new")
    with pytest.raises(NotPossible, match="cancel it first"):
        await office.pairs.update(ann, first.id, elsewhere, version=None)
    assert (await office.work.assignment(run.id)).source_path == first.source_path
    noted = NewPair(source_path=first.source_path, destination_path=first.destination_path, notes="new")
    assert (await office.pairs.update(ann, first.id, noted, version=None)).notes == "new"
    assert (await office.pairs.update(ann, second.id, elsewhere, version=None)).source_path == "/elsewhere"

    data = f"ID,Source Path,Tags\n{first.id},/elsewhere,\n{second.id},/there,\n".encode()
    preview = await office.imports.read(ann, migration.id, ImportKind.UPDATE, content(data))
    assert [line.pair_id for line in preview.first_problems] == [first.id]
    data = f"ID,Source Path,Tags\n{first.id},{first.source_path},blue\n".encode()
    preview = await office.imports.read(ann, migration.id, ImportKind.UPDATE, content(data))
    assert await office.imports.apply(ann, preview.id) == 1


async def test_what_a_run_goes_on_with_is_not_counted_twice(office: Office, ann: Actor):
    migration = await office.migration(ann, 1, mail=MailRule.COMPLETION, mail_to=("acme-owner",))
    together = await ledger_run(office)

    async def ended(code: int, files: int) -> PairRun | None:
        [run] = await office.take()
        await office.work.begin(run.id, "r1", together)
        counts = Counts(files_copied=files, bytes_copied=files * 100)
        return await office.work.end(run.id, "r1", code, counts=counts)

    await office.start(ann, migration)
    await ended(230, 3)
    await office.start(ann, migration)
    again = await ended(404, 6)  # lost, and gone on with by itself
    assert again is not None
    office.clock.ns = again.not_before_ns
    await ended(100, 10)
    pair = await office.only_pair(ann, migration)
    assert (pair.counts.files_copied, pair.total_files_copied, pair.total_bytes_copied) == (10, 10, 1000)
    assert "Copied: 10 files, 1,000 bytes." in (await office.rows(run_mails))[-1].paragraphs


async def test_what_a_scan_saw_is_not_counted_as_copied(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    for mode in (RunMode.SCAN, RunMode.COPY, RunMode.VERIFY):
        await office.start(ann, migration, mode)
        [run] = await office.take()
        await office.finish(run, 100, counts=Counts(files_copied=5, bytes_copied=50))
    pair = await office.only_pair(ann, migration)
    assert (pair.runs, pair.total_files_copied, pair.total_bytes_copied) == (3, 5, 50)


async def test_a_mail_about_a_verification_tells_what_was_compared(office: Office, ann: Actor):
    migration = await office.migration(ann, 1, mail=MailRule.COMPLETION, mail_to=("acme-owner",))
    await office.start(ann, migration, RunMode.VERIFY)
    [run] = await office.take()
    await office.finish(run, 101, counts=Counts(files_seen=2, files_skipped=2, bytes_seen=7, bytes_skipped=7))
    assert "Compared: 2 files, 7 bytes." in (await office.rows(run_mails))[0].paragraphs


async def test_what_a_lost_run_came_to_is_added_up_while_others_may_write(
    office: Office, ann: Actor, monkeypatch: pytest.MonkeyPatch
):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    await office.work.begin(run.id, "r1", await ledger_run(office))
    await office.runs.cancel(ann, Selection.matching(migration.id))
    office.clock.advance(61)
    writing: list[bool] = []

    def counted(connection: Connection, *_: object, **__: object) -> Counts:
        # Only who writes could; a reader's connection refuses.
        try:
            connection.execute(delete(run_mails))
        except DBAPIError:
            writing.append(False)
        else:
            writing.append(True)
        return Counts(files_copied=7)

    monkeypatch.setattr("mover.migrations.work.counts_of", counted)
    [lost] = await office.work.overdue(60 * S)
    assert (lost.state, lost.code, lost.counts.files_copied) == (RunState.ENDED, RunCode.CANCELED, 7)
    assert writing == [False]
