"""Schedules: when pairs are started by themselves."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import MOST_NS, Answer, Body, Flag, Id, Moment, Whole, moment
from mover.api.operations import Resource
from mover.api.resources.options import Filter, Window
from mover.ledger.states import RunMode
from mover.migrations import records, timetable
from mover.migrations.timetable import Every

resource = Resource("Schedules", "When pairs are started by themselves.")

Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Every night"])]


class Timing(Body):
    """When. The fields that belong to `every` count."""

    every: Every
    zone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"])] = "UTC"
    at: Annotated[str, Field(max_length=32, examples=["18:00"])] = Field(
        "", description="Local time: `2026-01-31T18:00` for once, `18:00` for daily, weekly and monthly."
    )
    minute: Annotated[Whole, Field(ge=0, le=59)] = Field(0, description="Of the hour; for hourly.")
    weekdays: Annotated[list[Annotated[Whole, Field(ge=1, le=7)]], Field(max_length=7)] = Field(
        default_factory=list, description="1 is Monday; for weekly."
    )
    day: Annotated[Whole, Field(ge=1, le=31)] = Field(
        1, description="Of the month; a shorter month's last day stands for those it does not have."
    )
    cron: Annotated[str, Field(max_length=200, examples=["30 2 * * 1-5"])] = ""

    @classmethod
    def of(cls, record: timetable.Timing) -> Self:
        """Show a record."""
        shown = {name: getattr(record, name) for name in cls.model_fields}
        return cls(**shown | {"weekdays": list(record.weekdays)})

    def record(self) -> timetable.Timing:
        """What the domain takes."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return timetable.Timing(**given | {"weekdays": tuple(self.weekdays)})


class Schedule(Answer):
    """A schedule."""

    id: str
    migration_id: str
    name: str
    timing: Timing
    filter: str = Field(description="Chooses pairs; empty: all.")
    mode: RunMode
    window: Window | None
    bytes_per_s: int | None
    active: bool
    next_at: Moment | None = Field(description="When it starts pairs next; null: never again.")
    last_at: Moment | None
    version: int
    created_at: Moment
    changed_at: Moment


class ScheduleList(Answer):
    """Schedules by name."""

    items: list[Schedule]


class NewSchedule(Body):
    """What is decided about a schedule."""

    name: Name
    timing: Timing
    filter: Filter = ""
    mode: RunMode = RunMode.COPY
    window: Window | None = None
    bytes_per_s: Annotated[Whole, Field(ge=1, le=MOST_NS)] | None = None
    active: Flag = True

    def record(self) -> records.NewSchedule:
        """What the domain takes."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        window = self.window.record() if self.window else None
        return records.NewSchedule(**given | {"timing": self.timing.record(), "window": window})


class NextTimes(Answer):
    """When a schedule would start pairs."""

    times: list[Moment]


@resource.get("/schedules", Permission.READ)
async def list_schedules(call: Calling) -> ScheduleList:
    """List all schedules by name."""
    return ScheduleList(items=[_shown(found) for found in await call.services.schedules.list(call.actor)])


@resource.get("/migrations/{migration_id}/schedules", Permission.READ)
async def list_schedules_of_migration(call: Calling, migration_id: Id) -> ScheduleList:
    """List the schedules of a migration by name."""
    await call.services.migrations.get(call.actor, migration_id)
    found = await call.services.schedules.list(call.actor, migration_id)
    return ScheduleList(items=[_shown(schedule) for schedule in found])


@resource.post("/migrations/{migration_id}/schedules", Permission.PLAN)
async def create_schedule(call: Calling, migration_id: Id, new: NewSchedule) -> Schedule:
    """Make a schedule."""
    made = await call.services.schedules.create(call.actor, migration_id, new.record())
    await call.services.nudging.put_schedule(made)
    call.made(f"/schedules/{made.id}")
    call.shows(made.version)
    return _shown(made)


@resource.post("/schedule-previews", Permission.PLAN, status=200)
async def preview_schedule(call: Calling, timing: Timing) -> NextTimes:
    """Tell when a schedule would start pairs next."""
    new = records.NewSchedule(name="preview", timing=timing.record())
    return NextTimes(times=[moment(ns) for ns in call.services.schedules.next_times(new)])


@resource.get("/schedules/{schedule_id}", Permission.READ)
async def get_schedule(call: Calling, schedule_id: Id) -> Schedule:
    """Tell about a schedule."""
    schedule = await call.services.schedules.get(call.actor, schedule_id)
    call.shows(schedule.version)
    return _shown(schedule)


@resource.put("/schedules/{schedule_id}", Permission.PLAN, conditional=True)
async def update_schedule(call: Calling, schedule_id: Id, new: NewSchedule) -> Schedule:
    """Change a schedule."""
    before = await call.services.schedules.get(call.actor, schedule_id)
    version = call.check_version(before.version)
    changed = await call.services.schedules.update(call.actor, schedule_id, new.record(), version=version)
    await call.services.nudging.put_schedule(changed)
    call.shows(changed.version)
    return _shown(changed)


@resource.delete("/schedules/{schedule_id}", Permission.PLAN, conditional=True)
async def delete_schedule(call: Calling, schedule_id: Id) -> None:
    """Remove a schedule. Runs that it started go on."""
    before = await call.services.schedules.get(call.actor, schedule_id)
    call.check_version(before.version)
    await call.services.schedules.delete(call.actor, schedule_id)
    await call.services.nudging.remove_schedule(schedule_id)


def _shown(schedule: records.Schedule) -> Schedule:
    return Schedule.of(schedule, timing=Timing.of(schedule.timing), window=Window.of(schedule.window))
