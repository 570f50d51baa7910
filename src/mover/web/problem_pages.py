"""Problems as pages, in the same design; and, for parts of pages, as a word that a script says."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from mover.api.problems import HttpProblem
from mover.api.request_ids import request_id
from mover.web.forms import capitalised
from mover.web.visit import Visit, said_header

_TITLES = {
    HTTPStatus.FORBIDDEN: ("lock", "You may not do this"),
    HTTPStatus.NOT_FOUND: ("search", "There is nothing here"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("search", "There is nothing here"),
    HTTPStatus.CONFLICT: ("refresh-cw", "Things have changed meanwhile"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("file", "This is too much at once"),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("triangle-alert", "This cannot be done"),
    HTTPStatus.FAILED_DEPENDENCY: ("unplug", "The service did not play along"),
    HTTPStatus.TOO_MANY_REQUESTS: ("clock", "A little too fast"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("clock", "Not just now"),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("triangle-alert", "Mover made a mistake"),
}
_NOT_FOUND_ADVICE = (
    "It may have been deleted, or it never was here. Look at the address, or begin from the start page."
)
_CSRF_ADVICE = "The page was older than your session. Open it again, then do it once more."


async def show_problem(visit: Visit, problem: HttpProblem) -> Response:
    """Answer with a problem."""
    status = HTTPStatus(problem.status_code)
    icon_name, title = _TITLES.get(status, ("triangle-alert", "This did not work"))
    text, advice = capitalised(problem.detail), problem.advice
    match status, problem.reason:
        case ((HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED), _):
            text, advice = _NOT_FOUND_ADVICE, ""
        case HTTPStatus.FORBIDDEN, "csrf":
            title, text, advice = "Please do it once more", _CSRF_ADVICE, ""
        case HTTPStatus.INTERNAL_SERVER_ERROR, _:
            text, advice = (
                "Something failed that should not have. It is in the log of this Mover.",
                "Try again in a moment.",
            )
        case _:
            pass
    headers = {name: value for name, value in (problem.headers or {}).items() if name != "WWW-Authenticate"}
    if visit.is_part:
        return Response(status_code=status, headers=headers | said_header(f"{text} {advice}".strip()))
    shown_id = request_id() if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
    return visit.page(
        "error.html",
        status=status,
        headers=headers,
        title=title,
        text=text,
        advice=advice,
        icon_name=icon_name,
        request_id=shown_id,
    )
