"""What the live events ask of the database, each time one short question for a whole organisation."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, literal, select, union_all

from mover.migrations.queries.rows import run_from
from mover.migrations.records import PairRun
from mover.migrations.states import RunState
from mover.migrations.tables import pair_runs

_c = pair_runs.c
# Written out, not bound: only so do databases see that the index of open runs answers it.
_OPEN = _c.state != literal(RunState.ENDED.value, literal_execute=True)


def last_run_id(connection: Connection, organisation_id: str) -> int:
    """The newest run's id; 0 if there is none."""
    query = select(func.max(_c.id)).where(_c.organisation_id == organisation_id)
    return connection.execute(query).scalar_one() or 0


def open_and_new(connection: Connection, organisation_id: str, *, after: int, limit: int) -> list[PairRun]:
    """Runs that have not ended, and those that began since, though they may have; the newest first."""
    own = _c.organisation_id == organisation_id
    query = union_all(
        select(pair_runs).where(own, _OPEN), select(pair_runs).where(own, ~_OPEN, _c.id > after)
    )
    rows = connection.execute(query.order_by(query.selected_columns.id.desc()).limit(limit))
    return [run_from(row) for row in rows]


def runs_of(connection: Connection, organisation_id: str, ids: Collection[int]) -> list[PairRun]:
    """These runs, as they are now."""
    query = select(pair_runs).where(_c.organisation_id == organisation_id, _c.id.in_(ids))
    return [run_from(row) for row in connection.execute(query)]
