"""Removes what is old, in small steps: items, runs, samples, deliveries. Summaries of pairs stay.

Each step is a transaction of its own that removes at most some thousand rows, so that nobody waits long for it. It can
be interrupted anywhere; the next sweep goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, or_, select, true, update

from mover.accounts.records import DEFAULT_KEPT_DAYS
from mover.database.database import Database
from mover.ledger.tables import folders, items, runs
from mover.migrations.states import RunState
from mover.migrations.tables import migration_pairs, migration_runs, migrations, pair_imports, pair_runs
from mover.notices.queries import OUTBOXES, remove_old

_DAY_NS = 86_400 * 1_000_000_000
_IMPORT_NS = _DAY_NS  # a CSV file that was read waits so long to be applied
_ROWS = 5_000

_r = pair_runs.c


class Retention:
    """For runners: knows no actor."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def sweep(
        self, *, days: int = DEFAULT_KEPT_DAYS, organisation_id: str | None = None, steps: int = 1_000
    ) -> int:
        """Remove what ended more than so many days ago, and what people removed. Returns how many rows went.

        Args:
            days: Of the organisation's.
            organisation_id: None: of all organisations, and of the outboxes, which are nobody's.
            steps: At most so many transactions; what is left goes with the next sweep.
        """
        before_ns = self._now_ns() - days * _DAY_NS
        mine: Callable[[Table], ColumnElement[bool]] = lambda table: (  # noqa: E731 - a condition on whichever table
            true() if organisation_id is None else table.c.organisation_id == organisation_id
        )
        removed = 0
        for step in (
            lambda c: _items(c, mine, before_ns),
            lambda c: _folders(c, mine, before_ns),
            lambda c: _ledger_runs(c, mine, before_ns),
            lambda c: _pair_runs(c, mine, before_ns),
            lambda c: _migration_runs(c, mine, before_ns),
            lambda c: _some(
                c,
                pair_imports,
                and_(mine(pair_imports), pair_imports.c.created_ns < self._now_ns() - _IMPORT_NS),
            ),
            lambda c: _pairs(c, mine),
            lambda c: _migrations(c, mine),
        ):
            some, steps = await self._repeat(step, steps)
            removed += some
        if organisation_id is None:
            removed += await self.sweep_outboxes(days=days, steps=steps)
        return removed

    async def sweep_outboxes(self, *, days: int = DEFAULT_KEPT_DAYS, steps: int = 1_000) -> int:
        """Remove messages that are older, sent or not. Returns how many rows went."""
        before_ns = self._now_ns() - days * _DAY_NS
        removed, _ = await self._repeat(
            lambda c: sum(remove_old(c, outbox, before_ns, _ROWS) for outbox in OUTBOXES), steps
        )
        return removed

    async def _repeat(self, step: Callable[[Connection], int], steps: int) -> tuple[int, int]:
        """Repeat a step until nothing goes; returns how many rows went, and how many steps are left."""
        removed = 0
        while steps > 0:
            steps -= 1
            gone = await self._database.write(step)
            removed += gone
            if gone == 0:
                break
        return removed, steps


Mine = Callable[[Table], ColumnElement[bool]]


def _old(mine: Mine, before_ns: int) -> Any:
    """Runs that nobody needs any more: old, or of a pair or migration that was removed."""
    removed = or_(
        exists().where(migration_pairs.c.id == _r.pair_id, migration_pairs.c.removed_ns.is_not(None)),
        exists().where(migrations.c.id == _r.migration_id, migrations.c.removed_ns.is_not(None)),
    )
    return and_(mine(pair_runs), _r.state == RunState.ENDED.value, or_(_r.ended_ns < before_ns, removed))


def _old_ledger_runs(mine: Mine, before_ns: int) -> Any:
    """Ledger runs of old runs only: one that was gone on with belongs to several."""
    other = pair_runs.alias("other")
    return select(_r.ledger_run_id).where(
        _old(mine, before_ns),
        _r.ledger_run_id.is_not(None),
        ~exists().where(
            other.c.ledger_run_id == _r.ledger_run_id,
            or_(other.c.state != RunState.ENDED.value, other.c.ended_ns >= before_ns),
            other.c.id != _r.id,
        ),
    )


def _some(connection: Connection, table: Table, where: ColumnElement[bool]) -> int:
    some = select(table.c.id).where(where).limit(_ROWS)
    return connection.execute(delete(table).where(table.c.id.in_(some))).rowcount


def _items(connection: Connection, mine: Mine, before_ns: int) -> int:
    old = _old_ledger_runs(mine, before_ns)
    # Nobody goes on with a run, or follows one, some of whose items are gone: it would take what is left for all that there is.
    connection.execute(update(runs).where(runs.c.id.in_(old), ~runs.c.finished).values(finished=True))
    connection.execute(update(runs).where(runs.c.id.in_(old), runs.c.basis.is_not(None)).values(basis=None))
    return _some(connection, items, items.c.run_id.in_(old))


def _folders(connection: Connection, mine: Mine, before_ns: int) -> int:
    return _some(connection, folders, folders.c.run_id.in_(_old_ledger_runs(mine, before_ns)))


def _ledger_runs(connection: Connection, mine: Mine, before_ns: int) -> int:
    empty = and_(~exists().where(items.c.run_id == runs.c.id), ~exists().where(folders.c.run_id == runs.c.id))
    return _some(connection, runs, and_(runs.c.id.in_(_old_ledger_runs(mine, before_ns)), empty))


def _pair_runs(connection: Connection, mine: Mine, before_ns: int) -> int:
    return _some(connection, pair_runs, and_(_old(mine, before_ns), _r.ledger_run_id.is_(None)))


def _migration_runs(connection: Connection, mine: Mine, before_ns: int) -> int:
    empty = ~exists().where(_r.migration_run_id == migration_runs.c.id)
    old = and_(mine(migration_runs), migration_runs.c.ended_ns < before_ns, empty)
    return _some(connection, migration_runs, old)


def _pairs(connection: Connection, mine: Mine) -> int:
    gone = or_(
        migration_pairs.c.removed_ns.is_not(None),
        exists().where(
            migrations.c.id == migration_pairs.c.migration_id, migrations.c.removed_ns.is_not(None)
        ),
    )
    empty = ~exists().where(_r.pair_id == migration_pairs.c.id)
    return _some(connection, migration_pairs, and_(mine(migration_pairs), gone, empty))


def _migrations(connection: Connection, mine: Mine) -> int:
    empty = ~exists().where(migration_pairs.c.migration_id == migrations.c.id)
    return _some(connection, migrations, and_(mine(migrations), migrations.c.removed_ns.is_not(None), empty))
