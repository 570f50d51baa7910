"""Permissions of a run: who would get what, as a scan found it, and what became of it, as a copy left it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from sqlalchemy import Connection

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.ledger.grants import GrantState, GrantTally, ReportGrant
from mover.ledger.ledger import Ledger
from mover.ledger.queries import grants
from mover.migrations.acts import Act, note
from mover.migrations.cursors import check_limit, cursor_for, read_cursor
from mover.migrations.queries.found import found
from mover.migrations.records import Page
from mover.migrations.streams import Row, RowStream
from mover.migrations.tables import pair_runs
from mover.reports.permissions import COLUMNS, permission_row

_COUNTED = 10_000


class PermissionReports:
    """Needs READ."""

    def __init__(
        self, database: Database, auditor: Auditor, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._ledger = Ledger(database)
        self._auditor = auditor
        self._now_ns = now_ns

    async def page(
        self,
        actor: Actor,
        run_id: int,
        *,
        states: tuple[GrantState, ...] | None = None,
        text: str = "",
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[ReportGrant]:
        """Permissions in the order in which they were seen. `total` is counted up to 10,000."""
        actor.require(Permission.READ)
        check_limit(limit)
        question = ("permissions", run_id, states, text)
        after = read_cursor(question, cursor, int)

        def work(connection: Connection) -> Page[ReportGrant]:
            row = found(connection, pair_runs, "run", actor.organisation_id, run_id)
            ledger_run_id: int | None = row.ledger_run_id
            if ledger_run_id is None or states == ():
                return Page((), None, 0)
            page = grants.page_of_lines(
                connection,
                ledger_run_id,
                states=states,
                text=text[:1_000],
                after_id=after[0] if after else 0,
                limit=limit + 1,
            )
            total = grants.count_lines(
                connection, ledger_run_id, states=states, text=text[:1_000], most=_COUNTED
            )
            return Page(
                tuple(page[:limit]),
                cursor_for(question, page[limit - 1].id) if len(page) > limit else None,
                total,
            )

        return await self._database.read(work)

    async def tally(self, actor: Actor, run_id: int) -> list[GrantTally]:
        """How many permissions stand in which state."""
        ledger_run_id = await self._ledger_run(actor, run_id)
        return [] if ledger_run_id is None else await self._ledger.grant_tally(ledger_run_id)

    async def report(self, actor: Actor, run_id: int) -> RowStream:
        """A row a permission. That it was asked for is in the audit log."""
        ledger_run_id = await self._ledger_run(actor, run_id)
        now_ns = self._now_ns()

        def keep(connection: Connection) -> None:
            run = found(connection, pair_runs, "run", actor.organisation_id, run_id)
            note(
                self._auditor,
                connection,
                actor,
                Act.REPORT_DOWNLOADED,
                run.migration_id,
                now_ns=now_ns,
                report="permissions",
                run=run.id,
                pair=run.pair_id,
            )

        await self._database.write(keep)
        return RowStream(f"permissions-{run_id}", COLUMNS, self._rows(ledger_run_id))

    async def _rows(self, ledger_run_id: int | None) -> AsyncIterator[Row]:
        if ledger_run_id is not None:
            async for line in self._ledger.report_grants(ledger_run_id):
                yield permission_row(line)

    async def _ledger_run(self, actor: Actor, run_id: int) -> int | None:
        actor.require(Permission.READ)
        row = await self._database.read(
            lambda connection: found(connection, pair_runs, "run", actor.organisation_id, run_id)
        )
        ledger_run_id: int | None = row.ledger_run_id
        return ledger_run_id
