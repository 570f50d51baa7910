"""What happens around every page: who it is, may they, is the form the page's own; and how it is shown when something fails."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mover.accounts.actor import Permission
from mover.accounts.records import SignedIn
from mover.api.admission import asks_for_stream, check_csrf, check_same_origin
from mover.api.body_limit import too_large
from mover.api.cookies import session_token
from mover.api.operations import Open
from mover.api.problems import (
    HttpProblem,
    ServiceRefused,
    invalid,
    problem_of,
    problem_of_service,
    unexpected,
)
from mover.api.services import services_of
from mover.api.unexpected import log_defect
from mover.errors import MoverError, SignInFailed
from mover.web.frame import CSRF_FIELD
from mover.web.house import House
from mover.web.problem_pages import show_problem
from mover.web.routes.sign_in import ask_to_sign_in
from mover.web.visit import Visit
from mover.web.ways import Way

_MOST_FIELDS = 2000


class PageRoute(Route):
    """A page, mounted. `way` can be read from the route table; tests walk it."""

    def __init__(self, way: Way, house: House) -> None:
        self.way = way
        name = f"{way.method.lower()}_{way.answer.__name__}"
        super().__init__(
            way.path, _endpoint(way, house), methods=[way.method], name=name, include_in_schema=False
        )


def _endpoint(way: Way, shared: House) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        visit = Visit(replace(shared, services=services_of(request)), request, None)
        return await answered(visit, way.method, way.path, lambda: _answer(way, visit))

    return endpoint


async def answered(
    visit: Visit, method: str, path: str, answer: Callable[[], Awaitable[Response]]
) -> Response:
    """Answer a visit of a page, whatever fails; `method` and `path` are those of its declaration."""
    try:
        _refuse_nul(visit.request)
        if method != "GET":
            check_same_origin(visit.request, visit.house.services.site.origin)
        return await answer()
    except HttpProblem as problem:
        return await show_problem(visit, problem)
    except ServiceRefused as refused:
        return await show_problem(visit, problem_of_service(refused))
    except MoverError as error:
        return await show_problem(visit, problem_of(error))
    except Exception as error:  # noqa: BLE001 - a defect: logged, and shown as such without details
        log_defect(error, f"{method} {path}")
        return await show_problem(visit, unexpected())
    finally:
        await visit.data.close()


async def _answer(way: Way, visit: Visit) -> Response:
    visit.signed_in = await find_session(visit.house, visit.request)
    if visit.signed_in is None and way.need is not Open.ANYBODY:
        return ask_to_sign_in(visit)  # before anything is read of what they send
    visit.data = await sent(way.method, way.largest_body, visit.request)
    refusal = await _admit(way, visit)
    return refusal if refusal is not None else await way.answer(visit)


async def find_session(house: House, request: Request) -> SignedIn | None:
    """Who it is; None for nobody."""
    token = session_token(request)
    if token is None:
        return None
    try:
        return await house.services.sessions.find(token, used=not asks_for_stream(request))
    except SignInFailed:
        return None


async def _admit(way: Way, visit: Visit) -> Response | None:
    """None if the visit may go on. Raises HttpProblem (403) and PermissionDenied."""
    signed_in = visit.signed_in
    if signed_in is None:
        return None  # the page is open to anybody
    if way.method != "GET":
        presented = presented_token(visit)
        if way.need is Open.ANYBODY and not signed_in.csrf_matches(presented):
            # A form from before the sign-in (in another tab): it is what it was, of nobody.
            visit.signed_in = None
            return None
        check_csrf(visit.request, signed_in, presented)
    if signed_in.requirement is not None:
        return None if isinstance(way.need, Open) else visit.go("/profile")
    if isinstance(way.need, Permission):
        signed_in.actor.require(way.need)
    if Permission.READ in signed_in.actor.permissions:
        visit.organisation_name = (await visit.house.services.organisations.get(signed_in.actor)).name
    return None


def presented_token(visit: Visit) -> str:
    """The CSRF token that came with a form, or in the header of a script; empty if none did."""
    return visit.text(CSRF_FIELD) or visit.request.headers.get("x-csrf-token", "")


async def sent(method: str, largest_body: int, request: Request) -> FormData:
    """What was sent along: a posted form of at most so many bytes, else nothing. Raises HttpProblem (400, 413, 422)."""
    if method != "POST":
        return FormData()
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > largest_body:
        raise too_large(largest_body)
    limited = _FormRequest(request, largest_body)
    try:
        form = await limited.form(max_fields=_MOST_FIELDS, max_files=4, max_part_size=largest_body)
    except HttpProblem:
        raise
    except HTTPException:
        if limited.exceeded:
            raise too_large(largest_body) from None
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST,
            "bad_form",
            "the form cannot be read, or has too many fields",
            advice="Load the page again, and send it once more.",
        ) from None
    if any("\0" in name or (isinstance(value, str) and "\0" in value) for name, value in form.multi_items()):
        raise _nul()
    return form


class _FormRequest(Request):
    """A request whose form is not larger than it may be, also if its length was not announced (or not rightly)."""

    def __init__(self, request: Request, limit: int) -> None:
        super().__init__(request.scope, request.receive)
        self._limit = limit
        self.exceeded = False

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body. Raises MultiPartException, at which the parser throws away what it has written to disk."""
        come = 0
        async for piece in super().stream():
            come += len(piece)
            if come > self._limit:
                self.exceeded = True
                raise MultiPartException("too large")
            yield piece


def _refuse_nul(request: Request) -> None:
    """Refuse an address with a character that no text can have. Raises HttpProblem (422)."""
    values = [*request.query_params.values(), *map(str, request.path_params.values())]
    if any("\0" in value for value in values):
        raise _nul()


def _nul() -> HttpProblem:
    return invalid("the request holds a character that no text can have", advice="Type it again.")
