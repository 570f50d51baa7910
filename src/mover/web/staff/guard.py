"""What happens around every page of the staff: who it is, what comes first, what was approved; and the look is kept.

It is the only way to a page of theirs, and what it keeps follows from the declaration of the way: a page cannot forget it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mover.accounts.refusals import NoSuchThing
from mover.api.problems import HttpProblem
from mover.api.services import services_of
from mover.errors import SignInFailed
from mover.staff.exceptions import Target
from mover.staff.looks import Look
from mover.staff.records import StaffSignedIn
from mover.staff.requests import NotApproved
from mover.web.guard import answered, presented_token, sent
from mover.web.house import House
from mover.web.staff.cookies import clear_staff, staff_token
from mover.web.staff.routes.sign_in import STEPS
from mover.web.staff.typed import number_of
from mover.web.staff.visit import StaffVisit
from mover.web.staff.ways import Reach, StaffWay


class StaffRoute(Route):
    """A page of the staff, mounted. `way` can be read from the route table; tests walk it."""

    def __init__(self, way: StaffWay, house: House) -> None:
        self.way = way
        name = f"staff_{way.method.lower()}_{way.answer.__name__}"
        super().__init__(
            way.path, _endpoint(way, house), methods=[way.method], name=name, include_in_schema=False
        )


def _endpoint(way: StaffWay, shared: House) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        house = replace(shared, services=services_of(request))
        visit = StaffVisit(house, request, None, look=way.look)
        return await answered(visit, way.method, way.path, lambda: _answer(way, visit))

    return endpoint


async def _answer(way: StaffWay, visit: StaffVisit) -> Response:
    visit.staff = await _session(visit.house, visit.request)
    if visit.staff is None and way.reach is not Reach.ANYBODY:
        return _ask_to_sign_in(visit)  # before anything is read of what they send
    visit.data = await sent(way.method, way.largest_body, visit.request)
    try:
        refusal = await _admit(way, visit)
        return refusal if refusal is not None else await way.answer(visit)
    except NotApproved as error:
        return _not_approved(visit, error)


async def _session(house: House, request: Request) -> StaffSignedIn | None:
    token = staff_token(request)
    if token is None:
        return None
    try:
        return await house.services.staff.sessions.find(token)
    except SignInFailed:
        return None


def _ask_to_sign_in(visit: StaffVisit) -> Response:
    response = visit.go("/staff/sign-in")
    if staff_token(visit.request) is not None:
        clear_staff(response)
    return response


async def _admit(way: StaffWay, visit: StaffVisit) -> Response | None:
    """None if the visit may go on. Raises HttpProblem (403), PermissionDenied, NotFound."""
    staff = visit.staff
    if staff is None:
        return None  # the page is open to anybody
    if way.method != "GET":
        presented = presented_token(visit)
        if not presented or not staff.csrf_matches(presented):
            if way.reach is Reach.ANYBODY:  # a form from before the sign-in, in another tab
                visit.staff = None
                return None
            raise HttpProblem(
                403, "csrf", "the form was not made for this session", advice="Load the page again."
            )
    if way.reach is Reach.STAFF and staff.step is not None:
        return visit.go(STEPS[staff.step])
    await _keep(way, visit)
    return None


async def _keep(way: StaffWay, visit: StaffVisit) -> None:
    """Keep the look that is about to be taken; with an exception, only if one stands."""
    staff = visit.services_of_staff
    match way.look:
        case Look.NONE:
            pass
        case Look.INSTALLATION:
            await staff.looks.keep(visit.member, way.what, None)
        case Look.ORGANISATION:
            page = visit.request.url.path
            await staff.looks.keep(visit.member, way.what, visit.organisation_id, page=page)
        case Look.EXCEPTION:
            visit.acting = await staff.exceptions.use(
                visit.member, visit.organisation_id, _target(visit), way.what
            )


def _target(visit: StaffVisit) -> Target:
    given = visit.request.path_params
    pair_id = number_of(given["pair_id"]) if "pair_id" in given else None
    if "pair_id" in given and pair_id is None:
        raise NoSuchThing("there is no such pair in this organisation")
    return Target(
        migration_id=given.get("migration_id"),
        pair_id=pair_id,
        connection_id=given.get("connection_id"),
        person_id=given.get("person_id"),
    )


def _not_approved(visit: StaffVisit, error: NotApproved) -> Response:
    """403, with the way to ask."""
    given = visit.request.path_params
    wanted = next(
        (
            f"{name.removesuffix('_id')}={given[name]}"
            for name in ("pair_id", "connection_id", "person_id")
            if name in given
        ),
        "",
    )
    ask = f"/staff/organisations/{given['organisation_id']}/ask" + (f"?{wanted}" if wanted else "")
    return visit.page("staff/not_approved.html", status=403, said=str(error), ask=ask)
