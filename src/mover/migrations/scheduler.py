"""What starts pairs when a schedule is due. For runners: it knows no actor."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from mover.database.database import Database
from mover.database.failures import DatabaseTrouble
from mover.errors import MoverError
from mover.ledger.states import RunMode
from mover.migrations.queries import rows
from mover.migrations.queries.selecting import selected
from mover.migrations.queries.starting import Start, note_already_running, queue_runs
from mover.migrations.records import Schedule
from mover.migrations.selection import Selection
from mover.migrations.states import Trigger
from mover.migrations.tables import migrations, schedules
from mover.migrations.timetable import next_times

_log = logging.getLogger(__name__)
_c = schedules.c
_ANEW_NS = 600 * 1_000_000_000  # one that cannot be understood is tried again then


class Scheduler:
    """Several may call it at once; each time of a schedule starts its pairs once."""

    def __init__(self, database: Database, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._now_ns = now_ns

    async def fire_due(self, limit: int = 50) -> list[str]:
        """Start the pairs of schedules whose time has come; returns the ids of the organisations concerned.

        Times that passed while nothing ran are made up for once. A pair whose run is still under way gets a row with 250.
        """
        now_ns = self._now_ns()
        query = (
            select(schedules)
            .join(migrations, migrations.c.id == _c.migration_id)
            .where(_c.active, _c.next_ns <= now_ns, migrations.c.removed_ns.is_(None))
            .order_by(_c.next_ns, _c.id)
            .limit(limit)
        )
        due = await self._database.read(lambda connection: list(connection.execute(query)))
        concerned: dict[str, None] = {}
        for row in due:  # one transaction each: thousands of pairs may hang on one
            try:
                fired = await self._database.write(lambda connection, row=row: _fire(connection, row, now_ns))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
            except DatabaseTrouble:
                raise
            except (
                MoverError
            ) as error:  # its time zone is gone, say: the schedules behind it are due all the same
                _log.warning("schedule %s cannot start its pairs, and waits: %s", row.id, error)
                put_off = update(schedules).where(_c.id == row.id, _c.next_ns == row.next_ns)
                later = put_off.values(next_ns=now_ns + _ANEW_NS)
                await self._database.write(lambda connection, later=later: connection.execute(later))  # type: ignore[misc]  # as above
            else:
                if fired:
                    concerned[row.organisation_id] = None
        return list(concerned)

    async def next_due_ns(self) -> int | None:
        """When `fire_due` has something to do next."""
        query = (
            select(func.min(_c.next_ns))
            .join(migrations, migrations.c.id == _c.migration_id)
            .where(_c.active, migrations.c.removed_ns.is_(None))
        )
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def all(self) -> list[Schedule]:
        """All active schedules of all organisations, to make them known anew."""
        query = (
            select(schedules)
            .join(migrations, migrations.c.id == _c.migration_id)
            .where(_c.active, migrations.c.removed_ns.is_(None))
            .order_by(_c.id)
        )
        return await self._database.read(
            lambda connection: [rows.schedule_from(row) for row in connection.execute(query)]
        )


def _fire(connection: Connection, row: Row[Any], now_ns: int) -> bool:
    """Start the pairs of a schedule, unless another process has done it for this time."""
    schedule = rows.schedule_from(row)
    upcoming = next_times(schedule.timing, now_ns, 1)
    mine = connection.execute(
        update(schedules)
        .where(_c.id == schedule.id, _c.active, _c.next_ns == schedule.next_ns)
        .values(next_ns=upcoming[0] if upcoming else None, last_ns=now_ns)
    )
    if mine.rowcount != 1:
        return False
    start = Start(
        id=token_hex(16),
        organisation_id=schedule.organisation_id,
        migration_id=schedule.migration_id,
        mode=RunMode(schedule.mode),
        trigger=Trigger.SCHEDULE,
        started_by=schedule.name,
        window=schedule.window,
        bytes_per_s=schedule.bytes_per_s,
    )
    selection = Selection.matching(schedule.migration_id, schedule.filter)
    some = list(selected(connection, schedule.organisation_id, selection, now_ns=now_ns))
    note_already_running(connection, start, some, now_ns)
    queue_runs(connection, start, some, now_ns)
    return True
