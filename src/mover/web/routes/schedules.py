"""Schedules: when pairs are started by themselves."""

from __future__ import annotations

from typing import assert_never

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.errors import InvalidConfiguration
from mover.ledger.states import RunMode
from mover.migrations.records import NewSchedule, Schedule
from mover.migrations.refusals import FilterMistake, Overtaken
from mover.migrations.timetable import Every, Timing, Window
from mover.transfer.bandwidth import parse_rate
from mover.web.forms import Form, sentence
from mover.web.routes.pair import number
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "schedules"
_FIELDS = (
    "migration",
    "name",
    "every",
    "zone",
    "at_date",
    "at_time",
    "minute",
    "day",
    "cron",
    "filter",
    "mode",
    "window_start",
    "window_end",
    "bandwidth",
    "active",
    "version",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def schedules(visit: Visit) -> Response:
    """List them."""
    services = visit.house.services
    migrations = await services.migrations.list(visit.actor, limit=500)
    return visit.page(
        "schedules.html",
        place=_PLACE,
        schedules=await services.schedules.list(visit.actor),
        names={one.id: one.name for one in migrations.items},
        spelled=spelled,
        any_migration=bool(migrations.items),
    )


def spelled(timing: Timing) -> str:
    """When, in words."""
    match timing.every:
        case Every.ONCE:
            when = f"Once, {timing.at.replace('T', ' at ')}"
        case Every.HOURLY:
            when = f"Every hour, {timing.minute} minutes past"
        case Every.DAILY:
            when = f"Every day at {timing.at}"
        case Every.WEEKLY:
            days = ", ".join(DAYS[day - 1] for day in timing.weekdays)
            when = f"{days} at {timing.at}"
        case Every.MONTHLY:
            when = f"On day {timing.day} of the month at {timing.at}"
        case Every.CRON:
            when = timing.cron
        case _:  # pragma: no cover - the type checker sees that there is none
            assert_never(timing.every)
    return f"{when} ({timing.zone})"


async def new_schedule(visit: Visit) -> Response:
    """Ask when."""
    form = Form(
        {
            "migration": visit.query("migration"),
            "every": Every.DAILY.value,
            "zone": "UTC",
            "at_time": "20:00",
            "mode": RunMode.COPY.value,
            "active": "yes",
        }
    )
    return await _form(visit, form, None)


async def _form(visit: Visit, form: Form, schedule: Schedule | None, days: tuple[int, ...] = ()) -> Response:
    migrations = await visit.house.services.migrations.list(visit.actor, limit=500)
    show = visit.again if form.faults else visit.page
    return show(
        "schedule.html",
        place=_PLACE,
        form=form,
        schedule=schedule,
        migrations=[(one.id, one.name) for one in migrations.items],
        days=list(enumerate(DAYS, 1)),
        chosen_days=days,
    )


async def create(visit: Visit) -> Response:
    """Add a schedule."""
    form = visit.filled_in(*_FIELDS)
    days = _days(visit)
    form.require(name="Give the schedule a name.", migration="Choose a migration.")
    new = _read(form, days)
    if new is None:
        return await _form(visit, form, None, days)
    try:
        made = await visit.house.services.schedules.create(visit.actor, form.values["migration"], new)
    except InvalidConfiguration as error:
        _blame(form, error)
        return await _form(visit, form, None, days)
    await visit.house.services.nudging.put_schedule(made)
    return visit.go("/schedules", f"{made.name} is set.")


async def schedule(visit: Visit) -> Response:
    """Show a schedule."""
    found = await visit.house.services.schedules.get(visit.actor, visit.parameter("schedule_id"))
    timing, window = found.timing, found.window
    date, _, at = timing.at.rpartition("T")
    form = Form(
        {
            "migration": found.migration_id,
            "name": found.name,
            "every": timing.every.value,
            "zone": timing.zone,
            "at_date": date,
            "at_time": at,
            "minute": str(timing.minute),
            "day": str(timing.day),
            "cron": timing.cron,
            "filter": found.filter,
            "mode": found.mode.value,
            "window_start": window.start if window else "",
            "window_end": window.end if window else "",
            "bandwidth": str(found.bytes_per_s or ""),
            "active": "yes" if found.active else "",
            "version": str(found.version),
        }
    )
    return await _form(visit, form, found, timing.weekdays)


async def change(visit: Visit) -> Response:
    """Change a schedule."""
    services = visit.house.services
    found = await services.schedules.get(visit.actor, visit.parameter("schedule_id"))
    form = visit.filled_in(*_FIELDS)
    days = _days(visit)
    form.require(name="Give the schedule a name.")
    new = _read(form, days)
    if new is None:
        return await _form(visit, form, found, days)
    try:
        version = number(form.values["version"]) or found.version
        changed = await services.schedules.update(visit.actor, found.id, new, version=version)
    except Overtaken as error:
        form.faults[""] = f"{sentence(error)} Load the page again to see what is there now."
        return await _form(visit, form, found, days)
    except InvalidConfiguration as error:
        _blame(form, error)
        return await _form(visit, form, found, days)
    await visit.house.services.nudging.put_schedule(changed)
    return visit.go("/schedules", f"{changed.name} is changed.")


async def delete(visit: Visit) -> Response:
    """Remove a schedule; runs that it started go on."""
    services = visit.house.services
    found = await services.schedules.get(visit.actor, visit.parameter("schedule_id"))
    await services.schedules.delete(visit.actor, found.id)
    await visit.house.services.nudging.remove_schedule(found.id)
    return visit.go("/schedules", f"{found.name} is deleted.")


def _days(visit: Visit) -> tuple[int, ...]:
    return tuple(sorted({int(day) for day in visit.texts("weekday") if day in set("1234567")}))


def _read(form: Form, days: tuple[int, ...]) -> NewSchedule | None:
    values = {name: text.strip() for name, text in form.values.items()}
    every = Every(values["every"]) if values["every"] in set(Every) else Every.DAILY
    zone = values["zone"] or "UTC"
    at = f"{values['at_date']}T{values['at_time']}" if every is Every.ONCE else values["at_time"]
    rate = None
    if values["bandwidth"]:
        try:
            rate = parse_rate(values["bandwidth"])
        except InvalidConfiguration as error:
            form.faults["bandwidth"] = f"Speed limit: {error.message}."
    for name, what in (("minute", "Minute"), ("day", "Day of the month")):
        if values[name] and not (values[name].isdecimal() and len(values[name]) < 3):  # noqa: PLR2004 - 59 or 31
            form.faults[name] = f"{what}: type a number."
    if form.faults:
        return None
    window = None
    if values["window_start"] or values["window_end"]:
        window = Window(start=values["window_start"], end=values["window_end"], zone=zone)
    return NewSchedule(
        name=values["name"],
        timing=Timing(
            every=every,
            zone=zone,
            at=at,
            minute=int(values["minute"] or 0),
            weekdays=days,
            day=int(values["day"] or 1),
            cron=values["cron"],
        ),
        filter=values["filter"],
        mode=RunMode.SCAN if values["mode"] == RunMode.SCAN else RunMode.COPY,
        window=window,
        bytes_per_s=rate,
        active=values["active"] == "yes",
    )


def _blame(form: Form, error: InvalidConfiguration) -> None:
    if isinstance(error, FilterMistake):
        form.faults["filter"] = sentence(error)
        return
    form.blame(
        error,
        fields={
            "time zone": "zone",
            "time of the day": "at_time",
            "date with time": "at_date",
            "cron": "cron",
            "minute": "minute",
            "day of the month": "day",
            "days of the week": "weekday",
            "name": "name",
        },
    )


WAYS = (
    Way("GET", "/schedules", Permission.READ, schedules),
    Way("GET", "/schedules/new", Permission.PLAN, new_schedule),
    Way("POST", "/schedules/new", Permission.PLAN, create),
    Way("GET", "/schedules/{schedule_id}", Permission.PLAN, schedule),
    Way("POST", "/schedules/{schedule_id}", Permission.PLAN, change),
    Way("POST", "/schedules/{schedule_id}/delete", Permission.PLAN, delete),
)
