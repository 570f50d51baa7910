"""What a scan found, as reports: summary, extensions, large files, long paths, names that change, folders at the top."""

from __future__ import annotations

import enum
import math
from collections.abc import AsyncIterator, Callable, Iterable

from sqlalchemy import Connection, func, select

from mover.accounts.actor import Actor, Permission
from mover.database.database import Database
from mover.entries import EntryKind
from mover.ledger.estimates import Estimate
from mover.ledger.ledger import Ledger
from mover.ledger.queries import counts
from mover.ledger.queries import runs as ledger_runs
from mover.ledger.records import Totals
from mover.ledger.survey import survey
from mover.ledger.tables import folders, items
from mover.migrations.queries.found import found
from mover.migrations.streams import Row, RowStream
from mover.migrations.tables import pair_runs
from mover.reports.estimate import calls_told, time_told

_LISTED = 10_000
_OTHERS = "(others)"


class ScanReport(enum.StrEnum):
    """The reports of a scan."""

    SUMMARY = "summary"
    EXTENSIONS = "extensions"
    LARGE = "large"
    LONG = "long"
    NAMES = "names"
    FOLDERS = "folders"


_COLUMNS = {
    ScanReport.SUMMARY: ("what", "count", "bytes"),
    ScanReport.EXTENSIONS: ("extension", "files", "bytes"),
    ScanReport.LARGE: ("path", "bytes"),
    ScanReport.LONG: ("path", "characters at the destination"),
    ScanReport.NAMES: ("path", "name at the destination"),
    ScanReport.FOLDERS: ("folder", "files", "bytes"),
}


class ScanReports:
    """Needs READ. They can be made of runs of any mode."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger = Ledger(database)

    async def report(self, actor: Actor, run_id: int, kind: ScanReport) -> RowStream:
        """One of the reports; lists have at most 10,000 lines but for names, of which all are told."""
        actor.require(Permission.READ)
        run = await self._database.read(
            lambda connection: found(connection, pair_runs, "run", actor.organisation_id, run_id)
        )
        ledger_run_id: int | None = run.ledger_run_id
        return RowStream(f"scan-{kind}-{run_id}", _COLUMNS[kind], self._rows(ledger_run_id, kind))

    async def _rows(self, run_id: int | None, kind: ScanReport) -> AsyncIterator[Row]:
        if run_id is None:
            return
        if kind is ScanReport.NAMES:
            async for item in self._ledger.report_items(run_id):
                if item.renamed:
                    yield (item.path, item.destination_path.rpartition("/")[2])
            return
        for row in await self._database.read(lambda connection: list(_MADE[kind](connection, run_id))):
            yield row


def _summary(connection: Connection, run_id: int) -> Iterable[Row]:
    tallies = counts.tally(connection, run_id)
    totals = Totals.of(tallies)
    yield ("files", totals.files_seen, totals.bytes_seen)
    yield ("folders", totals.folders_seen, None)
    for kind in EntryKind:
        if kind not in {EntryKind.FILE, EntryKind.FOLDER}:
            yield (f"entries of kind {kind.value}", sum(t.count for t in tallies if t.kind is kind), None)
    for tally in sorted(tallies, key=lambda t: (t.kind, t.state)):
        yield (f"{tally.kind.value}: {tally.state.value.replace('_', ' ')}", tally.count, tally.size)
    looked = survey(connection, run_id, 1)
    for action, count in sorted(looked.actions.items()):
        yield (f"to do: {action.value}", count, None)
    yield ("names that change", looked.names_changed, None)
    run = ledger_runs.run(connection, run_id)
    if run is not None and run.estimate is not None:
        yield from _cost(run.estimate)


def _cost(estimate: Estimate) -> Iterable[Row]:
    """What the move will cost."""
    for name, side in (("source", estimate.source), ("destination", estimate.destination)):
        yield (f"calls to the {name}, {side.service}", side.calls, None)
        for sort, calls in (side.by_sort or {}).items():
            yield (f"calls to the {name}, {side.service}: {sort.value}", calls, None)
    least = None if estimate.least is None else math.ceil(estimate.least.seconds)
    most = None if estimate.most_s is None else math.ceil(estimate.most_s)
    yield ("seconds of work, at least", least, None)
    yield ("seconds of work, at most by earlier runs", most, None)
    yield (f"calls: {calls_told(estimate)}", None, None)
    yield (f"time: {time_told(estimate)}", None, None)


def _extensions(connection: Connection, run_id: int) -> Iterable[Row]:
    return ((e.extension, e.count, e.size) for e in survey(connection, run_id, _LISTED).extensions)


def _large(connection: Connection, run_id: int) -> Iterable[Row]:
    return ((f.path, f.size) for f in survey(connection, run_id, _LISTED).largest)


def _long(connection: Connection, run_id: int) -> Iterable[Row]:
    return ((f.path, f.length) for f in survey(connection, run_id, _LISTED).longest)


def _folders(connection: Connection, run_id: int) -> Iterable[Row]:
    """Files and bytes under each folder at the top."""
    query = (
        select(
            folders.c.path,
            func.count().label("number"),
            func.coalesce(func.sum(items.c.size), 0).label("size"),
        )
        .join(folders, folders.c.id == items.c.folder_id)
        .where(items.c.run_id == run_id, items.c.kind != EntryKind.FOLDER.value)
        .group_by(folders.c.id, folders.c.path)
    )
    found_folders: dict[str, tuple[int, int]] = {}
    for row in connection.execute(query):
        top = "/" + row.path.lstrip("/").split("/", 1)[0]
        name = top if top in found_folders or len(found_folders) < _LISTED else _OTHERS
        files, size = found_folders.get(name, (0, 0))
        found_folders[name] = (files + row.number, size + int(row.size))
    ordered = sorted(found_folders.items(), key=lambda one: (-one[1][1], one[0]))
    return ((name, files, size) for name, (files, size) in ordered)


_MADE: dict[ScanReport, Callable[[Connection, int], Iterable[Row]]] = {
    ScanReport.SUMMARY: _summary,
    ScanReport.EXTENSIONS: _extensions,
    ScanReport.LARGE: _large,
    ScanReport.LONG: _long,
    ScanReport.FOLDERS: _folders,
}
