"""A migration's map decides who gets what, and each run tells what became of it, to its own organisation alone."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from tests.database_url import on_both
from tests.memory.directory import Directory
from tests.memory.service import MemoryService
from tests.migrations.office import QUEUE, Office
from tests.transfer.workbench import Workbench

from mover.accounts.actor import Actor
from mover.accounts.refusals import NoSuchThing
from mover.entries import AccessRole, GranteeKind
from mover.ledger.grants import GrantState
from mover.ledger.states import RunMode
from mover.migrations.maps import Maps
from mover.migrations.options import (
    PairOptions,
    SharingChoice,
    applies_permissions,
    check_options,
    effective,
    engine_options,
    shown_options,
)
from mover.migrations.permission_reports import PermissionReports
from mover.migrations.records import MapKind, PairRun
from mover.migrations.work import Limits
from mover.staging import Staging
from mover.transfer.sharing_rules import SharingRules, Unmapped, Wider

pytestmark = on_both

APPLY = PairOptions(permissions=SharingChoice.APPLY)


@pytest.fixture
def maps(office: Office) -> Maps:
    return Maps(office.database, office.auditor, now_ns=office.clock)


async def taken(office: Office, who: Actor, mode: RunMode = RunMode.COPY, **values: object) -> PairRun:
    """A run of a migration's one pair, in a runner's hands."""
    migration = await office.migration(who, 1, **values)
    await office.start(who, migration, mode)
    [run] = await office.work.take(QUEUE, "runner", Limits(free=1))
    return run


async def test_own_map_of_permissions_counts_before_that_of_people(office: Office, ann: Actor, maps: Maps):
    people = await maps.create(ann, "people", MapKind.USERS)
    shares = await maps.create(ann, "shares", MapKind.PERMISSIONS)
    await maps.put_row(ann, people.id, "@old.org", "new.org")
    await maps.put_row(ann, shares.id, "Ann@Old.org", "zoe@new.org")
    both = await taken(office, ann, user_map_id=people.id, permission_map_id=shares.id, options=APPLY)
    map_id, rows = await office.work.map_of(both.id)
    assert (map_id, len(rows)) == (shares.id, 1)
    found = rows.look_up("ANN@old.org")
    assert found is not None
    assert (found.destination, rows.look_up("ben@old.org")) == ("zoe@new.org", None)

    alone = await taken(office, ann, user_map_id=people.id, options=APPLY)
    map_id, rows = await office.work.map_of(alone.id)
    found = rows.look_up("Ben@Old.ORG")
    assert found is not None
    assert (map_id, found.destination, found.by) == (people.id, "Ben@new.org", "old.org")

    nothing = await taken(office, ann)
    map_id, rows = await office.work.map_of(nothing.id)
    assert (map_id, len(rows)) == ("", 0)


def test_pair_decides_otherwise_than_its_migration():
    chosen = PairOptions(permissions=SharingChoice.APPLY, external=True, wider=Wider.ALLOW)
    assert engine_options(PairOptions(), RunMode.COPY, queued_ns=0).sharing is None
    assert not applies_permissions(effective(chosen, PairOptions(permissions=SharingChoice.OFF)))
    both = effective(chosen, PairOptions(external=False, links=True, unmapped=Unmapped.DROP))
    check_options(both)
    sharing = engine_options(both, RunMode.COPY, queued_ns=0, map_id="m").sharing
    assert isinstance(sharing, SharingRules)
    assert (sharing.external, sharing.links, sharing.unmapped, sharing.wider) == (
        False,
        True,
        Unmapped.DROP,
        Wider.ALLOW,
    )
    assert shown_options(both) == {
        "permissions": "apply",
        "unmapped": "drop",
        "external": False,
        "links": True,
        "wider": "allow",
    }


def test_map_that_is_changed_in_the_middle_of_a_run_lets_it_go_on():
    def fingerprint(**values: str) -> str:
        return engine_options(APPLY, RunMode.COPY, queued_ns=0, **values).fingerprint  # type: ignore[arg-type]  # text

    assert fingerprint(map_id="one") == fingerprint(map_id="one") != fingerprint(map_id="other")
    assert fingerprint(map_id="one") != engine_options(PairOptions(), RunMode.COPY, queued_ns=0).fingerprint


async def test_permissions_of_a_run_are_listed_searched_and_downloaded_by_its_organisation_alone(
    office: Office, ann: Actor, tmp_path: Path
):
    run = await taken(office, ann, RunMode.SCAN, options=APPLY)
    source = MemoryService(directory=Directory())
    for n in range(5):
        source.add_file(f"/=f{n}.txt", b"")
        source.share(f"/=f{n}.txt", f"{'ann' if n else 'nobody'}@example.org", AccessRole.READ)
    source.share("/=f4.txt", "example.org", AccessRole.READ, kind=GranteeKind.DOMAIN)
    staging = Staging(tmp_path / "staging", memory_bytes=1 << 20, disk_bytes=1 << 20)
    await staging.open()
    bench = Workbench(tmp_path, office.database, source, MemoryService(directory=Directory()), staging)
    options = engine_options(APPLY, RunMode.SCAN, queued_ns=0)
    result = await bench.run(RunMode.SCAN, sharing=options.sharing)
    await staging.close()
    await office.work.begin(run.id, "runner", result.run)

    reports = PermissionReports(office.database, office.auditor, now_ns=office.clock)
    first = await reports.page(ann, run.id, limit=2)
    assert (len(first.items), first.total) == (2, 6)
    rest = await reports.page(ann, run.id, cursor=first.next, limit=50)
    assert [line.path for line in (*first.items, *rest.items)] == [f"/=f{n}.txt" for n in (0, 1, 2, 3, 4, 4)]
    assert (await reports.page(ann, run.id, text="NOBODY@")).total == 1
    assert (await reports.page(ann, run.id, text="%")).total == 0
    assert (await reports.page(ann, run.id, states=(GrantState.FAILED,))).total == 0
    assert [(tally.state, tally.count) for tally in await reports.tally(ann, run.id)] == [
        (GrantState.PLANNED, 6)
    ]
    table = "".join([piece async for piece in (await reports.report(ann, run.id)).csv()])
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["path"] for row in rows][:1] == ["/=f0.txt"]
    assert rows[0]["source"] == rows[0]["destination"] == "nobody@example.org"
    lines = "".join([piece async for piece in (await reports.report(ann, run.id)).jsonl()])
    assert json.loads(lines.splitlines()[-1])["destination_kind"] == "domain"
    assert "report.downloaded" in str(await office.auditor.page(ann))

    stranger = await office.organisation("other")
    for work in (
        reports.page(stranger, run.id),
        reports.report(stranger, run.id),
        reports.tally(stranger, run.id),
    ):
        with pytest.raises(NoSuchThing):
            await work
