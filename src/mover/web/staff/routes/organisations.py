"""Organisations as the staff see them: names, paths, sizes, states."""

from __future__ import annotations

from starlette.responses import Response

from mover.migrations.states import MEANINGS, run_code
from mover.staff.looks import Look
from mover.web.staff.typed import number_of
from mover.web.staff.visit import StaffVisit
from mover.web.staff.ways import Reach, StaffWay

_PLACE = "staff-organisations"


async def organisations(visit: StaffVisit) -> Response:
    """List all of them."""
    return visit.page(
        "staff/organisations.html", place=_PLACE, organisations=await visit.views.organisations()
    )


async def organisation(visit: StaffVisit) -> Response:
    """Show one: people, connections, migrations."""
    view = await visit.views.organisation(visit.organisation_id)
    return visit.page(
        "staff/organisation.html",
        place=_PLACE,
        view=view,
        connections={one.id: one for one in view.connections},
    )


async def migration(visit: StaffVisit) -> Response:
    """Show a migration with its pairs."""
    view = await visit.views.migration(
        visit.organisation_id, visit.parameter("migration_id"), after_id=number_of(visit.query("after")) or 0
    )
    return visit.page(
        "staff/migration.html",
        place=_PLACE,
        view=view,
        organisation=await visit.views.organisation_name(visit.organisation_id),
        organisation_id=visit.organisation_id,
        first=not visit.query("after"),
        meaning=meaning,
    )


async def pair(visit: StaffVisit) -> Response:
    """Show a pair with its runs and the items of one of them."""
    problems_only = visit.query("items") == "problems"
    view = await visit.views.pair(
        visit.organisation_id,
        number_of(visit.parameter("pair_id")) or 0,
        run_id=number_of(visit.query("run")),
        problems_only=problems_only,
        after_id=number_of(visit.query("after")) or 0,
    )
    return visit.page(
        "staff/pair.html",
        place=_PLACE,
        view=view,
        organisation=await visit.views.organisation_name(visit.organisation_id),
        organisation_id=visit.organisation_id,
        problems_only=problems_only,
        first=not visit.query("after"),
        meaning=meaning,
    )


async def audit(visit: StaffVisit) -> Response:
    """Show an organisation's audit log, the looks of the staff among it."""
    return visit.page(
        "staff/audit.html",
        place=_PLACE,
        title=f"Audit log of {await visit.views.organisation_name(visit.organisation_id)}",
        here=f"/staff/organisations/{visit.organisation_id}/audit",
        page=await visit.views.events(visit.organisation_id, before=number_of(visit.query("before"))),
        first=not visit.query("before"),
        organisation_id=visit.organisation_id,
    )


async def staff_audit(visit: StaffVisit) -> Response:
    """Show what the staff did anywhere."""
    return visit.page(
        "staff/audit.html",
        place="staff-audit",
        title="Staff log",
        here="/staff/audit",
        page=await visit.views.events(None, before=number_of(visit.query("before"))),
        first=not visit.query("before"),
        organisation_id="",
    )


def meaning(code: int) -> str:
    """What a code means, in words."""
    return MEANINGS[run_code(code)]


_ONE = "/staff/organisations/{organisation_id}"

WAYS = (
    StaffWay("GET", "/staff", Reach.STAFF, Look.INSTALLATION, organisations, "list of organisations"),
    StaffWay("GET", "/staff/audit", Reach.STAFF, Look.INSTALLATION, staff_audit, "staff log"),
    StaffWay("GET", _ONE, Reach.STAFF, Look.ORGANISATION, organisation, "organisation"),
    StaffWay("GET", f"{_ONE}/audit", Reach.STAFF, Look.ORGANISATION, audit, "audit log"),
    StaffWay(
        "GET", f"{_ONE}/migrations/{{migration_id}}", Reach.STAFF, Look.ORGANISATION, migration, "migration"
    ),
    StaffWay("GET", f"{_ONE}/pairs/{{pair_id}}", Reach.STAFF, Look.ORGANISATION, pair, "pair"),
)
