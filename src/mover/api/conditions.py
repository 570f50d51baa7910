"""ETags and conditional requests (RFC 9110 sections 8.8 and 13).

An ETag here is `"<version>-<hash of the answer>"`. The hash makes it a strong validator of all that is shown, live counts
among it, so a cached answer never hides a change. For `If-Match` only the version counts: a pair can be edited while it
runs, since what the runner writes is not what the client changes.
"""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from mover.api.problems import FieldError, HttpProblem

_ETAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_VERSION = re.compile(r"([0-9]{1,18})-[0-9a-f]{16}")


def etag(body: bytes, version: int | None = None) -> str:
    """The strong validator of an answer, with the version of the thing that is shown, if it has one."""
    digest = hashlib.sha256(body).hexdigest()[:16]
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def not_modified(request: Request, response: Response) -> bool:
    """Tell whether If-None-Match says that the client has this answer already."""
    given = request.headers.getlist("if-none-match")
    if not given or "etag" not in response.headers:
        return False
    now = response.headers["etag"].removeprefix("W/").strip('"')
    text = ", ".join(given)
    return text.strip() == "*" or any(match[2] == now for match in _ETAG.finditer(text))


def expected_versions(request: Request) -> frozenset[int] | None:
    """Which versions If-Match names; None for `*`: any.

    Raises HttpProblem: 428 if the header is missing (RFC 6585 section 3), 400 if it is malformed.
    """
    given = request.headers.getlist("if-match")
    if not given:
        raise HttpProblem(
            HTTPStatus.PRECONDITION_REQUIRED,
            "precondition_required",
            "this changes something that others may change too, so it needs If-Match",
            advice='Get it first and send its ETag as If-Match; "*" changes it whatever it is now.',
            errors=[FieldError("is missing", header="If-Match")],
        )
    text = ", ".join(given).strip()
    if text == "*":
        return None
    if not re.fullmatch(rf"{_ETAG.pattern}(\s*,\s*{_ETAG.pattern})*", text):
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST,
            "bad_if_match",
            "If-Match holds no ETag",
            advice="Send the ETag as it was given, with its quotes.",
            errors=[FieldError("is malformed", header="If-Match")],
        )
    versions = set()
    for match in _ETAG.finditer(text):
        if not match[1] and (
            version := _VERSION.fullmatch(match[2])
        ):  # weak ones never match (RFC 9110 13.1.1)
            versions.add(int(version[1]))
    return frozenset(versions)


def overtaken() -> HttpProblem:
    """412: somebody else changed it."""
    return HttpProblem(
        HTTPStatus.PRECONDITION_FAILED,
        "changed_while_read",
        "it is no longer what If-Match names",
        advice="Get it again, then repeat the change on what is there now.",
    )
