"""What a server means when it does not do what was asked: problem details (RFC 9457), turned into Mover's own errors."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mover.errors import (
    MoverError,
    NotFound,
    Reason,
    ServiceFault,
    SignInFailed,
    Terminal,
    Throttled,
    Transient,
    one_line,
)
from mover.transport.status import error_from_status, parse_retry_after

_PROBLEM = "application/problem+json"
_LONGEST = 500
_UNAUTHORIZED, _NOT_FOUND, _CONFLICT, _TOO_MANY = 401, 404, 409, 429
_UNDER_WAY = "under_way"  # the reason of a 409 to the repetition of a request that is not over
_AGAIN = (502, 503, 504)


class Refused(Terminal):
    """The server understood, and does not do it; in its own words."""


class Problem(msgspec.Struct):
    """The parts of a problem that people are shown."""

    detail: str = ""
    title: str = ""
    reason: str = ""
    advice: str = ""
    request_id: str = ""


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, host: str) -> MoverError:
    """Make the error for an answer that is none of the expected ones. All that is in it is from outside."""
    problem = _read(headers, body)
    if problem is None:
        found = error_from_status(status, headers=headers, service=host)
        if status == _NOT_FOUND:
            found.advice = "Check that --server is the address of a Mover."
        return found
    message = one_line(problem.detail or problem.title, limit=_LONGEST) or f"HTTP {status}"
    kind = _kind(status, problem)
    if issubclass(kind, Transient):
        error: MoverError = kind(message, retry_after_s=parse_retry_after(headers.get("Retry-After")))
    else:
        error = kind(message)
    error.service = host
    error.advice = one_line(problem.advice, limit=_LONGEST) or error.advice
    if problem.reason in set(Reason):
        error.reason = Reason(problem.reason)
    if status >= 500 and problem.request_id:  # noqa: PLR2004 - a fault of the server
        error.said = one_line(f"request {problem.request_id}", limit=80)
    return error


def _kind(status: int, problem: Problem) -> type[MoverError]:
    if status == _CONFLICT and problem.reason == _UNDER_WAY:
        return StillUnderWay
    if status == _UNAUTHORIZED:
        return SignInFailed
    if status == _NOT_FOUND:
        return NotThere
    if status == _TOO_MANY:
        return Throttled
    if status in _AGAIN:
        return ServiceFault
    return Refused


class StillUnderWay(Transient):
    """The server is busy with the first try of the same request, or was cut off in it and does not know that yet."""

    reason = Reason.LOCKED
    advice = "Look at what it did, then decide whether to do it again."


class NotThere(Refused):
    """The server has no such thing, or the key may not see it."""

    reason = NotFound.reason

    def __init__(self, message: str, advice: str = NotFound.advice) -> None:
        super().__init__(message)
        self.advice = advice


def _read(headers: Mapping[str, str], body: bytes) -> Problem | None:
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != _PROBLEM:
        return None
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
