from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update
from tests.migrations.office import NOON, Office, S, actor, content, may_only

from mover.accounts.actor import Actor, Permission, Role
from mover.accounts.refusals import NoSuchThing, NotPossible
from mover.errors import InvalidConfiguration, PermissionDenied
from mover.ledger.states import RunMode
from mover.migrations.maps import Maps
from mover.migrations.records import MapKind, NewSchedule, Subject
from mover.migrations.refusals import FilterMistake, Overtaken
from mover.migrations.scheduler import Scheduler
from mover.migrations.schedules import Schedules
from mover.migrations.selection import Selection
from mover.migrations.states import RunState, Trigger
from mover.migrations.tables import schedules as schedules_table
from mover.migrations.timetable import Every, Timing, Window
from mover.migrations.views import Views

HEADINGS = b"Source User,Destination User\n"
HOURLY = NewSchedule(name="hourly", timing=Timing(every=Every.HOURLY, minute=0))


@pytest.fixture
def maps(office: Office) -> Maps:
    return Maps(office.database, office.auditor, now_ns=office.clock)


@pytest.fixture
def schedules(office: Office) -> Schedules:
    return Schedules(office.database, office.auditor, now_ns=office.clock)


@pytest.fixture
def scheduler(office: Office) -> Scheduler:
    return Scheduler(office.database, now_ns=office.clock)


async def test_a_map_is_imported_previewed_exported_and_remembers_who_changed_it(maps: Maps, ann: Actor):
    made = await maps.create(ann, "people", MapKind.USERS)
    data = (
        HEADINGS + b"Ann@Old.test,ann.b@new.test\ngone@old.test,\n@old.test,new.test\nSales Team,Vertrieb\n"
    )
    tried = await maps.import_csv(ann, made.id, content(data), dry_run=True)
    assert (tried.added, (await maps.get(ann, made.id)).rows) == (4, 0)
    assert (await maps.import_csv(ann, made.id, content(data))).added == 4

    seen = await maps.preview(
        ann,
        made.id,
        ["ann@old.test", "GONE@old.test", "bob@OLD.test", "sales team", "x@other.test", "old.test"],
    )
    assert [(one.destination, one.by) for one in seen] == [
        ("ann.b@new.test", "Ann@Old.test"),
        ("", "gone@old.test"),
        ("bob@new.test", "old.test"),
        ("Vertrieb", "Sales Team"),
        (None, ""),
        ("new.test", "old.test"),
    ]
    assert {row.kind for row in (await maps.rows(ann, made.id)).items} == set(Subject)

    changed = HEADINGS + b"ann@old.test,other@new.test\n@old.test,new.test\n"
    result = await maps.import_csv(ann, made.id, content(changed), replace=True)
    assert (result.added, result.changed, result.removed, result.unchanged) == (0, 1, 2, 1)
    history = await maps.history(ann, made.id)
    assert history.total == 7
    assert {(one.action, one.source, one.after) for one in history.items[:3]} == {
        ("changed", "ann@old.test", "other@new.test"),
        ("removed", "gone@old.test", None),
        ("removed", "Sales Team", None),
    }
    assert {one.actor_name for one in history.items} == {ann.name}

    exported = "".join([piece async for piece in maps.export_csv(ann, made.id)]).encode()
    assert (await maps.import_csv(ann, made.id, content(exported), replace=True)).unchanged == 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "line 1: the file is empty"),
        (b"a,b\n", "line 1: unknown column 'a'"),
        (HEADINGS + b"a@x.test,b\na@X.test,c\n", "line 3: 'a@X.test' stands in line 2 already"),
        (HEADINGS + b",b\n", "line 2: the source is missing"),
        (HEADINGS + b"@x.test,bob@y.test\n", "line 2: a domain is mapped to a domain"),
        (HEADINGS + b"a" * 400 + b",b\n", "line 2: the source has at most"),
    ],
)
async def test_a_map_with_mistakes_changes_nothing(maps: Maps, ann: Actor, data: bytes, says: str):
    made = await maps.create(ann, "people", MapKind.PERMISSIONS)
    result = await maps.import_csv(ann, made.id, content(data))
    assert result.problems[0].startswith(says)
    assert (await maps.get(ann, made.id)).rows == 0


async def test_rows_of_a_map_by_hand_and_by_page(maps: Maps, ann: Actor):
    made = await maps.create(ann, "people", MapKind.USERS)
    for number in range(5):
        await maps.put_row(ann, made.id, f"u{number}@x.test", "y")
    changed = await maps.put_row(ann, made.id, "U0@x.test", "")
    first = await maps.rows(ann, made.id, limit=3)
    second = await maps.rows(ann, made.id, limit=3, cursor=first.next)
    assert [row.source for row in (*first.items, *second.items)] == [
        "U0@x.test",
        *(f"u{n}@x.test" for n in range(1, 5)),
    ]
    await maps.remove_row(ann, made.id, changed.id)
    with pytest.raises(NoSuchThing):
        await maps.remove_row(ann, made.id, changed.id)
    assert (await maps.rows(ann, made.id, text="U3")).total == 1
    renamed = await maps.rename(ann, made.id, "others", version=None)
    with pytest.raises(Overtaken):
        await maps.rename(ann, made.id, "x", version=renamed.version - 1)


async def test_maps_of_others_are_not_there_and_one_in_use_stays(maps: Maps, office: Office, ann: Actor):
    made = await maps.create(ann, "people", MapKind.USERS)
    eve = await office.organisation("evil")
    for call in (
        maps.get(eve, made.id),
        maps.rows(eve, made.id),
        maps.preview(eve, made.id, ["a"]),
        maps.history(eve, made.id),
        maps.put_row(eve, made.id, "a", "b"),
        maps.remove_row(eve, made.id, 1),
        maps.import_csv(eve, made.id, content(HEADINGS)),
        maps.delete(eve, made.id),
        office.migration(eve, user_map_id=made.id),
    ):
        with pytest.raises(NoSuchThing):
            await call
    migration = await office.migration(ann, user_map_id=made.id)
    with pytest.raises(NotPossible, match="'move' uses"):
        await maps.delete(ann, made.id)
    await office.migrations.delete(ann, migration.id)
    await maps.delete(ann, made.id)
    assert await maps.list(ann) == ()
    with pytest.raises(PermissionDenied):
        await maps.create(actor("acme", Role.VIEWER), "x", MapKind.USERS)


async def test_a_schedule_that_is_not_understood_any_more_keeps_no_other_waiting(
    schedules: Schedules, scheduler: Scheduler, office: Office, ann: Actor, caplog: pytest.LogCaptureFixture
):
    eve = await office.organisation("evil")
    theirs, migration = await office.migration(eve, 1), await office.migration(ann, 1)
    broken = await schedules.create(eve, theirs.id, NewSchedule(name="b", timing=HOURLY.timing))
    made = await schedules.create(ann, migration.id, NewSchedule(name="n", timing=HOURLY.timing))
    gone = update(schedules_table).where(schedules_table.c.id == broken.id)
    timing = '{"every":"hourly","zone":"Mars/Phobos"}'  # as when the zones of the machine are renewed
    await office.database.write(lambda connection: connection.execute(gone.values(timing=timing, next_ns=1)))
    office.clock.ns = made.next_ns or 0
    assert await scheduler.fire_due() == ["acme"]
    assert "Mars/Phobos" in caplog.text
    caplog.clear()
    assert await scheduler.fire_due() == []
    assert caplog.text == ""


async def test_a_schedule_starts_its_pairs_once_whoever_looks(
    schedules: Schedules, scheduler: Scheduler, office: Office, ann: Actor
):
    migration = await office.migration(ann, 3)
    made = await schedules.create(
        ann,
        migration.id,
        NewSchedule(name="n", timing=HOURLY.timing, filter="-source:s2", mode=RunMode.SCAN, bytes_per_s=1000),
    )
    assert made.next_ns is not None
    assert await scheduler.fire_due() == []
    assert await scheduler.next_due_ns() == made.next_ns
    office.clock.ns = made.next_ns
    fired = await asyncio.gather(*(scheduler.fire_due() for _ in range(4)))
    assert [who for one in fired for who in one] == ["acme"]
    runs = (await office.runs.page(ann)).items
    assert {(run.trigger, run.mode, run.state) for run in runs} == {
        (Trigger.SCHEDULE, RunMode.SCAN, RunState.QUEUED)
    }
    assert len(runs) == 2
    [run, _] = await office.take(2)
    assert (await office.work.assignment(run.id)).bytes_per_s == 1000
    assert (await schedules.get(ann, made.id)).next_ns == made.next_ns + 3600 * S

    office.clock.advance(5 * 3600)
    await scheduler.fire_due()
    later = (await office.runs.page(ann)).items
    assert len(later) == 4, "hours that were missed are made up for once"
    assert {run.code for run in later[:2]} == {250}
    assert (await office.only_pair(ann, migration)).code == 620, "the run under way is what counts"


async def test_a_migration_run_ends_though_others_were_refused_meanwhile(
    schedules: Schedules, scheduler: Scheduler, office: Office, ann: Actor
):
    migration = await office.migration(ann, 1)
    await schedules.create(ann, migration.id, HOURLY)
    await office.start(ann, migration)
    [run] = await office.take()
    office.clock.advance(3600)
    await scheduler.fire_due()
    await office.finish(run, 100)
    [together] = (await office.migrations.runs(ann, migration.id)).items
    assert together.ended_ns == office.clock.ns


async def test_the_window_of_a_schedule_holds_its_runs(
    schedules: Schedules, scheduler: Scheduler, office: Office, ann: Actor
):
    migration = await office.migration(ann, 1)
    window = Window(start="02:00", end="03:00")
    await schedules.create(ann, migration.id, NewSchedule(name="n", timing=HOURLY.timing, window=window))
    office.clock.advance(3600)
    await scheduler.fire_due()
    assert await office.take() == []
    office.clock.advance(3 * 3600)
    assert len(await office.take()) == 1


async def test_schedules_that_cannot_be_and_those_of_others(schedules: Schedules, office: Office, ann: Actor):
    migration = await office.migration(ann)
    past = Timing(every=Every.ONCE, at="2001-01-01T00:00")
    for new, error in (
        (NewSchedule(name="n", timing=past), InvalidConfiguration),
        (NewSchedule(name="", timing=HOURLY.timing), InvalidConfiguration),
        (NewSchedule(name="n", timing=HOURLY.timing, filter="x:y"), FilterMistake),
        (NewSchedule(name="n", timing=HOURLY.timing, window=Window(start="8", end="")), InvalidConfiguration),
        (NewSchedule(name="n", timing=HOURLY.timing, bytes_per_s=0), InvalidConfiguration),
    ):
        with pytest.raises(error):
            await schedules.create(ann, migration.id, new)
    made = await schedules.create(ann, migration.id, HOURLY)
    assert len(schedules.next_times(HOURLY)) == 5
    eve = await office.organisation("evil")
    for call in (
        schedules.get(eve, made.id),
        schedules.update(eve, made.id, HOURLY, version=None),
        schedules.delete(eve, made.id),
        schedules.list(eve, migration.id),
        schedules.create(eve, migration.id, HOURLY),
    ):
        with pytest.raises(NoSuchThing):
            await call
    changed = await schedules.update(ann, made.id, HOURLY, version=made.version)
    with pytest.raises(Overtaken):
        await schedules.update(ann, made.id, HOURLY, version=made.version)
    assert await schedules.list(ann) == (changed,)
    await schedules.delete(ann, made.id)
    assert await schedules.list(ann) == ()


async def test_views_are_ones_own_or_everybodys(office: Office, ann: Actor):
    views = Views(office.database, now_ns=office.clock)
    viewer = actor("acme", Role.VIEWER)
    mine = await views.save(ann, "mine", filter="status:failed", sort="bytes", columns=["source", "bytes"])
    shared = await views.save(ann, "all", shared=True)
    again = await views.save(ann, "mine", filter="status:new")
    assert await views.list(ann) == (shared, again)
    assert await views.list(viewer) == (shared,)
    with pytest.raises(NoSuchThing):
        await views.delete(ann, mine.id)
    with pytest.raises(NoSuchThing):
        await views.delete(viewer, again.id)
    with pytest.raises(PermissionDenied):
        await views.delete(viewer, shared.id)
    with pytest.raises(PermissionDenied):
        await views.save(may_only("acme", Permission.READ), "x", shared=True)
    with pytest.raises(FilterMistake):
        await views.save(ann, "x", filter="a:b")
    with pytest.raises(InvalidConfiguration):
        await views.save(ann, "x", columns=["a b"])
    await views.delete(ann, shared.id)


async def test_pairs_of_a_removed_migration_are_not_started_by_its_schedule(
    schedules: Schedules, scheduler: Scheduler, office: Office, ann: Actor
):
    migration = await office.migration(ann, 1)
    await schedules.create(ann, migration.id, HOURLY)
    await office.migrations.delete(ann, migration.id)
    office.clock.ns = NOON + 7200 * S
    assert await scheduler.fire_due() == []
    assert await scheduler.next_due_ns() is None
    assert await scheduler.all() == []
    assert (await office.runs.page(ann)).total == 0


async def test_selections_leave_out_a_bounded_number():
    with pytest.raises(InvalidConfiguration):
        Selection.matching("m", but=tuple(range(501)))
