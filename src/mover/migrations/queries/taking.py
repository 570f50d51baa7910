"""Which waiting runs a runner gets: fair between organisations, bounded by what each migration may have at once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select, update

from mover.migrations.options import PairOptions, effective
from mover.migrations.queries import rows
from mover.migrations.states import ACTIVE, RunCode, RunState, Status, Wish
from mover.migrations.tables import migration_pairs, migrations, pair_runs
from mover.migrations.timetable import Window, is_open, next_opening

_r = pair_runs.c
_ACTIVE = [state.value for state in ACTIVE]
_WAITING = [RunState.QUEUED.value, RunState.PAUSED.value]
_S = 1_000_000_000
_PATIENCE_NS = 5 * _S  # for so long a run waits for a free slot before others are asked to give way
_FREED_NS = 30 * _S  # for so long a slot counts as freed for those who wait
_ROUNDS = 3
_LOOKED_AT = 200


def can_be_taken(now_ns: int, queue: str | None = None) -> ColumnElement[bool]:
    """The condition that a run waits for nothing but a runner."""
    found = and_(_r.state.in_(_WAITING), _r.wish == Wish.RUN.value, _r.not_before_ns <= now_ns)
    return found if queue is None else and_(found, _r.queue == queue)


def take(
    connection: Connection, queue: str, runner: str, free: int, now_ns: int, *, only: int | None = None
) -> list[Row[Any]]:
    """Give at most so many waiting runs to a runner; those outside their window are put off until it opens.

    With `only`, no other run than that one, if its migration may have it under way now.
    """
    taken: list[Row[Any]] = []
    for _ in range(_ROUNDS):
        if len(taken) >= free:
            break
        limit = max(free - len(taken), min(_LOOKED_AT, free * 4))
        candidates = _candidates(connection, queue, limit, now_ns, only)
        ready = [row for row in candidates if not _put_off(connection, row, now_ns)][: free - len(taken)]
        if ready:
            taken += _give(connection, ready, runner, now_ns)
        if len(ready) == len(candidates):
            break
    return taken


def _candidates(
    connection: Connection, queue: str, limit: int, now_ns: int, only: int | None
) -> list[Row[Any]]:
    waiting = can_be_taken(now_ns, queue)
    # Takers of the same migrations come one after the other (a no-op in SQLite, where all writers do), so that what is
    # counted below stays true until the runs are taken. Always in the same order: nobody waits for one another.
    connection.execute(
        select(migrations.c.id)
        .where(migrations.c.id.in_(select(_r.migration_id).where(waiting)))
        .order_by(migrations.c.id)
        .with_for_update()
    ).all()
    of_migration = (
        select(_r.migration_id, func.count().label("number"))
        .where(_r.state.in_(_ACTIVE))
        .group_by(_r.migration_id)
        .subquery()
    )
    of_organisation = (
        select(_r.organisation_id, func.count().label("number"))
        .where(_r.state.in_(_ACTIVE))
        .group_by(_r.organisation_id)
        .subquery()
    )
    limit_now = case(
        (migrations.c.pairs_now < migrations.c.pairs_at_once, migrations.c.pairs_now),
        else_=migrations.c.pairs_at_once,
    )
    placed = (
        select(
            _r.id,
            _r.organisation_id,
            _r.priority,
            (
                func.row_number().over(partition_by=_r.migration_id, order_by=(_r.priority.desc(), _r.id))
                + func.coalesce(of_migration.c.number, 0)
            ).label("place"),
            limit_now.label("most"),
        )
        .join(migrations, migrations.c.id == _r.migration_id)
        .outerjoin(of_migration, of_migration.c.migration_id == _r.migration_id)
        .where(waiting)
        .subquery()
    )
    turns = (
        select(
            placed.c.id,
            placed.c.priority,
            (
                func.row_number().over(
                    partition_by=placed.c.organisation_id, order_by=(placed.c.priority.desc(), placed.c.id)
                )
                + func.coalesce(of_organisation.c.number, 0)
            ).label("turn"),
        )
        .outerjoin(of_organisation, of_organisation.c.organisation_id == placed.c.organisation_id)
        .where(placed.c.place <= placed.c.most)
        .subquery()
    )
    query = (
        select(
            _r.id,
            _r.window,
            _r.options,
            migration_pairs.c.options.label("pair_options"),
            migrations.c.options.label("migration_options"),
        )
        .join(turns, turns.c.id == _r.id)
        .join(migration_pairs, migration_pairs.c.id == _r.pair_id)
        .join(migrations, migrations.c.id == _r.migration_id)
        .order_by(turns.c.turn, turns.c.priority.desc(), turns.c.id)
        .limit(limit)
    )
    return list(connection.execute(query if only is None else query.where(_r.id == only)))


def _options(row: Row[Any]) -> PairOptions:
    """The effective options: as they were fixed, or as they are now."""
    if row.options is not None:
        return rows.options_from(row.options)
    return effective(rows.options_from(row.migration_options), rows.options_from(row.pair_options))


def window_of(run_window: str, options: PairOptions) -> Window | None:
    """The window of a run: that of its schedule, else that of its options."""
    return rows.window_from(run_window) or options.window


def _put_off(connection: Connection, row: Row[Any], now_ns: int) -> bool:
    window = window_of(row.window, _options(row))
    if window is None or is_open(window, now_ns):
        return False
    connection.execute(
        update(pair_runs).where(_r.id == row.id).values(not_before_ns=next_opening(window, now_ns))
    )
    return True


def _give(connection: Connection, ready: list[Row[Any]], runner: str, now_ns: int) -> list[Row[Any]]:
    ids = [row.id for row in ready]
    taken = {
        row.id: row
        for row in connection.execute(
            update(pair_runs)
            .where(_r.id.in_(ids), can_be_taken(now_ns))
            .values(
                state=RunState.CHECKING.value,
                code=RunCode.CHECKING.value,
                runner=runner,
                taken_ns=now_ns,
                heartbeat_ns=now_ns,
                started_ns=func.coalesce(_r.started_ns, now_ns),
            )
            .returning(pair_runs)
        )
    }
    for row in ready:
        if row.id in taken and row.options is None:
            connection.execute(
                update(pair_runs).where(_r.id == row.id).values(options=rows.text_of(_options(row)))
            )
    started = select(_r.started_ns).where(_r.id == migration_pairs.c.last_run_id).scalar_subquery()
    connection.execute(
        update(migration_pairs)
        .where(migration_pairs.c.last_run_id.in_(list(taken)))
        .values(status=Status.QUEUED.value, code=RunCode.CHECKING.value, started_ns=started)
    )
    return [taken[id_] for id_ in ids if id_ in taken]


def must_give_way(connection: Connection, run_id: int, now_ns: int) -> bool:
    """Tell whether this run is the one whose slot an organisation that has none should get.

    Of the organisations with several runs of the queue under way, the one with the most gives first; of its runs the
    one with the lowest priority that was queued last. All who ask at the same moment get the same answer.
    """
    queue = connection.execute(select(_r.queue).where(_r.id == run_id)).scalar_one_or_none()
    # Two lists of organisations: to look for each run that waits would be to read all that its organisation ever ran.
    waiting = select(_r.organisation_id).where(can_be_taken(now_ns - _PATIENCE_NS, queue)).distinct()
    under_way = select(_r.organisation_id).where(_r.state.in_(_ACTIVE)).distinct()
    starving = len(set(connection.scalars(waiting)) - set(connection.scalars(under_way)))
    if not starving:
        return False
    freed = connection.execute(
        select(func.count()).where(
            _r.queue == queue,
            _r.state == RunState.QUEUED.value,
            _r.given_way_ns > now_ns - _FREED_NS,
        )
    ).scalar_one()
    if freed >= starving:
        return False
    held = (
        select(_r.organisation_id, func.count().label("number"))
        .where(_r.queue == queue, _r.state.in_(_ACTIVE))
        .group_by(_r.organisation_id)
        .having(func.count() > 1)
        .subquery()
    )
    giving = (
        select(_r.id)
        .join(held, held.c.organisation_id == _r.organisation_id)
        .where(_r.queue == queue, _r.state.in_(_ACTIVE))
        .order_by(held.c.number.desc(), _r.priority, _r.id.desc())
        .limit(starving - freed)
    )
    return run_id in set(connection.scalars(giving))
