"""What the runner asks of the database besides what `mover.migrations.work` does for it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from mover.migrations.states import ACTIVE, RunState, Wish
from mover.migrations.tables import IS_OPEN, migrations, pair_runs
from mover.runner.records import Plan, Ticket

_NS = 1_000_000_000
_STEPS = (50, 1, -1, -50)  # priorities of pairs down to which each urgency of Temporal's reaches


def migrations_with_open_runs(connection: Connection, organisation_id: str | None) -> list[str]:
    """Migrations, of one organisation or of all, that a runner has something to do for, now or later."""
    states = pair_runs.c.state.in_([RunState.QUEUED, RunState.PAUSED, *ACTIVE])
    query = select(pair_runs.c.migration_id).where(states, _open()).distinct()
    if organisation_id is not None:
        # By its migrations: an index leads to the open runs of each, past all that have ended.
        query = select(migrations.c.id).where(
            migrations.c.organisation_id == organisation_id,
            exists().where(pair_runs.c.migration_id == migrations.c.id, _open()),
        )
    return list(connection.scalars(query))


def plan(connection: Connection, migration_id: str, now_ns: int, *, silence_s: float) -> Plan:
    """What of a migration may be started now: of each queue at most as many as its limit leaves room for.

    Of each, since a queue may have no runner now; how many are under way at once is seen to when one is taken.
    """
    bounds = connection.execute(
        select(migrations.c.pairs_now, migrations.c.pairs_at_once).where(migrations.c.id == migration_id)
    ).one_or_none()
    if bounds is None:
        return Plan()
    limit = min(bounds)
    of_it = pair_runs.c.migration_id == migration_id
    counted = select(func.count()).select_from(pair_runs)
    active = connection.scalar(counted.where(of_it, IS_OPEN, pair_runs.c.state.in_(ACTIVE))) or 0
    open_runs = connection.scalar(counted.where(of_it, _open())) or 0
    order = (pair_runs.c.priority.desc(), pair_runs.c.id)
    waiting = (
        select(
            pair_runs.c.id,
            pair_runs.c.migration_id,
            pair_runs.c.organisation_id,
            pair_runs.c.queue,
            pair_runs.c.priority,
            func.row_number().over(partition_by=pair_runs.c.queue, order_by=order).label("place"),
        )
        .where(of_it, _waits(), pair_runs.c.not_before_ns <= now_ns)
        .subquery()
    )
    due = (
        select(waiting)
        .where(waiting.c.place <= limit - active)
        .order_by(waiting.c.priority.desc(), waiting.c.id)
    )
    later = connection.scalar(
        select(func.min(pair_runs.c.not_before_ns)).where(of_it, _waits(), pair_runs.c.not_before_ns > now_ns)
    )
    return Plan(
        tickets=[
            Ticket(row.id, row.migration_id, row.organisation_id, row.queue, urgency(row.priority), silence_s)
            for row in connection.execute(due)
        ],
        open_runs=open_runs,
        next_s=None if later is None else max(0.1, (later - now_ns) / _NS),
    )


def urgency(priority: int) -> int:
    """Temporal's priority, 1 (first) to 5, for a pair's, 100 (first) to -100."""
    return 1 + sum(priority < step for step in _STEPS)


def _waits() -> ColumnElement[bool]:
    waiting = pair_runs.c.state.in_([RunState.QUEUED, RunState.PAUSED])
    return IS_OPEN & waiting & (pair_runs.c.wish == Wish.RUN)


def _open() -> ColumnElement[bool]:
    return IS_OPEN & or_(pair_runs.c.wish == Wish.RUN, pair_runs.c.state.in_(ACTIVE))
