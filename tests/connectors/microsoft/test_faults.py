"""What refusals mean, whatever their form."""

from __future__ import annotations

import json

import pytest

from mover.connectors.microsoft.faults import error_of
from mover.errors import (
    Changed,
    Conflict,
    Locked,
    MalwareFlagged,
    MoverError,
    NameRejected,
    NotFound,
    PathTooLong,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Throttled,
    Transient,
    UserNotFound,
)


def _error(
    status: int, code: str = "", *inner: str, headers: dict[str, str] | None = None, message: str = "because"
) -> MoverError:
    nested: dict[str, object] = {}
    for one in reversed(inner):
        nested = {"code": one, "innerError": nested}
    body = json.dumps({"error": {"code": code, "message": message, "innerError": nested}}).encode()
    return error_of(status, headers or {}, body, service="onedrive", operation="upload", path="/x")


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        (404, ("itemNotFound",), NotFound),
        (404, ("ResourceNotFound",), UserNotFound),
        (410, ("resyncRequired", "resyncChangesApplyDifferences"), NotFound),
        (410, ("resyncChangesUploadDifferences",), NotFound),
        (409, ("nameAlreadyExists",), Conflict),
        (412, ("resourceModified",), Changed),
        (412, ("preconditionFailed",), Changed),
        (403, ("accessDenied",), PermissionDenied),
        (403, ("Authorization_RequestDenied",), PermissionDenied),
        (423, ("resourceLocked",), Locked),
        (507, ("quotaLimitReached",), QuotaExceeded),
        (403, ("malwareDetected",), MalwareFlagged),
        (400, ("invalidRequest", "invalidName"), NameRejected),
        (400, ("invalidRequest", "pathIsTooLong"), PathTooLong),
        (400, ("invalidRequest", "noResolvedUsers"), UserNotFound),
        (400, ("invalidRequest",), ProtocolViolation),
        (401, ("InvalidAuthenticationToken",), SignInFailed),
        (429, ("activityLimitReached", "throttledRequest", "quota"), Throttled),
        (429, ("TooManyRequests",), Throttled),
        (500, ("generalException",), ServiceFault),
        (503, ("serviceNotAvailable",), ServiceFault),
    ],
)
def test_codes_tell_more_than_statuses(status: int, codes: tuple[str, ...], kind: type[MoverError]) -> None:
    error = _error(status, *codes)
    assert type(error) is kind
    assert (error.service, error.operation, error.path) == ("onedrive", "upload", "/x")
    assert codes[0].lower() in error.said


@pytest.mark.parametrize(("status", "kind"), [(429, Throttled), (503, Throttled), (500, ServiceFault)])
def test_the_pause_that_is_asked_for_is_told_to_the_second(status: int, kind: type[Transient]) -> None:
    error = _error(status, "", headers={"Retry-After": "41"})
    assert type(error) is kind
    assert error.retry_after_s == 41


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad gateway</html>", b"[]", b'{"error": null}', b'{"error": []}', b"{" * 5000, b"\xff\xfe"],
)
def test_a_body_that_is_no_fault_leaves_the_status_to_speak(body: bytes) -> None:
    error = error_of(502, {}, body, service="onedrive", operation="read", path="/x")
    assert type(error) is ServiceFault


def test_what_may_be_a_token_is_not_repeated() -> None:
    token = "eyJ0eXAiOiJKV1QiLCJub25jZSI6IjEyMzQ1Njc4OTAi.eyJhdWQiOiIwMDAwMDAwMyJ9.c2lnbmF0dXJl"
    assert token not in str(_error(401, "unauthenticated", message=f"the token {token} is bad"))
