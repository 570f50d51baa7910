"""Queueing runs: set-based, one run of a pair at a time, whatever other processes do at the same moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, literal, null, select, update

from mover.ledger.states import RunMode
from mover.migrations.queries import rows
from mover.migrations.states import RunCode, RunState, Status, Trigger, Wish
from mover.migrations.tables import COUNTS, migration_pairs, migration_runs, migrations, pair_runs
from mover.migrations.timetable import Window

_p = migration_pairs.c


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is queued. `id` names the migration run that it becomes."""

    id: str
    organisation_id: str
    migration_id: str
    mode: RunMode
    trigger: Trigger
    started_by: str
    window: Window | None = None
    bytes_per_s: int | None = None
    failed_only: bool = False


def queue_runs(
    connection: Connection, start: Start, selected: list[ColumnElement[bool]], now_ns: int
) -> tuple[int, int]:
    """Queue a run of each selected pair that has none under way. Returns how many, and how many had one.

    Two that start the same pair at once cannot both have it: the second finds `open_run` set when its turn comes.
    """
    started = running = 0
    for some in selected:
        running += connection.execute(
            select(func.count()).select_from(migration_pairs).where(some, _p.open_run.is_not(None))
        ).scalar_one()
        started += connection.execute(
            update(migration_pairs)
            .where(some, _p.open_run.is_(None))
            .values(
                open_run=start.id,
                status=Status.QUEUED.value,
                code=RunCode.QUEUED.value,
                message="",
                started_ns=None,
                ended_ns=None,
                **dict.fromkeys(COUNTS, 0),
            )
        ).rowcount
    if not started:
        return 0, running
    connection.execute(
        insert(migration_runs).values(
            id=start.id,
            organisation_id=start.organisation_id,
            migration_id=start.migration_id,
            mode=start.mode.value,
            trigger=start.trigger.value,
            started_by=start.started_by[:200],
            pairs=started,
            open_pairs=started,
            started_ns=now_ns,
            ended_ns=None,
        )
    )
    _insert_runs(connection, start, now_ns)
    of_start = select(pair_runs.c.id).where(
        pair_runs.c.pair_id == _p.id, pair_runs.c.migration_run_id == start.id
    )
    connection.execute(
        update(migration_pairs).where(_p.open_run == start.id).values(last_run_id=of_start.scalar_subquery())
    )
    return started, running


def _insert_runs(connection: Connection, start: Start, now_ns: int) -> None:
    fixed: dict[str, Any] = {
        **new_run(now_ns),
        "organisation_id": start.organisation_id,
        "migration_id": start.migration_id,
        "migration_run_id": start.id,
        "mode": start.mode.value,
        "trigger": start.trigger.value,
        "window": rows.text_of(start.window) if start.window else "",
        "bytes_per_s": start.bytes_per_s,
    }
    of_pair = {
        "pair_id": _p.id,
        "priority": _p.priority,
        "queue": func.coalesce(func.nullif(_p.queue, ""), migrations.c.queue),
        "retry_of": _p.last_run_id if start.failed_only else null(),
    }
    source = (
        select(
            *of_pair.values(),
            *(literal(value, type_=pair_runs.c[name].type) for name, value in fixed.items()),
        )
        .join(migrations, migrations.c.id == _p.migration_id)
        .where(_p.open_run == start.id)
        .order_by(_p.id)
    )
    connection.execute(insert(pair_runs).from_select([*of_pair, *fixed], source))


def new_run(now_ns: int) -> dict[str, Any]:
    """Columns of a run that was just queued for the first time."""
    return {
        "ledger_run_id": None,
        "attempt": 1,
        "state": RunState.QUEUED.value,
        "wish": Wish.RUN.value,
        "code": RunCode.QUEUED.value,
        "message": "",
        "options": None,
        "runner": "",
        "losses": 0,
        "queued_ns": now_ns,
        "not_before_ns": now_ns,
        "given_way_ns": 0,
        "started_ns": None,
        "ended_ns": None,
        "heartbeat_ns": None,
        "taken_ns": None,
        "active_ns": 0,
        "sampled": -1,
        "sample_step": 1,
        **dict.fromkeys(COUNTS, 0),
    }


def note_already_running(
    connection: Connection, start: Start, selected: list[ColumnElement[bool]], now_ns: int
) -> int:
    """Add a run that ended at once with 250 for each selected pair whose run is under way; returns how many.

    For schedules: nobody sees the answer to their start. To be called before `queue_runs`.
    """
    running = [and_(some, _p.open_run.is_not(None)) for some in selected]
    count = sum(
        connection.execute(select(func.count()).select_from(migration_pairs).where(some)).scalar_one()
        for some in running
    )
    if not count:
        return 0
    fixed: dict[str, Any] = {
        **new_run(now_ns),
        "organisation_id": start.organisation_id,
        "migration_id": start.migration_id,
        "mode": start.mode.value,
        "trigger": start.trigger.value,
        "window": "",
        "bytes_per_s": None,
        "retry_of": None,
        "state": RunState.ENDED.value,
        "code": RunCode.ALREADY_RUNNING.value,
        "message": "The run before was still under way.",
        "ended_ns": now_ns,
    }
    of_pair = {
        "pair_id": _p.id,
        "priority": _p.priority,
        "queue": func.coalesce(func.nullif(_p.queue, ""), migrations.c.queue),
        "migration_run_id": _p.open_run,  # that of the run under way
    }
    for some in running:
        source = (
            select(
                *of_pair.values(),
                *(literal(value, type_=pair_runs.c[name].type) for name, value in fixed.items()),
            )
            .join(migrations, migrations.c.id == _p.migration_id)
            .where(some)
        )
        connection.execute(insert(pair_runs).from_select([*of_pair, *fixed], source))
    return count
