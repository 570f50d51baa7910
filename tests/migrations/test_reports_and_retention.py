from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, update
from tests.migrations.office import Office, S
from tests.transfer.workbench import Workbench, workbench

from mover.accounts.actor import Actor
from mover.accounts.refusals import NoSuchThing, NotPossible
from mover.connectors.box.costs import COSTS
from mover.errors import PermissionDenied
from mover.ledger.records import ReportItem
from mover.ledger.states import ItemState, RunMode
from mover.ledger.tables import arrivals, folders, items, runs
from mover.migrations import retention as retention_module
from mover.migrations.options import PairOptions, engine_options
from mover.migrations.records import Migration, NewPair, PairRun
from mover.migrations.reports import Reports
from mover.migrations.retention import Retention
from mover.migrations.scan_reports import ScanReport, ScanReports
from mover.migrations.selection import Selection
from mover.migrations.signing import SigningKeys
from mover.migrations.states import RunState, Status
from mover.migrations.streams import RowStream
from mover.migrations.tables import migration_pairs, migration_runs, migrations, pair_runs
from mover.reports.estimate import time_told
from mover.reports.reconciliation import check, read_lines
from mover.vault.providers import FileKeyProvider
from mover.vault.signing import read_public_key
from mover.vault.vault import Vault


@pytest.fixture
async def bench(tmp_path: Path, office: Office):
    async with workbench(tmp_path / "bench") as made:
        own = made.database
        made.database = office.database
        made.now_ns = office.clock
        yield made
        made.database = own


@pytest.fixture
def keys(office: Office, tmp_path: Path) -> SigningKeys:
    vault = Vault(office.database, FileKeyProvider(tmp_path / "global.key"))
    return SigningKeys(office.database, vault, office.auditor, now_ns=office.clock)


async def moved(
    office: Office, bench: Workbench, ann: Actor, migration: Migration, mode: RunMode = RunMode.COPY
) -> PairRun:
    """Run the migration's only pair with the engine, as a runner does."""
    await office.start(ann, migration, mode)
    [run] = await office.take()
    result = await bench.run(mode)
    await office.work.begin(run.id, "r1", result.run)
    office.clock.advance(10)
    await office.work.end(run.id, "r1", int(result.code), result.message)
    return await office.runs.get(ann, run.id)


def fill(bench: Workbench) -> None:
    bench.source.add_file("/docs/a.txt", b"content")
    bench.source.add_file("/docs/big.bin", b"x" * 100)
    bench.source.add_file("/=1+1", b"formula")
    bench.source.add_shortcut("/link", "/elsewhere")
    bench.source.add_file("/theirs", b"ours")
    bench.destination.add_file("/theirs", b"theirs")


async def as_csv(stream: RowStream) -> list[dict[str, str]]:
    text = "".join([piece async for piece in stream.csv()])
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_what_the_engine_did_is_counted_shown_and_reported(
    office: Office, bench: Workbench, ann: Actor, keys: SigningKeys
):
    fill(bench)
    migration = await office.migration(ann, 1)
    run = await moved(office, bench, ann, migration)
    reports = Reports(office.database, keys, office.auditor, now_ns=office.clock)

    assert await office.runs.estimate(ann, run.id) is None, "it did more than look"
    counts = run.counts
    assert (counts.files_seen, counts.files_copied, counts.files_failed) == (5, 3, 2)
    assert (counts.bytes_copied, counts.folders_seen, counts.folders_created) == (114, 2, 1)
    assert await office.runs.outcomes(ann, run.id) == {
        ItemState.COPIED: 3,
        ItemState.CONFLICT: 1,
        ItemState.UNSUPPORTED: 1,
    }
    problems = await office.runs.problems(ann, run.id)
    assert {(one.reason, one.example, one.count) for one in problems} == {
        ("conflict", "/theirs", 1),
        ("unsupported_type", "/link", 1),
    }
    assert all(one.advice for one in problems)

    [row] = await as_csv(await reports.migration_report(ann, migration.id))
    assert (row["id"], row["source"], row["status"], row["files copied"]) == (
        "1",
        "source:/s0",
        "Queued",
        "3",
    )
    assert (row["times run"], row["total bytes copied"], row["seconds"]) == ("1", "114", "10")
    assert row["average files per hour"] == str(3 * 360)

    log = await as_csv(await reports.item_log(ann, run.id))
    assert {line["path"]: line["status"] for line in log} == {
        "/docs": "created",
        "/docs/a.txt": "copied",
        "/docs/big.bin": "copied",
        "/=1+1": "copied",
        "/link": "unsupported",
        "/theirs": "conflict",
    }
    assert {line["name"] for line in log if line["path"] == "/=1+1"} == {"'=1+1"}
    errors = await as_csv(await reports.errors(ann, run_id=run.id))
    assert [(line["pair id"], line["path"]) for line in errors] == [("1", "/link"), ("1", "/theirs")]
    lines = [piece async for piece in (await reports.errors(ann, run_id=run.id)).jsonl()]
    assert json.loads("".join(lines).splitlines()[0])["pair_id"] == 1


async def test_a_reconciliation_is_signed_by_the_organisations_key(
    office: Office, bench: Workbench, ann: Actor, keys: SigningKeys
):
    fill(bench)
    migration = await office.migration(ann, 1)
    run = await moved(office, bench, ann, migration)
    reports = Reports(office.database, keys, office.auditor, now_ns=office.clock)

    data = b"".join([piece async for piece in await reports.reconciliation(ann, run.id)])
    before = await keys.public_keys(ann)
    after = await keys.rotate(ann)

    verdict = check(read_lines(io.BytesIO(data)), read_public_key(before[0].public_key))
    assert (verdict.intact, verdict.items, verdict.key_id) == (True, 6, before[0].id)
    assert after.id != before[0].id
    assert [key.id for key in await keys.public_keys(ann)] == [after.id, before[0].id]
    told = {line["path"]: line for line in map(json.loads, data.splitlines()[1:-1])}
    arrived = told["/docs/a.txt"]
    assert arrived["verified_by"] == "hash"
    shared = set(arrived["source"]["hashes"]) & set(arrived["destination"]["hashes"])
    assert shared
    assert all(arrived["source"]["hashes"][name] == arrived["destination"]["hashes"][name] for name in shared)
    assert (arrived["source"]["size"], arrived["destination"]["size"]) == (7, 7)
    assert told["/theirs"]["destination"]["hashes"] == {}

    new = b"".join([piece async for piece in await reports.reconciliation(ann, run.id)])
    assert check(read_lines(io.BytesIO(new)), read_public_key(after.public_key)).intact


async def test_scan_reports(office: Office, bench: Workbench, ann: Actor):
    fill(bench)
    bench.source.capabilities = replace(bench.source.capabilities, costs=COSTS)
    bench.source.add_file("/docs/deep/er/z.TXT", b"zz")
    migration = await office.migration(ann, 1)
    run = await moved(office, bench, ann, migration, RunMode.SCAN)
    scans = ScanReports(office.database)

    async def rows(kind: ScanReport) -> list[tuple[str, ...]]:
        return [tuple(row.values()) for row in await as_csv(await scans.report(ann, run.id, kind))]

    assert run.counts.files_copied == 4, "what would be copied"
    assert ("files", "6", "120") in [row[:3] for row in await rows(ScanReport.SUMMARY)]
    assert ("txt", "2", "9") in await rows(ScanReport.EXTENSIONS)
    assert (await rows(ScanReport.LARGE))[0] == ("/docs/big.bin", "100")
    assert (await rows(ScanReport.LONG))[0] == ("/docs/deep/er/z.TXT", "19")
    assert (await rows(ScanReport.FOLDERS))[0] == ("/docs", "3", "109")
    assert await rows(ScanReport.NAMES) == []
    told = await office.runs.estimate(ann, run.id)
    assert told is not None
    assert (told.files, told.size) == (run.counts.files_copied, run.counts.bytes_copied)
    assert ("calls to the source, Box", str(told.source.calls), "") in await rows(ScanReport.SUMMARY)
    assert ("seconds of work, at least", "0", "") in await rows(ScanReport.SUMMARY)
    assert (f"time: {time_told(told)}", "", "") in await rows(ScanReport.SUMMARY)


async def test_the_migration_report_tells_what_scanned_pairs_will_cost(
    office: Office, bench: Workbench, ann: Actor, keys: SigningKeys
):
    bench.source.capabilities = replace(bench.source.capabilities, costs=COSTS)
    bench.source.add_file("/docs/a.txt", b"content")
    migration = await office.migration(ann, 1)
    run = await moved(office, bench, ann, migration, RunMode.SCAN)
    told = await office.runs.estimate(ann, run.id)
    assert told is not None
    reports = Reports(office.database, keys, office.auditor, now_ns=office.clock)
    [row] = await as_csv(await reports.migration_report(ann, migration.id))
    assert row["scan: calls to the source"] == str(told.source.calls)
    assert (row["scan: seconds at least"], row["scan: time"]) == ("0", time_told(told))


async def test_items_are_paged_filtered_and_bounded_by_their_run(
    office: Office, bench: Workbench, ann: Actor
):
    fill(bench)
    for number in range(30):
        bench.source.add_file(f"/many/f{number}_%", b"x")
    migration = await office.migration(ann, 1)
    run = await moved(office, bench, ann, migration)
    whole = await office.runs.items(ann, run.id)
    seen: list[ReportItem] = []
    cursor: str | None = None
    while True:
        page = await office.runs.items(ann, run.id, cursor=cursor, limit=4)
        seen += page.items
        if (cursor := page.next) is None:
            break
    assert [item.id for item in seen] == sorted({item.id for item in whole.items})
    assert whole.total == len(seen) == 37

    async def found(**chosen) -> set[str]:
        return {item.path for item in (await office.runs.items(ann, run.id, **chosen)).items}

    assert await found(text="F12_%") == {"/many/f12_%"}
    assert await found(text="f_2") == set()
    assert await found(text="docs/a") == {"/docs/a.txt"}
    assert await found(states=(ItemState.CONFLICT,)) == {"/theirs"}
    assert await found(reason="unsupported_type") == {"/link"}
    assert await found(states=()) == set()


async def test_only_what_failed_is_tried_again(office: Office, bench: Workbench, ann: Actor):
    fill(bench)
    migration = await office.migration(ann, 1)
    run = await moved(office, bench, ann, migration)
    await office.runs.cancel(ann, Selection.matching(migration.id))
    pair = await office.only_pair(ann, migration)
    assert pair.status is Status.CANCELED
    office.clock.advance(1)
    second = await moved(office, bench, ann, migration)
    for _ in range(3):
        again = (await office.runs.page(ann, pair_id=pair.id)).items[0]
        assert again.state is RunState.QUEUED
        office.clock.ns = again.not_before_ns
        [taken] = await office.take()
        await office.work.begin(taken.id, "r1", second.ledger_run_id or 0)
        await office.work.end(taken.id, "r1", second.code)
    assert (await office.runs.retry_failed(ann, Selection.matching(migration.id))).started == 1
    [retry] = await office.take()
    assignment = await office.work.assignment(retry.id)
    assert assignment.retry_paths == ("/theirs",)
    options = engine_options(
        assignment.options, RunMode.COPY, queued_ns=retry.queued_ns, retry_paths=assignment.retry_paths
    )
    assert options.filters.listed_paths == {"/theirs"}
    assert (run.code, second.code) == (201, 202)


async def test_reports_of_others_are_not_there(office: Office, ann: Actor, keys: SigningKeys):
    migration = await office.migration(ann, 1)
    await office.start(ann, migration)
    [run] = await office.take()
    eve = await office.organisation("evil")
    reports = Reports(office.database, keys, office.auditor, now_ns=office.clock)
    for call in (
        reports.migration_report(eve, migration.id),
        reports.item_log(eve, run.id),
        reports.errors(eve, run_id=run.id),
        reports.errors(eve, migration_id=migration.id),
        reports.reconciliation(eve, run.id),
        ScanReports(office.database).report(eve, run.id, ScanReport.LARGE),
    ):
        with pytest.raises(NoSuchThing):
            await call
    with pytest.raises(NotPossible):
        await reports.reconciliation(ann, run.id)
    assert await as_csv(await reports.item_log(ann, run.id)) == []
    with pytest.raises(PermissionDenied):
        await keys.rotate(Actor("acme", ann.kind, "a", "a", frozenset({*ann.permissions} - {"own"})))


async def test_what_is_old_goes_and_the_summary_of_the_pair_stays(
    office: Office, bench: Workbench, ann: Actor
):
    fill(bench)
    migration = await office.migration(ann, 1)
    old = await moved(office, bench, ann, migration)
    await office.runs.cancel(ann, Selection.matching(migration.id))
    office.clock.advance(60 * 86_400)
    young = await moved(office, bench, ann, migration)
    await office.runs.cancel(ann, Selection.matching(migration.id))
    retention = Retention(office.database, now_ns=office.clock)
    assert await retention.sweep() == 0
    office.clock.advance(31 * 86_400)

    assert await retention.sweep(steps=1) > 0
    assert await retention.sweep(organisation_id="acme") > 0
    assert await retention.sweep() == 0

    assert {row.run_id for row in await office.rows(items)} == {young.ledger_run_id}
    assert {row.id for row in await office.rows(runs)} == {young.ledger_run_id}
    assert {row.run_id for row in await office.rows(folders)} == {young.ledger_run_id}
    kept = {run.id for run in (await office.runs.page(ann)).items}
    assert old.id not in kept
    assert young.id in kept
    pair = await office.only_pair(ann, migration)
    assert (pair.runs, pair.total_files_copied) == (2, 3)

    await office.migrations.delete(ann, migration.id)
    await retention.sweep(days=10_000)
    for table in (items, folders, runs, pair_runs, migration_runs, migration_pairs, migrations):
        assert await office.rows(table) == [], table.name


async def test_a_ledger_run_that_a_younger_run_goes_on_with_is_kept(
    office: Office, bench: Workbench, ann: Actor
):
    fill(bench)
    migration = await office.migration(ann, 1)
    first = await moved(office, bench, ann, migration)
    [again] = [run for run in (await office.runs.page(ann)).items if run.state is RunState.QUEUED]
    office.clock.ns = again.not_before_ns
    office.clock.advance(91 * 86_400)
    [taken] = await office.take()
    await office.work.begin(taken.id, "r1", first.ledger_run_id or 0)
    await Retention(office.database, now_ns=office.clock).sweep()
    assert {row.run_id for row in await office.rows(items)} == {first.ledger_run_id}


async def test_nothing_is_signed_of_a_run_that_another_one_goes_on_with(
    office: Office, bench: Workbench, ann: Actor, keys: SigningKeys
):
    fill(bench)
    migration = await office.migration(ann, 1)
    first = await moved(office, bench, ann, migration)  # is run again by itself
    [again] = [run for run in (await office.runs.page(ann)).items if run.state is RunState.QUEUED]
    office.clock.ns = again.not_before_ns
    [taken] = await office.take()
    await office.work.begin(taken.id, "r1", first.ledger_run_id or 0)
    reports = Reports(office.database, keys, office.auditor, now_ns=office.clock)
    with pytest.raises(NotPossible, match="has to end"):
        await reports.reconciliation(ann, first.id)
    await office.work.end(taken.id, "r1", 100)
    assert [line async for line in await reports.reconciliation(ann, first.id)]


async def test_a_run_that_is_half_removed_is_not_followed(
    office: Office, bench: Workbench, ann: Actor, monkeypatch: pytest.MonkeyPatch
):
    fill(bench)
    migration = await office.migration(ann, 1)
    first = await moved(office, bench, ann, migration)
    await office.runs.cancel(ann, Selection.matching(migration.id))
    await office.migrations.delete(ann, migration.id)
    monkeypatch.setattr(retention_module, "_ROWS", 1)
    assert await Retention(office.database, now_ns=office.clock).sweep(steps=2) == 2
    assert len(await office.rows(items)) > 0

    again = await office.migration(ann, 1)
    second = await moved(office, bench, ann, again)

    assert second.ledger_run_id != first.ledger_run_id
    assert second.counts.files_seen == first.counts.files_seen


async def test_a_run_that_is_half_removed_is_not_gone_on_with(
    office: Office, bench: Workbench, ann: Actor, monkeypatch: pytest.MonkeyPatch
):
    fill(bench)
    migration = await office.migration(ann, 1)
    first = await moved(office, bench, ann, migration)

    def interrupt(
        connection: Connection,
    ) -> None:  # as a kill leaves it: the folders are listed, no file has arrived
        connection.execute(update(runs).values(finished=False))
        connection.execute(update(items).where(items.c.kind == "file").values(state="planned"))
        connection.execute(delete(arrivals))

    await office.database.write(interrupt)
    for path in [path for path, _ in bench.destination.files()]:
        bench.destination.remove(path)
    await office.runs.cancel(ann, Selection.matching(migration.id))
    await office.migrations.delete(ann, migration.id)
    monkeypatch.setattr(retention_module, "_ROWS", 1)
    assert await Retention(office.database, now_ns=office.clock).sweep(steps=2) == 2
    assert len(await office.rows(items)) > 0

    again = await office.migration(ann, 1)
    second = await moved(office, bench, ann, again)
    assert second.ledger_run_id != first.ledger_run_id
    assert second.counts.bytes_seen == first.counts.bytes_seen


async def test_options_become_the_engines():
    chosen = PairOptions(
        include=("*.txt",),
        exclude=("tmp/",),
        min_size="1K",
        newer_than="2d",
        bandwidth="2M",
        paths=("/a",),
        full=True,
        versions=3,
    )
    options = engine_options(chosen, RunMode.SCAN, queued_ns=1_700_000_000 * S, bytes_per_s=5_000_000)
    assert options.dry_run
    assert options.bytes_per_s == 2 << 20
    assert options.filters.min_size == 1024
    assert options.filters.listed_paths == {"/a"}
    assert (options.full, options.versions) == (True, 3)
    same = engine_options(chosen, RunMode.SCAN, queued_ns=1_700_000_000 * S)
    assert same.fingerprint == options.fingerprint, "each slice of a run goes on with the same"
    assert NewPair(source_path="/a", destination_path="/b").options == PairOptions()
