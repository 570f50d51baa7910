from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert
from tests.database_url import on_both
from tests.migrations.office import QUEUE, Office, S, actor, may_only

from mover.accounts.actor import Actor, ActorKind, Permission, system_actor
from mover.accounts.refusals import NoSuchThing
from mover.errors import PermissionDenied
from mover.ledger.states import Code, RunMode
from mover.ledger.tables import pairs as ledger_pairs
from mover.ledger.tables import runs as ledger_runs
from mover.migrations.options import PairOptions
from mover.migrations.records import Counts, MailRule, NewMigration, NewPair, PairRun
from mover.migrations.refusals import Overtaken
from mover.migrations.selection import Selection
from mover.migrations.states import (
    AUTOMATIC,
    AUTOMATIC_PAUSES_S,
    MEANINGS,
    RunCode,
    RunState,
    Status,
    Trigger,
    Wish,
    status_of,
)
from mover.migrations.timetable import Window
from mover.migrations.work import LOSSES, Limits
from mover.notices.tables import run_mails

pytestmark = on_both


def test_every_code_of_the_engine_is_a_code_and_every_code_has_a_meaning():
    assert {code.value for code in Code} <= {code.value for code in RunCode}
    assert set(MEANINGS) == set(RunCode)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (100, "Success"),
        (122, "Success"),
        (201, "Some problems"),
        (230, "Canceled"),
        (260, "Some problems"),
        (402, "Failed"),
        (490, "Canceled"),
        (500, "Failed"),
    ],
)
def test_the_word_for_a_code(code, word):
    assert status_of(RunState.ENDED, code).word == word


async def test_a_run_goes_from_queued_to_success_and_the_pair_shows_it(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    started = await office.start(ann, migration)
    assert (started.started, started.already_running) == (1, 0)
    pair = await office.only_pair(ann, migration)
    assert (pair.status, pair.code) == (Status.QUEUED, 600)

    [run] = await office.take()
    assert (run.state, run.code, run.runner) == (RunState.CHECKING, 620, "r1")
    office.clock.advance(5)
    assert (await office.work.begin(run.id, "r1", await ledger_run(office))).wish is Wish.RUN
    assert (await office.only_pair(ann, migration)).status is Status.SCANNING
    office.clock.advance(10)
    seen = Counts(files_seen=3, files_copied=1, bytes_copied=10, bytes_received=10)
    assert (await office.work.progress(run.id, "r1", seen)).wish is Wish.RUN
    pair = await office.only_pair(ann, migration)
    assert (pair.status, pair.code, pair.counts.files_copied) == (Status.RUNNING, 300, 1)
    office.clock.advance(15)
    done = Counts(files_seen=3, files_copied=3, bytes_copied=30, bytes_received=30)
    assert await office.work.end(run.id, "r1", 100, "well", counts=done) is None

    pair = await office.only_pair(ann, migration)
    assert (pair.status, pair.code, pair.message) == (Status.SUCCESS, 100, "well")
    assert (pair.runs, pair.last_active_ns, pair.total_files_copied) == (1, 30 * S, 3)
    ended = await office.runs.get(ann, run.id)
    assert (ended.state, ended.active_ns, ended.counts) == (RunState.ENDED, 30 * S, done)
    [together] = (await office.migrations.runs(ann, migration.id)).items
    assert (together.open_pairs, together.ended_ns) == (0, office.clock.ns)


async def ledger_run(office: Office) -> int:
    def work(connection) -> int:
        pair = connection.execute(
            insert(ledger_pairs)
            .values(
                token="t", source=str(office.clock.ns), source_path="/", destination="", destination_path="/"
            )
            .returning(ledger_pairs.c.id)
        ).scalar_one()
        made: int = connection.execute(
            insert(ledger_runs)
            .values(
                pair_id=pair,
                mode="copy",
                dry_run=False,
                source_label="",
                destination_label="",
                fingerprint="",
                options="{}",
                code=300,
                finished=False,
                scanned=False,
                started_ns=0,
                active_ns=0,
            )
            .returning(ledger_runs.c.id)
        ).scalar_one()
        return made

    return await office.database.write(work)


async def test_a_pair_that_runs_is_not_started_again(office: Office, ann: Actor):
    migration = await office.migration(ann, 2)
    first = await office.runs.start(ann, Selection.matching(migration.id, "source:s0"))
    second = await office.start(ann, migration)
    assert (first.started, second.started, second.already_running) == (1, 1, 1)
    third = await office.start(ann, migration)
    assert (third.migration_run_id, third.started, third.already_running) == (None, 0, 2)


async def test_two_that_start_and_many_that_take_at_once_never_get_the_same(office: Office, ann: Actor):
    migration = await office.migration(ann, 60, pairs_at_once=50)
    results = await asyncio.gather(*(office.start(ann, migration) for _ in range(5)))
    assert sum(result.started for result in results) == 60

    taken = await asyncio.gather(
        *(office.work.take(QUEUE, f"r{number}", Limits(free=9)) for number in range(10))
    )
    ids = [run.id for runs in taken for run in runs]
    assert len(ids) == len(set(ids)) == 50, "the migration's limit"
    assert await office.take(50, "late") == []


async def test_every_code_that_may_pass_is_run_again_and_no_other(office: Office, ann: Actor):
    codes = [code.value for code in RunCode if code.value // 100 in {1, 2, 4, 5}]
    migration = await office.migration(ann, len(codes))
    await office.start(ann, migration)
    again: dict[int, PairRun | None] = {}
    for code, run in zip(codes, await office.take(len(codes)), strict=True):
        again[code] = await office.finish(run, code)
    assert {code for code, run in again.items() if run} == AUTOMATIC


async def test_a_pair_whose_archive_has_arrived_makes_no_other_one_of_itself(office: Office, ann: Actor):
    codes = sorted(AUTOMATIC)
    migration = await office.migration(ann, len(codes), options=PairOptions(archive=True))
    await office.start(ann, migration)
    again = {
        code: await office.finish(run, code)
        for code, run in zip(codes, await office.take(len(codes)), strict=True)
    }
    assert {code for code, run in again.items() if run is None} == {201, 210, 211, 220}


async def test_a_code_that_may_pass_is_run_again_three_times_with_longer_pauses(office: Office, ann: Actor):
    code = 405
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    for attempt, pause in enumerate(AUTOMATIC_PAUSES_S, start=2):
        [run] = await office.take()
        again = await office.finish(run, code)
        assert again is not None
        assert (again.trigger, again.attempt, again.code) == (Trigger.AUTOMATIC, attempt, 601)
        pair = await office.only_pair(ann, migration)
        assert (pair.status, pair.last_run_id) == (Status.QUEUED, again.id)
        office.clock.advance(pause - 1)
        assert await office.take() == []
        office.clock.advance(1)
    [run] = await office.take()
    assert await office.finish(run, code) is None
    assert (await office.only_pair(ann, migration)).code == code
    assert (await office.only_pair(ann, migration)).runs == 4


async def test_other_codes_are_final_and_so_is_a_run_that_was_to_be_canceled(office: Office, ann: Actor):
    migration = await office.migration(ann, 2)
    await office.start(ann, migration)
    first, second = await office.take(2)
    assert await office.finish(first, 402) is None
    assert await office.runs.cancel(ann, Selection.matching(migration.id)) == 1
    assert (await office.work.progress(second.id, "r1", Counts())).wish is Wish.CANCEL
    assert await office.finish(second, 201) is None


async def test_pause_and_resume_of_queued_and_running_pairs(office: Office, ann: Actor):
    migration = await office.migration(ann, 2)
    everything = Selection.matching(migration.id)
    await office.start(ann, migration)
    [running] = await office.take()

    assert await office.runs.pause(ann, everything) == 2
    assert await office.take() == []
    assert (await office.work.progress(running.id, "r1", Counts())).wish is Wish.PAUSE
    await office.work.pause(running.id, "r1")
    assert await office.pairs.summary(ann, migration.id) == {
        status: 2 if status is Status.PAUSED else 0 for status in Status
    }
    assert await office.take() == []

    assert await office.runs.resume(ann, everything) == 2
    assert len(await office.take(2)) == 2


async def test_a_pause_that_is_taken_back_in_time_lets_the_runner_go_on(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    everything = Selection.matching(migration.id)
    await office.start(ann, migration)
    [run] = await office.take()
    await office.runs.pause(ann, everything)
    await office.runs.resume(ann, everything)
    assert (await office.work.progress(run.id, "r1", Counts())).wish is Wish.RUN


async def test_a_runner_that_stops_for_a_pause_that_was_taken_back_leaves_a_queued_run(
    office: Office, ann: Actor
):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    await office.work.pause(run.id, "r1")
    assert [again.id for again in await office.take()] == [run.id]


async def test_what_waits_is_canceled_at_once_and_by_the_system_with_another_code(office: Office, ann: Actor):
    migration = await office.migration(ann, 2)
    await office.start(ann, migration)
    assert await office.runs.cancel(ann, Selection.matching(migration.id, "source:s0")) == 1
    staff = system_actor("acme", "staff")
    assert await office.runs.cancel(staff, Selection.matching(migration.id)) == 1
    pairs = (await office.pairs.page(ann, migration.id)).items
    assert [(pair.status, pair.code, pair.runs) for pair in pairs] == [
        (Status.CANCELED, 230, 0),
        (Status.CANCELED, 490, 0),
    ]
    assert (await office.start(ann, migration)).started == 2


async def test_a_silent_runner_loses_its_run_and_must_not_write_any_more(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take(runner="dead")
    office.clock.advance(59)
    assert await office.work.overdue(60 * S) == []
    office.clock.advance(2)
    [lost] = await office.work.overdue(60 * S)
    assert (lost.state, lost.code, lost.runner) == (RunState.QUEUED, 601, "")

    [again] = await office.take(runner="alive")
    assert again.id == run.id
    for call in (
        office.work.progress(run.id, "dead", Counts()),
        office.work.end(run.id, "dead", 100, counts=Counts()),
        office.work.pause(run.id, "dead"),
        office.work.give_way(run.id, "dead"),
    ):
        with pytest.raises(Overtaken):
            await call
    assert (await office.runs.get(ann, run.id)).runner == "alive"


async def test_a_run_that_kills_every_runner_ends(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    for _ in range(LOSSES):
        await office.take()
        office.clock.advance(61)
        await office.work.overdue(60 * S)
    first = (await office.runs.page(ann, migration_id=migration.id)).items[-1]
    assert (first.state, first.code) == (RunState.ENDED, 404)


async def test_losses_are_forgotten_when_bytes_arrive(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    run = None
    for number in range(LOSSES * 2):
        [run] = await office.take()
        await office.work.progress(run.id, "r1", Counts(bytes_received=number + 1))
        office.clock.advance(61)
        await office.work.overdue(60 * S)
    assert run is not None
    assert (await office.runs.get(ann, run.id)).state is RunState.QUEUED


async def test_ending_twice_counts_once(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    await office.finish(run, 100)
    assert await office.finish(run, 201) is None
    pair = await office.only_pair(ann, migration)
    assert (pair.runs, pair.code) == (1, 100)


async def test_a_run_is_put_off_until_its_window_and_paused_outside_of_it(office: Office, ann: Actor):
    # The clock shows 22:13 UTC.
    window = Window(start="23:00", end="01:00")
    migration = await office.migration(ann, 1, options=PairOptions(window=window))
    await office.start(ann, migration)
    assert await office.take() == []
    office.clock.advance(47 * 60)
    [run] = await office.take()
    office.clock.advance(2 * 3600)
    assert (await office.work.progress(run.id, "r1", Counts())).wish is Wish.PAUSE
    await office.work.pause(run.id, "r1")
    assert (await office.runs.get(ann, run.id)).status is Status.PAUSED
    assert await office.take() == []
    office.clock.advance(22 * 3600)
    assert [again.id for again in await office.take()] == [run.id]


async def test_options_are_fixed_when_a_run_is_taken(office: Office, ann: Actor):
    migration = await office.migration(ann, 1, options=PairOptions(exclude=("*.tmp",), min_size="1K"))
    pair = await office.only_pair(ann, migration)
    own = NewPair(source_path="/a", destination_path="/b", options=PairOptions(min_size="2K"))
    await office.pairs.update(ann, pair.id, own, version=pair.version)
    await office.start(ann, migration)
    [run] = await office.take()
    changed = NewMigration(
        name="x", source_connection_id="acme-source", destination_connection_id="acme-target"
    )
    await office.migrations.update(ann, migration.id, changed, version=migration.version)

    assignment = await office.work.assignment(run.id)

    assert assignment.options == PairOptions(exclude=("*.tmp",), min_size="2K")
    assert (assignment.source_path, assignment.destination_connection_id) == ("/a", "acme-target")


async def test_a_service_that_pushes_back_halves_what_runs_at_once_and_calm_raises_it(
    office: Office, ann: Actor
):
    migration = await office.migration(ann, 10, pairs_at_once=8)
    await office.start(ann, migration)
    first, *_ = await office.take(8)

    async def limit() -> int:
        return (await office.migrations.get(ann, migration.id)).pairs_now

    office.clock.advance(100)
    await office.work.progress(first.id, "r1", Counts(throttled=1))
    assert await limit() == 4
    await office.work.progress(first.id, "r1", Counts(throttled=2))
    assert await limit() == 4, "not twice within a minute"
    for _ in range(4):
        office.clock.advance(300)
        await office.work.progress(first.id, "r1", Counts(throttled=2))
        await office.work.progress(first.id, "r1", Counts(throttled=2))
    assert await limit() == 8
    office.clock.advance(300)
    await office.work.progress(first.id, "r1", Counts(throttled=2))
    assert await limit() == 8, "never more than a person wants"


async def test_a_small_organisation_comes_first_though_another_has_a_hundred_times_the_work(
    office: Office, ann: Actor
):
    bob = await office.organisation("tiny")
    large = await office.migration(ann, 300)
    small = await office.migration(bob, 3)
    await office.start(ann, large)
    assert len(await office.take(4)) == 4
    await office.start(bob, small)

    taken = await office.take(6)

    assert [run.organisation_id for run in taken[:3]] == ["tiny", "tiny", "tiny"]


async def test_when_all_slots_are_taken_one_run_of_the_largest_gives_way(office: Office, ann: Actor):
    bob = await office.organisation("tiny")
    large, small = await office.migration(ann, 10), await office.migration(bob, 1)
    await office.start(ann, large)
    running = await office.take(3)
    await office.start(bob, small)

    async def asked() -> list[int]:
        answers = [(run.id, await office.work.progress(run.id, "r1", Counts())) for run in running]
        return [id_ for id_, answer in answers if answer.give_way]

    assert await asked() == [], "first a free slot is hoped for"
    office.clock.advance(6)
    assert await asked() == [running[-1].id]
    await office.work.give_way(running[-1].id, "r1")
    running.pop()
    assert await asked() == [], "one is enough"
    [taken] = await office.take()
    assert taken.organisation_id == "tiny"
    assert await asked() == []


async def test_the_highest_priority_comes_first_and_then_the_oldest(office: Office, ann: Actor):
    migration = await office.migration(ann, 4)
    await office.pairs.prioritise(ann, Selection.matching(migration.id, "source:s2"), 5)
    await office.start(ann, migration)
    await office.pairs.prioritise(ann, Selection.matching(migration.id, "source:s3"), 9)
    taken = await office.take(4)
    paths = [(await office.work.assignment(run.id)).source_path for run in taken]
    assert paths == ["/s3", "/s2", "/s0", "/s1"]


async def test_a_queue_gives_only_its_own(office: Office, ann: Actor):
    migration = await office.migration(ann, 1, queue="site-a")
    await office.start(ann, migration)
    assert await office.take() == []
    assert len(await office.take(queue="site-a")) == 1


async def test_a_retry_is_for_pairs_with_problems_alone(office: Office, ann: Actor):
    migration = await office.migration(ann, 2)
    await office.start(ann, migration)
    first, second = await office.take(2)
    await office.finish(first, 100)
    await office.finish(second, 222)
    result = await office.runs.retry_failed(ann, Selection.matching(migration.id))
    assert result.started == 1
    [again] = await office.take()
    assert (again.pair_id, again.retry_of) == (second.pair_id, second.id)
    assert (await office.work.assignment(again.id)).retry_paths is None, "nobody knows what is missing"


async def test_charts_keep_a_bounded_number_of_points(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    made = 0
    for step_s, count in ((1, 25), (10, 60), (3_600, 12)):
        for _ in range(count):
            office.clock.advance(step_s)
            made += 1
            await office.work.progress(run.id, "r1", Counts(files_copied=made))
    points = await office.runs.throughput(ann, run.id)
    assert [point.files for point in points] == sorted(point.files for point in points)
    assert 8 < len(points) < 30, "what was dense is thinned as the run grows long"
    assert points[-1].files == made


async def test_one_mail_for_a_migration_run_when_all_of_it_has_ended(office: Office, ann: Actor):
    migration = await office.migration(ann, 3, mail=MailRule.ERRORS, mail_to=("acme-owner",))
    await office.start(ann, migration)
    runs = await office.take(3)
    again: PairRun | None = None
    for run, code in zip(runs, (100, 402, 201), strict=True):
        again = await office.finish(run, code)
        assert await office.rows(run_mails) == []
    for pause in AUTOMATIC_PAUSES_S:
        assert again is not None
        office.clock.advance(pause)
        [run] = await office.take()
        again = await office.finish(run, 201)
    [mail] = await office.rows(run_mails)
    assert mail.subject == "move: 2 of 3 pairs have problems"
    assert "1 Success" in mail.paragraphs
    assert "1 Some problems" in mail.paragraphs


@pytest.mark.parametrize(
    ("rule", "code", "mails"),
    [
        (MailRule.COMPLETION, 100, 1),
        (MailRule.ERRORS, 100, 0),
        (MailRule.NEVER, 402, 0),
        (MailRule.ERRORS, 402, 1),
    ],
)
async def test_mail_as_it_was_chosen(office: Office, ann: Actor, rule: MailRule, code: int, mails: int):
    migration = await office.migration(ann, 1, mail=rule, mail_to=("acme-owner",))
    await office.start(ann, migration)
    [run] = await office.take()
    await office.finish(run, code)
    assert len(await office.rows(run_mails)) == mails


async def test_who_may_not_run_cannot(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    reader = may_only("acme", Permission.READ)
    everything = Selection.matching(migration.id)
    for call in (
        office.runs.start(reader, everything),
        office.runs.pause(reader, everything),
        office.runs.resume(reader, everything),
        office.runs.cancel(reader, everything),
        office.runs.retry_failed(reader, everything),
    ):
        with pytest.raises(PermissionDenied, match="'run'"):
            await call
    with pytest.raises(PermissionDenied, match="'read'"):
        await office.runs.page(may_only("acme", Permission.RUN))


async def test_runs_of_another_organisation_are_not_there(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    eve = await office.organisation("evil")
    theirs = Selection.matching(migration.id)
    for call in (
        office.runs.get(eve, run.id),
        office.runs.items(eve, run.id),
        office.runs.problems(eve, run.id),
        office.runs.outcomes(eve, run.id),
        office.runs.estimate(eve, run.id),
        office.runs.throughput(eve, run.id),
        office.runs.page(eve, pair_id=run.pair_id),
        office.runs.page(eve, migration_id=migration.id),
        office.runs.start(eve, theirs),
        office.runs.cancel(eve, theirs),
        office.runs.pause(eve, Selection.these(migration.id, run.pair_id)),
    ):
        with pytest.raises(NoSuchThing):
            await call
    own = await office.migration(eve, 1)
    assert (await office.runs.start(eve, Selection.these(own.id, run.pair_id))).started == 0
    assert (await office.runs.page(eve)).items == ()


async def test_an_api_key_starts_by_api(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(actor("acme", kind=ActorKind.API_KEY), migration, RunMode.SCAN)
    [run] = await office.take()
    assert (run.trigger, run.mode) == (Trigger.API, RunMode.SCAN)


async def test_runs_that_only_looked_are_told_from_those_that_copied(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration, RunMode.SCAN)
    [scan] = await office.take()
    await office.finish(scan, 100)
    assert await office.pairs.only_scanned(ann, migration.id) == 1
    assert await office.pairs.only_scanned(actor("other"), migration.id) == 0
    assert "nothing was copied" in (await office.runs.get(ann, scan.id)).meaning
    await office.start(ann, migration)
    [copy] = await office.take()

    assert await office.runs.scans(ann, [scan.id, copy.id]) == {scan.id}
    assert await office.runs.scans(ann, []) == frozenset()
    assert await office.runs.scans(actor("other"), [scan.id]) == frozenset()
