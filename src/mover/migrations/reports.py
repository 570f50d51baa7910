"""Reports as streams of rows: memory does not grow with the number of items."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.entries import join_path
from mover.errors import advice_for
from mover.ledger.ledger import Ledger
from mover.ledger.queries.reconciliation import reconciled
from mover.ledger.records import ReportItem
from mover.ledger.states import PROBLEMS, ItemState
from mover.ledger.tables import runs as ledger_runs
from mover.migrations import pair_report
from mover.migrations.acts import Act, note
from mover.migrations.filter_box import parse_filter
from mover.migrations.queries import pairs as pair_queries
from mover.migrations.queries import rows
from mover.migrations.queries.connections import names
from mover.migrations.queries.estimating import estimates
from mover.migrations.queries.filtering import condition
from mover.migrations.queries.found import found
from mover.migrations.refusals import NotPossible
from mover.migrations.signing import SigningKeys
from mover.migrations.streams import Row as ReportRow
from mover.migrations.streams import RowStream
from mover.migrations.tables import IS_OPEN, migration_pairs, migrations, pair_runs, schedules
from mover.reports import tables
from mover.reports.cells import moment
from mover.reports.reconciliation import signed_lines
from mover.reports.tables import ERRORS, ITEMS

_PAGE = 1_000
_p = migration_pairs.c

_NAME_AT = ITEMS.columns.index("path")
ITEM_COLUMNS = (*ITEMS.columns[:_NAME_AT], "name", *ITEMS.columns[_NAME_AT:])


class Reports:
    """Needs READ. `RowStream`s are read once."""

    def __init__(
        self,
        database: Database,
        keys: SigningKeys,
        auditor: Auditor,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._ledger = Ledger(database)
        self._auditor = auditor
        self._keys = keys
        self._now_ns = now_ns

    async def migration_report(
        self,
        actor: Actor,
        migration_id: str,
        *,
        filter: str = "",  # noqa: A002 - the field's own word
    ) -> RowStream:
        """A row a pair. Raises FilterMistake."""
        actor.require(Permission.READ)
        terms = parse_filter(filter, now_ns=self._now_ns())
        await self._look_for(actor, migrations, "migration", migration_id)
        belongs = pair_queries.of_migration(actor.organisation_id, migration_id)

        def page(connection: Connection, after: int) -> tuple[int, list[ReportRow]]:
            query = select(migration_pairs).where(*belongs, condition(connection, terms), _p.id > after)
            pairs = [rows.pair_from(row) for row in connection.execute(query.order_by(_p.id).limit(_PAGE))]
            known = names(connection, actor.organisation_id)
            timed = self._schedules(connection, migration_id, [pair.id for pair in pairs])
            told = estimates(connection, [pair.last_run_id for pair in pairs if pair.last_run_id is not None])
            return (
                pairs[-1].id if pairs else after,
                [
                    pair_report.row_of(pair, known, timed.get(pair.id, []), told.get(pair.last_run_id or 0))
                    for pair in pairs
                ],
            )

        return RowStream(f"migration-{migration_id}", pair_report.COLUMNS, self._pages(page))

    async def item_log(self, actor: Actor, run_id: int) -> RowStream:
        """A row an item of a run. That it was asked for is in the audit log."""
        run = await self._run(actor, run_id)
        await self._note(actor, run, "item log")
        return RowStream(f"items-{run_id}", ITEM_COLUMNS, self._items(run.ledger_run_id, None, item_row))

    async def errors(
        self, actor: Actor, *, run_id: int | None = None, migration_id: str | None = None
    ) -> RowStream:
        """A row a problem: of a run, or of the last run of every pair of a migration.

        Users are told where a connector sees those of a whole organisation; none does yet.
        """
        if run_id is not None:
            run = await self._run(actor, run_id)
            problems = self._errors_of_run(run)
            return RowStream(f"errors-{run_id}", ERRORS.columns, problems)
        actor.require(Permission.READ)
        await self._look_for(actor, migrations, "migration", migration_id or "")
        return RowStream(
            f"errors-{migration_id}", ERRORS.columns, self._errors_of_migration(actor, migration_id or "")
        )

    async def reconciliation(self, actor: Actor, run_id: int) -> AsyncIterator[bytes]:
        """Source against destination, signed: lines of JSON for a file `.jsonl`; `mover report verify` checks it.

        Raises NotPossible before the engine has begun with the run, or while it, or one that goes on with it, has not ended.
        """
        run = await self._run(actor, run_id)
        ledger_run_id = run.ledger_run_id
        if ledger_run_id is None or run.ended_ns is None or await self._is_under_way(ledger_run_id):
            raise NotPossible("the run has to end before source and destination are reconciled")
        query = select(ledger_runs).where(ledger_runs.c.id == ledger_run_id)
        ledger_run = await self._database.read(lambda connection: connection.execute(query).one())
        key = await self._keys.present(actor.organisation_id)
        about = {
            "run_id": run.id,
            "pair_id": run.pair_id,
            "migration_id": run.migration_id,
            "mode": run.mode,
            "code": run.code,
            "source": ledger_run.source_label,
            "destination": ledger_run.destination_label,
            "started": moment(run.started_ns),
            "ended": moment(run.ended_ns),
        }
        await self._note(actor, run, "reconciliation")
        signed = datetime.fromtimestamp(self._now_ns() // 1_000_000_000, UTC).isoformat()
        return signed_lines(key, about, self._reconciled(ledger_run_id), signed)

    async def _is_under_way(self, ledger_run_id: int) -> bool:
        query = select(pair_runs.c.id).where(pair_runs.c.ledger_run_id == ledger_run_id, IS_OPEN).limit(1)
        return await self._database.read(lambda connection: connection.execute(query).first() is not None)

    async def _reconciled(self, ledger_run_id: int) -> AsyncIterator[Mapping[str, Any]]:
        after = 0
        while True:
            page = await self._database.read(
                lambda connection, after=after: reconciled(  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                    connection, ledger_run_id, after_id=after, limit=_PAGE
                )
            )
            for row in page:
                yield reconciled_item(row)
            if len(page) < _PAGE:
                return
            after = page[-1].id

    async def _errors_of_run(self, run: Row[Any]) -> AsyncIterator[ReportRow]:
        def row(item: ReportItem) -> ReportRow:
            return error_row(run.pair_id, item)

        async for found_row in self._items(run.ledger_run_id, sorted(PROBLEMS), row):
            yield found_row

    async def _errors_of_migration(self, actor: Actor, migration_id: str) -> AsyncIterator[ReportRow]:
        after = 0
        while True:
            query = (
                select(
                    _p.id,
                    pair_runs.c.ledger_run_id,
                    pair_runs.c.pair_id,
                    pair_runs.c.code,
                    pair_runs.c.message,
                )
                .join(pair_runs, pair_runs.c.id == _p.last_run_id)
                .where(*pair_queries.of_migration(actor.organisation_id, migration_id), _p.id > after)
                .order_by(_p.id)
                .limit(_PAGE)
            )
            runs = await self._database.read(
                lambda connection, query=query: list(connection.execute(query))  # type: ignore[misc]  # as above
            )
            for run in runs:
                async for row in self._errors_of_run(run):
                    yield row
            if len(runs) < _PAGE:
                return
            after = runs[-1].id

    async def _items(
        self,
        ledger_run_id: int | None,
        states: list[ItemState] | None,
        row: Callable[[ReportItem], ReportRow],
    ) -> AsyncIterator[ReportRow]:
        if ledger_run_id is not None:
            async for item in self._ledger.report_items(ledger_run_id, states=states):
                yield row(item)

    async def _pages(
        self, page: Callable[[Connection, int], tuple[int, list[ReportRow]]]
    ) -> AsyncIterator[ReportRow]:
        after = 0
        while True:
            after, found_rows = await self._database.read(
                lambda connection, after=after: page(connection, after)  # type: ignore[misc]  # as above
            )
            for row in found_rows:
                yield row
            if len(found_rows) < _PAGE:
                return

    def _schedules(
        self, connection: Connection, migration_id: str, pair_ids: list[int]
    ) -> dict[int, list[str]]:
        """Names of the schedules that start these pairs."""
        timed: dict[int, list[str]] = {}
        query = select(schedules.c.name, schedules.c.filter).where(
            schedules.c.migration_id == migration_id, schedules.c.active
        )
        for schedule in connection.execute(query.order_by(schedules.c.name)).all():
            terms = parse_filter(schedule.filter, now_ns=self._now_ns())
            hit = select(_p.id).where(
                _p.migration_id == migration_id,
                _p.id.between(pair_ids[0], pair_ids[-1]) if pair_ids else _p.id < 0,
                condition(connection, terms),
            )
            for pair_id in connection.scalars(hit):
                timed.setdefault(pair_id, []).append(schedule.name)
        return timed

    async def _note(self, actor: Actor, run: Row[Any], report: str) -> None:
        now_ns = self._now_ns()
        await self._database.write(
            lambda connection: note(
                self._auditor,
                connection,
                actor,
                Act.REPORT_DOWNLOADED,
                run.migration_id,
                now_ns=now_ns,
                report=report,
                run=run.id,
                pair=run.pair_id,
            )
        )

    async def _run(self, actor: Actor, run_id: int) -> Row[Any]:
        actor.require(Permission.READ)
        return await self._look_for(actor, pair_runs, "run", run_id)

    async def _look_for(self, actor: Actor, table: Any, what: str, id_: str | int) -> Row[Any]:
        return await self._database.read(
            lambda connection: found(connection, table, what, actor.organisation_id, id_)
        )


def item_row(item: ReportItem) -> ReportRow:
    """A row of the item log: that of the table of items, with the name apart from its path."""
    row = tables.item_row(item)
    return (*row[:_NAME_AT], item.path.rpartition("/")[2], *row[_NAME_AT:])


def error_row(pair_id: int, item: ReportItem) -> ReportRow:
    """A row of the error report."""
    reason = item.reason or item.state.value
    return (pair_id, "", item.action.value, item.path, reason, item.message, advice_for(reason))


def reconciled_item(row: Row[Any]) -> dict[str, Any]:
    """An item in a reconciliation: both sides, the hashes of each, and how they were compared."""
    return {
        "path": join_path(row.folder_path, row.name),
        "kind": row.kind,
        "state": row.state,
        "verified_by": row.verification,
        "content_hash": row.content_hash or row.arrived_hash,
        "source": {
            "size": row.size,
            "modified": moment(row.modified_ns),
            "version": row.version,
            "hashes": _hashes(row.hashes),
        },
        "destination": {
            "path": join_path(row.destination_folder, row.destination_name),
            "size": row.destination_size,
            "version": row.destination_version,
            "hashes": _hashes(row.destination_hashes),
        },
        "reason": row.reason,
        "message": row.message,
    }


def _hashes(text: str | None) -> dict[str, str]:
    return msgspec.json.decode(text, type=dict[str, str]) if text else {}
