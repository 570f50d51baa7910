"""What people do to migrations is in the audit log: one event an act, in the transaction of the act."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.migrations.office import Office, actor

from mover.accounts.actor import Actor, ActorKind
from mover.errors import MoverError
from mover.ledger.states import RunMode
from mover.migrations.imports import ImportKind
from mover.migrations.maps import Maps
from mover.migrations.records import MapKind, NewMigration, NewPair, NewSchedule
from mover.migrations.reports import Reports
from mover.migrations.schedules import Schedules
from mover.migrations.selection import Selection
from mover.migrations.signing import SigningKeys
from mover.migrations.timetable import Every, Timing
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault


@pytest.fixture
async def ann(office: Office) -> Actor:
    return await office.organisation("acme")


async def told(office: Office, who: Actor) -> list[tuple[str, str, dict[str, str]]]:
    """The audit log, the oldest first."""
    events = (await office.auditor.page(who)).events
    assert all(event.happened_ns == office.clock() for event in events)
    assert {event.actor_name for event in events} <= {who.name}
    return [(event.action, event.subject, dict(event.details)) for event in reversed(events)]


async def content(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


async def test_an_act_on_many_pairs_is_one_event_and_one_on_none_is_none(office: Office, ann: Actor) -> None:
    migration = await office.migration(ann, 30)
    everything = Selection.matching(migration.id)
    nothing = Selection.matching(migration.id, "path:nowhere")
    await office.runs.start(ann, everything, RunMode.COPY)
    await office.runs.pause(ann, everything)
    await office.runs.resume(ann, everything)
    await office.runs.cancel(ann, everything)
    await office.pairs.tag(ann, everything, add=["finance"])
    await office.pairs.tag(ann, everything, add=["finance"])  # which all have by now
    await office.pairs.note(ann, everything, "looked at")
    await office.pairs.prioritise(ann, everything, 3)
    await office.pairs.duplicate(ann, everything)
    await office.pairs.delete(ann, everything)
    for act in (office.runs.pause, office.runs.resume, office.runs.cancel, office.pairs.delete):
        await act(ann, nothing)
    await office.runs.start(ann, nothing)
    await office.runs.retry_failed(ann, nothing)

    where = "migration move"
    assert await told(office, ann) == [
        ("migration.created", where, {}),
        ("pairs.added", where, {"pairs": "30"}),
        ("runs.started", where, {"runs": "30", "mode": "copy"}),
        ("runs.paused", where, {"runs": "30"}),
        ("runs.resumed", where, {"runs": "30"}),
        ("runs.canceled", where, {"runs": "30"}),
        ("pairs.changed", where, {"pairs": "30", "changed": "tags"}),
        ("pairs.changed", where, {"pairs": "30", "changed": "notes"}),
        ("pairs.changed", where, {"pairs": "30", "changed": "priority"}),
        ("pairs.duplicated", where, {"pairs": "30"}),
        ("pairs.deleted", where, {"pairs": "60"}),
    ]


async def test_migrations_pairs_and_imports(office: Office, ann: Actor) -> None:
    migration = await office.migration(ann, 1)
    new = NewMigration(**{name: getattr(migration, name) for name in NewMigration.__struct_fields__})
    await office.migrations.update(ann, migration.id, new, version=None)  # nothing
    renamed = msgspec.structs.replace(new, name="Marketing", note="now")
    await office.migrations.update(ann, migration.id, renamed, version=None)
    pair = await office.only_pair(ann, migration)
    await office.pairs.update(
        ann, pair.id, NewPair(source_path="/s0", destination_path="/other", notes="n"), version=None
    )
    file = "Source Path,Destination Path,Tags\r\n/a,/b,\r\n/c,/d,\r\n"
    read = await office.imports.read(ann, migration.id, ImportKind.ADD, content(file))
    await office.imports.apply(ann, read.id)
    copy = await office.migrations.duplicate(ann, migration.id, name="Copy")
    await office.migrations.delete(ann, copy.id)

    assert (await told(office, ann))[2:] == [
        ("migration.changed", "migration Marketing", {"changed": "name, note", "name_before": "move"}),
        (
            "pairs.changed",
            "migration Marketing",
            {"pairs": "1", "pair": str(pair.id), "changed": "destination_path, notes"},
        ),
        ("pairs.imported", "migration Marketing", {"pairs": "2", "kind": "add"}),
        ("migration.duplicated", "migration Marketing", {"copy": "Copy", "pairs": "3"}),
        ("migration.deleted", "migration Copy", {"pairs": "3"}),
    ]


async def test_schedules_maps_and_signing_keys(office: Office, ann: Actor, tmp_path: Path) -> None:
    migration = await office.migration(ann)
    schedules = Schedules(office.database, office.auditor, now_ns=office.clock)
    maps = Maps(office.database, office.auditor, now_ns=office.clock)
    keys = SigningKeys(
        office.database,
        Vault(office.database, FileKeyProvider(tmp_path / "key")),
        office.auditor,
        now_ns=office.clock,
    )
    nightly = NewSchedule(name="Nightly", timing=Timing(every=Every.DAILY, at="02:00"))
    made = await schedules.create(ann, migration.id, nightly)
    await schedules.update(ann, made.id, nightly, version=None)
    await schedules.update(ann, made.id, msgspec.structs.replace(nightly, active=False), version=None)
    await schedules.delete(ann, made.id)
    people = await maps.create(ann, "People", MapKind.USERS)
    file = "Source User,Destination User\r\nbob@old.example,bob@new.example\r\n"
    await maps.import_csv(ann, people.id, content(file), dry_run=True)
    await maps.import_csv(ann, people.id, content(file))
    await maps.import_csv(ann, people.id, content(file))  # which is there
    row = await maps.put_row(ann, people.id, "eve@old.example", "eve@new.example")
    await maps.remove_row(ann, people.id, row.id)
    await maps.rename(ann, people.id, "Staff", version=None)
    await maps.delete(ann, people.id)
    await keys.present("acme")  # made by itself: nobody's act
    key = await keys.rotate(ann)

    none = {"added": "0", "changed": "0", "removed": "0"}
    events = (await told(office, ann))[1:]
    assert events == [
        ("schedule.created", "schedule Nightly", {"migration": "move"}),
        ("schedule.changed", "schedule Nightly", {"migration": "move", "changed": "active"}),
        ("schedule.deleted", "schedule Nightly", {"migration": "move"}),
        ("map.created", "map People", {"kind": "users"}),
        ("map.imported", "map People", none | {"added": "1"}),
        ("map.changed", "map People", none | {"added": "1"}),
        ("map.changed", "map People", {"removed": "1"}),
        ("map.changed", "map Staff", {"name_before": "People"}),
        ("map.deleted", "map Staff", {"rows": "1"}),
        ("signing_key.rotated", f"signing key {key.id}", {}),
    ]
    assert "bob@" not in repr(events)  # who is mapped to whom is in the map's own history


async def test_downloads_of_the_item_log_are_known_and_those_of_others_are_not_possible(
    office: Office, ann: Actor, tmp_path: Path
) -> None:
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = (await office.runs.page(ann)).items
    vault = Vault(office.database, FileKeyProvider(tmp_path / "key"))
    keys = SigningKeys(office.database, vault, office.auditor)
    reports = Reports(office.database, keys, office.auditor, now_ns=office.clock)
    program = actor("acme", kind=ActorKind.API_KEY)
    await reports.item_log(program, run.id)
    eve = await office.organisation("other")
    with pytest.raises(MoverError):
        await reports.item_log(eve, run.id)
    with pytest.raises(MoverError):
        await reports.reconciliation(ann, run.id)  # which has not ended

    newest = (await office.auditor.page(ann)).events[0]
    assert (newest.actor_kind, newest.action) == (ActorKind.API_KEY, "report.downloaded")
    assert newest.details == {"report": "item log", "run": str(run.id), "pair": str(run.pair_id)}
    assert (await office.auditor.page(eve)).events == []


async def test_an_act_that_is_refused_leaves_no_event(office: Office, ann: Actor) -> None:
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    before = await told(office, ann)
    for version in (None, 99):
        with pytest.raises(MoverError):
            await office.migrations.delete(ann, migration.id, version=version)
    with pytest.raises(MoverError):
        await office.runs.cancel(await office.organisation("other"), Selection.matching(migration.id))

    assert await told(office, ann) == before
