"""Every error that leaves the API, as problem details (RFC 9457), made in this one place.

A problem says what happened (`detail`), why in a word for programs (`reason`), what to do (`advice`) and which request it
was (`request_id`, also in the log). It never holds a stack trace, and never what was given: the value may be a secret.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mover.database.failures import DatabaseTrouble, Held
from mover.errors import MoverError, Reason, Transient, advice_for, one_line
from mover.migrations.refusals import Overtaken

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_TYPES = "urn:mover:problem:"
_LONGEST_DETAIL = 1000
_MOST_ERRORS = 50


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong at one place of a request: `pointer` (RFC 6901) into the body, or the name of a parameter or header."""

    message: str
    pointer: str = ""
    parameter: str = ""
    header: str = ""


class HttpProblem(HTTPException):
    """A problem of the request itself, rather than of the thing it concerns.

    It is one of Starlette's exceptions since FastAPI lets only those pass while it reads a body.

    Args:
        status: The status of the answer.
        reason: A word for programs, in lower case with underscores.
        detail: What happened, one sentence without a final full stop.
        advice: What to do.
        headers: Further headers of the answer.
        errors: What is wrong where.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        advice: str = "",
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.reason = reason
        self.advice = advice
        self.errors = tuple(errors)


def problem_response(problem: HttpProblem, request_id: str) -> Response:
    """Make the answer for a problem."""
    status = HTTPStatus(problem.status_code)
    content: dict[str, Any] = {
        "type": _TYPES + problem.reason,
        "title": status.phrase,
        "status": status.value,
        "detail": one_line(problem.detail, limit=_LONGEST_DETAIL),
        "reason": problem.reason,
        "advice": problem.advice,
        "request_id": request_id,
    }
    if problem.errors:
        content["errors"] = problem.errors[:_MOST_ERRORS]
    return Response(
        msgspec.json.encode(content), status.value, dict(problem.headers or {}), media_type=MEDIA_TYPE
    )


def problem_of(error: MoverError) -> HttpProblem:
    """What an error of Mover's own rooms is to a client."""
    if isinstance(error, DatabaseTrouble) and not isinstance(error, Held):
        return _without_records(error)
    headers: dict[str, str] = {}
    status = _STATUS.get(error.reason, HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(
        error, Overtaken
    ):  # the version that If-Match named was changed between the look and the change
        status = HTTPStatus.PRECONDITION_FAILED
    if isinstance(error, Transient):
        status = _STATUS.get(error.reason, HTTPStatus.SERVICE_UNAVAILABLE)
        if error.retry_after_s is not None:
            headers["Retry-After"] = str(max(1, round(error.retry_after_s + 0.5)))
        elif status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            headers["Retry-After"] = "5"
    # The rooms of the service have classes of their own, whose advice is for people here; that of the others speaks of commands.
    plain = type(error).__module__ == MoverError.__module__
    advice = _ADVICE.get(error.reason, error.advice) if plain else error.advice
    return HttpProblem(status, error.reason.value, str(error), advice=advice, headers=headers)


def _without_records(error: DatabaseTrouble) -> HttpProblem:
    """503, in plain words: the error's own name hosts, users and files, which are the operator's business and go into the log."""
    _log.error("the database cannot be used: %s", error)
    return HttpProblem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "no_records",
        "Mover cannot get at its own records just now",
        advice="Try again in a moment. If it stays so, tell whoever runs this Mover; the log says why.",
        headers={"Retry-After": "5"},
    )


class ServiceRefused(Exception):
    """A connected service failed or refused: its errors must not look like Mover's own (a 401 would blame the API key)."""

    def __init__(self, error: MoverError) -> None:
        super().__init__(str(error))
        self.error = error


def problem_of_service(refused: ServiceRefused) -> HttpProblem:
    """What an error of a connected service is to a client: 424 unless the request itself was at fault."""
    error = refused.error
    status = _SERVICE_STATUS.get(error.reason, HTTPStatus.FAILED_DEPENDENCY)
    headers = {}
    if isinstance(error, Transient) and error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s + 0.5)))
    advice = error.advice
    if advice == advice_for(
        error.reason
    ):  # what an error says for itself, beyond its kind, is better than words for all
        advice = _SERVICE_ADVICE.get(error.reason, advice)
    return HttpProblem(status, error.reason.value, str(error), advice=advice, headers=headers)


def not_signed_in(
    detail: str, *, scheme: str | None, reason: str = "not_signed_in", advice: str
) -> HttpProblem:
    """401, with the challenge that RFC 9110 section 11.6.1 demands; browsers are not to open a password box, so none for them."""
    challenge = f'{scheme} realm="Mover"' if scheme else 'Session realm="Mover"'
    return HttpProblem(
        HTTPStatus.UNAUTHORIZED, reason, detail, advice=advice, headers={"WWW-Authenticate": challenge}
    )


def invalid(
    detail: str,
    errors: Sequence[FieldError] = (),
    *,
    advice: str = "Correct what is named and send it again.",
) -> HttpProblem:
    """422: understood, but it cannot be."""
    return HttpProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, advice=advice, errors=errors)


def of_validation(errors: Sequence[Mapping[str, Any]]) -> HttpProblem:
    """What pydantic found, without the values that it was given. A path that cannot be is a thing that is not there."""
    if any(error["loc"][:1] == ("path",) for error in errors):
        return HttpProblem(
            HTTPStatus.NOT_FOUND,
            Reason.GONE.value,
            "there is nothing at this address",
            advice="Check the id in the address.",
        )
    # Only those that are shown: a body of a megabyte can be wrong at a hundred thousand places.
    found = [_field_error(error) for error in errors[:_MOST_ERRORS]]
    return invalid("; ".join(_sentence(one) for one in found[:5]), found)


def unexpected() -> HttpProblem:
    """500: a defect of Mover. What it was stands in the log, at the request's id."""
    return HttpProblem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "unexpected",
        "Mover failed to answer this request",
        advice="Try again; if it stays, report it with the request id.",
    )


def of_http(error: HTTPException) -> HttpProblem:
    """What Starlette's own errors (404, 405 and the like) are."""
    if isinstance(error, HttpProblem):
        return error
    status = HTTPStatus(error.status_code)
    match status:
        case HTTPStatus.NOT_FOUND:
            reason, detail, advice = "gone", "there is nothing at this address", "Check the address."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            reason, detail = "method_not_allowed", "this address does not take that method"
            advice = "The Allow header names the methods that it takes."
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            reason, detail, advice = "too_large", "the body is too large", "Send it in several requests."
        case _:
            reason, detail = status.phrase.lower().replace(" ", "_"), status.phrase
            advice = "Check the request against the reference."
    return HttpProblem(status, reason, detail, advice=advice, headers=error.headers)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    where, *inner = error["loc"] or ("body",)
    message = one_line(str(error["msg"]).removeprefix("Value error, "), limit=300)
    names = [one_line(str(part), limit=80) for part in inner]
    match where:
        case "query":
            return FieldError(message, parameter=".".join(names))
        case "header" | "cookie":
            return FieldError(message, header=".".join(names))
        case _:
            escaped = [name.replace("~", "~0").replace("/", "~1") for name in names]
            return FieldError(message, pointer="".join(f"/{name}" for name in escaped))


def _sentence(error: FieldError) -> str:
    place = error.pointer or error.parameter or error.header
    return f"{place}: {error.message}" if place else error.message


_STATUS = {
    Reason.GONE: HTTPStatus.NOT_FOUND,
    Reason.CONFLICT: HTTPStatus.CONFLICT,
    Reason.LOCKED: HTTPStatus.SERVICE_UNAVAILABLE,
    Reason.CHANGED_WHILE_READ: HTTPStatus.PRECONDITION_FAILED,
    Reason.SIGN_IN_FAILED: HTTPStatus.UNAUTHORIZED,
    Reason.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    Reason.THROTTLED: HTTPStatus.TOO_MANY_REQUESTS,
    Reason.CONFIGURATION: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.NAME_REJECTED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.NAME_COLLISION: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.PATH_TOO_LONG: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.TOO_LARGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.UNSUPPORTED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.ADDRESS_REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.QUOTA: HTTPStatus.CONFLICT,
    Reason.PROTOCOL: HTTPStatus.FAILED_DEPENDENCY,  # an OpenID provider's, say; never Mover's own fault
}
_SERVICE_STATUS = {
    Reason.GONE: HTTPStatus.NOT_FOUND,
    Reason.CONFLICT: HTTPStatus.CONFLICT,
    Reason.CONFIGURATION: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.NAME_REJECTED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.PATH_TOO_LONG: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.ADDRESS_REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
}
_ADVICE = {
    Reason.GONE: "Check the id; it may have been deleted meanwhile.",
    Reason.CONFLICT: "Look at what is there, then decide whether to change it or to choose another name.",
    Reason.LOCKED: "Try again in a moment.",
    Reason.CHANGED_WHILE_READ: "Get it again, then repeat the change on what is there now.",
    Reason.SIGN_IN_FAILED: "Check the API key, or sign in again.",
    Reason.PERMISSION_DENIED: "Ask an administrator of the organisation for the permission that is named.",
    Reason.THROTTLED: "Wait as long as Retry-After says.",
    Reason.CONFIGURATION: "Correct what is named and send it again.",
}
_SERVICE_ADVICE = {
    Reason.SIGN_IN_FAILED: "Check user name and password, key or token at the service, then authorise the connection again.",
    Reason.THROTTLED: "The service limits calls. Try again later.",
    Reason.TIMED_OUT: "The service stopped answering. Try again later.",
    Reason.SERVICE_FAULT: "The service reported a fault of its own. Try again later.",
    Reason.GONE: "Check the path.",
    Reason.ADDRESS_REFUSED: "The address is private or reserved. The operator of this Mover can allow its network.",
    Reason.PERMISSION_DENIED: "Give the account at the service the right to do this.",
}
