"""Schedules as people plan them."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.migrations.acts import Act, changed_fields
from mover.migrations.checking import check_name
from mover.migrations.filter_box import parse_filter
from mover.migrations.queries import rows
from mover.migrations.queries.found import change, found
from mover.migrations.records import NewSchedule, Schedule
from mover.migrations.tables import migrations, schedules
from mover.migrations.timetable import check_timing, check_window, next_times

_c = schedules.c
_MOST = 200


class Schedules:
    """Needs READ, what changes something PLAN. The caller tells `Orchestration.put_schedule` / `remove_schedule`."""

    def __init__(
        self, database: Database, auditor: Auditor, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._auditor = auditor
        self._now_ns = now_ns

    async def create(self, actor: Actor, migration_id: str, new: NewSchedule) -> Schedule:
        """Add a schedule. Raises InvalidConfiguration."""
        actor.require(Permission.PLAN)
        values = self._values(new)
        now_ns, schedule_id = self._now_ns(), token_hex(16)

        def work(connection: Connection) -> Schedule:
            found(connection, migrations, "migration", actor.organisation_id, migration_id)
            count = connection.execute(
                select(func.count()).select_from(schedules).where(_c.migration_id == migration_id)
            ).scalar_one()
            if count >= _MOST:
                raise InvalidConfiguration(f"a migration has at most {_MOST} schedules")
            connection.execute(
                insert(schedules).values(
                    **values,
                    id=schedule_id,
                    organisation_id=actor.organisation_id,
                    migration_id=migration_id,
                    last_ns=None,
                    version=1,
                    created_ns=now_ns,
                    changed_ns=now_ns,
                )
            )
            made = _get(connection, actor, schedule_id)
            self._note(connection, actor, Act.SCHEDULE_CREATED, made)
            return made

        return await self._database.write(work)

    async def list(self, actor: Actor, migration_id: str | None = None) -> tuple[Schedule, ...]:
        """Those of a migration or of the organisation, by name."""
        actor.require(Permission.READ)

        def work(connection: Connection) -> tuple[Schedule, ...]:
            query = (
                select(schedules)
                .join(migrations, migrations.c.id == _c.migration_id)
                .where(_c.organisation_id == actor.organisation_id, migrations.c.removed_ns.is_(None))
            )
            if migration_id is not None:
                found(connection, migrations, "migration", actor.organisation_id, migration_id)
                query = query.where(_c.migration_id == migration_id)
            return tuple(
                rows.schedule_from(row)
                for row in connection.execute(query.order_by(func.lower(_c.name), _c.id))
            )

        return await self._database.read(work)

    async def get(self, actor: Actor, schedule_id: str) -> Schedule:
        """Find one."""
        actor.require(Permission.READ)
        return await self._database.read(lambda connection: _get(connection, actor, schedule_id))

    async def update(
        self, actor: Actor, schedule_id: str, new: NewSchedule, *, version: int | None
    ) -> Schedule:
        """Change it. Raises InvalidConfiguration, Overtaken."""
        actor.require(Permission.PLAN)
        values = self._values(new)

        def work(connection: Connection) -> Schedule:
            before = _get(connection, actor, schedule_id)
            statement = (
                update(schedules)
                .where(_c.id == schedule_id)
                .values(**values, version=_c.version + 1, changed_ns=self._now_ns())
            )
            change(connection, statement, "schedule", version)
            after = _get(connection, actor, schedule_id)
            if changed := changed_fields(NewSchedule, before, after):
                self._note(connection, actor, Act.SCHEDULE_CHANGED, after, changed=changed)
            return after

        return await self._database.write(work)

    async def delete(self, actor: Actor, schedule_id: str) -> None:
        """Remove it. Runs that it started go on."""
        actor.require(Permission.PLAN)

        def work(connection: Connection) -> None:
            self._note(connection, actor, Act.SCHEDULE_DELETED, _get(connection, actor, schedule_id))
            connection.execute(delete(schedules).where(_c.id == schedule_id))

        await self._database.write(work)

    def next_times(self, new: NewSchedule, count: int = 5) -> tuple[int, ...]:
        """When it would start pairs next. Raises InvalidConfiguration."""
        check_timing(new.timing)
        return tuple(next_times(new.timing, self._now_ns(), count))

    def _note(
        self, connection: Connection, actor: Actor, act: Act, schedule: Schedule, **details: str
    ) -> None:
        migration = connection.execute(
            select(migrations.c.name).where(migrations.c.id == schedule.migration_id)
        ).scalar_one()
        self._auditor.record(
            connection,
            actor,
            act,
            f"schedule {schedule.name}",
            {"migration": migration, **details},
            now_ns=self._now_ns(),
        )

    def _values(self, new: NewSchedule) -> dict[str, Any]:
        check_timing(new.timing)
        parse_filter(new.filter, now_ns=self._now_ns())
        if new.window is not None:
            check_window(new.window)
        if new.bytes_per_s is not None and not 1 <= new.bytes_per_s < 2**63:
            raise InvalidConfiguration("a limit is at least one byte per second")
        upcoming = next_times(new.timing, self._now_ns(), 1)
        if not upcoming and new.active:
            raise InvalidConfiguration("the schedule names no time to come")
        return {
            "name": check_name(new.name),
            "timing": rows.text_of(new.timing),
            "filter": new.filter,
            "mode": new.mode.value,
            "window": rows.text_of(new.window) if new.window else "",
            "bytes_per_s": new.bytes_per_s,
            "active": new.active,
            "next_ns": upcoming[0] if upcoming else None,
        }


def _get(connection: Connection, actor: Actor, schedule_id: str) -> Schedule:
    return rows.schedule_from(found(connection, schedules, "schedule", actor.organisation_id, schedule_id))
