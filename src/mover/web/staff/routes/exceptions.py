"""What an approved exception opens: configuration, maps and messages, and holding or ending the runs of a pair."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from mover.accounts.actor import Actor
from mover.migrations.selection import Selection
from mover.staff.looks import Look
from mover.web.staff.routes.organisations import meaning
from mover.web.staff.typed import number_of
from mover.web.staff.visit import StaffVisit
from mover.web.staff.ways import Reach, StaffHandler, StaffWay

_PLACE = "staff-organisations"


async def migration_in_full(visit: StaffVisit) -> Response:
    """Show options, note, maps and schedules of a migration."""
    return visit.page(
        "staff/migration_full.html",
        place=_PLACE,
        full=await visit.full.migration(visit.excepted, visit.parameter("migration_id")),
        organisation_id=visit.organisation_id,
    )


async def pair_in_full(visit: StaffVisit) -> Response:
    """Show options, notes and messages of a pair."""
    return visit.page(
        "staff/pair_full.html",
        place=_PLACE,
        full=await visit.full.pair(visit.excepted, _pair_id(visit)),
        organisation_id=visit.organisation_id,
        meaning=meaning,
    )


async def connection_in_full(visit: StaffVisit) -> Response:
    """Show what was filled in for a connection and is not secret."""
    return visit.page(
        "staff/connection_full.html",
        place=_PLACE,
        full=await visit.full.connection(visit.excepted, visit.parameter("connection_id")),
        organisation_id=visit.organisation_id,
    )


async def person_in_full(visit: StaffVisit) -> Response:
    """Show how a person signs in."""
    return visit.page(
        "staff/person_full.html",
        place=_PLACE,
        full=await visit.full.person(visit.excepted, visit.parameter("person_id")),
        organisation_id=visit.organisation_id,
    )


async def pause(visit: StaffVisit) -> Response:
    """Hold the runs of a pair."""
    return await _steer(visit, visit.house.services.runs.pause, "is going to pause")


async def resume(visit: StaffVisit) -> Response:
    """Let the runs of a pair go on."""
    return await _steer(visit, visit.house.services.runs.resume, "goes on")


async def cancel(visit: StaffVisit) -> Response:
    """End the runs of a pair."""
    return await _steer(visit, visit.house.services.runs.cancel, "is going to end")


async def _steer(visit: StaffVisit, act: Callable[[Actor, Selection], Awaitable[int]], done: str) -> Response:
    pair_id = _pair_id(visit)
    pair = (await visit.views.pair(visit.organisation_id, pair_id)).pair
    changed = await act(visit.excepted, Selection.these(pair.migration_id, pair_id))
    await visit.house.nudge(visit.excepted)
    where = f"/staff/organisations/{visit.organisation_id}/pairs/{pair_id}"
    if not changed:
        return visit.go(where, "Nothing was changed: the pair has no run that this fits.", tone="bad")
    return visit.go(where, f"The run of this pair {done}.")


def _pair_id(visit: StaffVisit) -> int:
    return number_of(visit.parameter("pair_id")) or 0


_ONE = "/staff/organisations/{organisation_id}"
_PAIR = f"{_ONE}/pairs/{{pair_id}}"


def _with_exception(method: str, path: str, answer: StaffHandler, what: str) -> StaffWay:
    return StaffWay(method, path, Reach.STAFF, Look.EXCEPTION, answer, what)


WAYS = (
    _with_exception(
        "GET", f"{_ONE}/migrations/{{migration_id}}/full", migration_in_full, "migration in full"
    ),
    _with_exception("GET", f"{_PAIR}/full", pair_in_full, "pair in full"),
    _with_exception(
        "GET", f"{_ONE}/connections/{{connection_id}}/full", connection_in_full, "connection in full"
    ),
    _with_exception("GET", f"{_ONE}/people/{{person_id}}/full", person_in_full, "person in full"),
    _with_exception("POST", f"{_PAIR}/pause", pause, "pause"),
    _with_exception("POST", f"{_PAIR}/resume", resume, "resume"),
    _with_exception("POST", f"{_PAIR}/cancel", cancel, "cancel"),
)
