"""The descriptions of the APIs for programs (OpenAPI 3.1): every answer of every operation, problems included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from mover import __version__
from mover.accounts.actor import Permission
from mover.api.idempotency.keys import HEADER as IDEMPOTENCY_KEY
from mover.api.idempotency.keys import LONGEST_KEY
from mover.api.operations import Open, Operation, Resource
from mover.api.problems import MEDIA_TYPE
from mover.api.routes import OperationRoute

_PUBLIC = """\
Moves files between cloud storage services: verified, encrypted, and without keeping anything.

**Signing in.** Every call carries an API key, `Authorization: Bearer mvr_...`, that an administrator of the organisation \
made: `curl -H "Authorization: Bearer $KEY" https://mover.example.org/api/v1/migrations`. Each operation names the permission that \
the key needs. `RateLimit-Policy` says how many calls it has; 429 and 503 carry `Retry-After`.

**Lists** come in pages: give `next_cursor` of one page as `cursor` to get the next; null says that it was the last.

**Changing** what others may change too needs `If-Match` with the `ETag` that getting it gave.

**Repeating.** A POST with an `Idempotency-Key` happens once, however often it is sent within 24 hours.

**Problems** are `application/problem+json` (RFC 9457): `reason` is a word for programs, `detail` and `advice` are for people.
"""


_STAFF = """\
What the staff of an installation see of its organisations: names, paths, sizes, states and times.

**Signing in.** Every call carries a key of the staff, `Authorization: Bearer mvs_...`, that its owner made at `/staff/keys`. It \
lasts 30 days at most. Keys of organisations and sessions are not accepted.

**Each look is kept**, with the owner of the key, in the audit log of the organisation before it is answered.

**Lists** come in pages: give `next_cursor` of one page as `cursor` to get the next; null says that it was the last.

**Problems** are `application/problem+json` (RFC 9457): `reason` is a word for programs, `detail` and `advice` are for people.
"""


@dataclass(frozen=True)
class Described:
    """An API as its description presents it.

    Attributes:
        prefix: Where it is mounted.
        title: Its name.
        summary: In a sentence.
        text: In a page.
        key: How its keys begin.
        key_of: Whose they are.
        resources: What can be asked of it.
    """

    prefix: str
    title: str
    summary: str
    text: str
    key: str
    key_of: str
    resources: Sequence[Resource]

    @classmethod
    def public(cls, prefix: str, resources: Sequence[Resource]) -> Described:
        """The API of organisations' programs."""
        return cls(
            prefix,
            "Mover",
            "Moves files between cloud storage services.",
            _PUBLIC,
            "mvr_...",
            "An API key of the organisation.",
            resources,
        )

    @classmethod
    def staff(cls, prefix: str, resources: Sequence[Resource]) -> Described:
        """The API of the staff's programs."""
        return cls(
            prefix,
            "Mover for its staff",
            "Shows what is moved in an installation, and nothing of its content.",
            _STAFF,
            "mvs_...",
            "An API key of somebody of the staff.",
            resources,
        )


def describe(routes: Sequence[BaseRoute], described: Described, *, server: str) -> dict[str, Any]:
    """Make the description of an API's operations that are mounted among `routes`."""
    mounted = [
        route
        for route in routes
        if isinstance(route, OperationRoute) and route.path.startswith(described.prefix + "/")
    ]
    document = get_openapi(
        title=described.title,
        version=__version__,
        openapi_version="3.1.0",
        summary=described.summary,
        description=described.text,
        routes=mounted,
        servers=[{"url": server, "description": "This Mover."}],
        tags=[
            {"name": resource.title, "description": resource.description}
            for resource in described.resources
            if any(route.operation.resource == resource.title for route in mounted)
        ],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(_PROBLEM_SCHEMAS)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": described.key,
            "description": described.key_of,
        }
    }
    components["headers"] = _HEADERS
    for route in mounted:
        method = document["paths"][route.path_format][route.operation.method.lower()]
        _complete(method, route.operation)
    document["security"] = [{"apiKey": []}]
    return document


def problem_statuses(operation: Operation, *, has_body: bool, has_parameters: bool) -> list[int]:
    """All statuses of problems that an operation can answer with."""
    statuses = {421, 500, 503, *operation.problems}
    if operation.need is not Open.ANYBODY:
        statuses |= {401, 429}
    if isinstance(operation.need, Permission):
        statuses.add(403)
    if "{" in operation.path:
        statuses.add(404)
    if operation.conditional:
        statuses |= {400, 412, 428}
    if has_parameters or operation.need is not Open.ANYBODY:
        statuses |= {400, 422}
    if has_body:
        statuses |= {400, 408, 413, 415, 422}
    if operation.repeatable:
        statuses |= {400, 409, 422}
    return sorted(statuses)


def _complete(method: dict[str, Any], operation: Operation) -> None:
    """Add what FastAPI does not know of: problems, headers, permission, examples."""
    need = operation.need
    if isinstance(need, Permission):
        needed = f"`{need.value}`" if need is Permission.READ else f"`{need.value}`, and `read`"
        method["description"] = f"{method.get('description', '')}\n\nNeeds the permission {needed}.".strip()
        method["x-permission"] = need.value
    elif need is Open.ANYBODY:
        method["security"] = []
    answers: dict[str, Any] = method["responses"]
    for code in [code for code in answers if not code.startswith("2")]:
        del answers[code]
    parameters: list[dict[str, Any]] = method.setdefault("parameters", [])
    if operation.repeatable:
        parameters.append(_IDEMPOTENCY_PARAMETER)
    if operation.conditional:
        parameters.append(_IF_MATCH_PARAMETER)
    success = answers[str(operation.status)]
    success["description"] = HTTPStatus(operation.status).phrase
    if operation.media_types != _JSON:
        success["content"] = {
            media_type: {"schema": {"type": "string"}} for media_type in operation.media_types
        }
    success["headers"] = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if operation.method == "GET" and operation.media_types == _JSON:
        success["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
        parameters.append(_IF_NONE_MATCH_PARAMETER)
        answers["304"] = {"description": "The client has it already (If-None-Match)."}
    for status in problem_statuses(
        operation, has_body="requestBody" in method, has_parameters=bool(parameters)
    ):
        answers[str(status)] = _problem(status)
    if not parameters:
        del method["parameters"]


def _problem(status: int) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    answer: dict[str, Any] = {
        "description": phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
    }
    if status in {429, 503}:
        answer["headers"]["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == 401:  # noqa: PLR2004 - Unauthorized
        answer["headers"]["WWW-Authenticate"] = {"$ref": "#/components/headers/WwwAuthenticate"}
    return answer


_JSON = ("application/json",)
_HEADERS = {
    "RequestId": {
        "description": "Of this request; name it when you ask for help.",
        "schema": {"type": "string", "examples": ["0d3a3c9f6b0f4f2f8a3b1c2d4e5f6071"]},
    },
    "ETag": {
        "description": "Validator of what is shown; for If-Match and If-None-Match.",
        "schema": {"type": "string", "examples": ['"3-0f1e2d3c4b5a6978"']},
    },
    "RetryAfter": {
        "description": "Seconds to wait.",
        "schema": {"type": "string", "pattern": "^[0-9]+$", "examples": ["5"]},
    },
    "WwwAuthenticate": {
        "description": "How to sign in.",
        "schema": {"type": "string", "examples": ['Bearer realm="Mover"']},
    },
}
_IDEMPOTENCY_PARAMETER = {
    "name": IDEMPOTENCY_KEY,
    "in": "header",
    "required": False,
    "description": "Any text that is new for each new request, a random UUID say; a repetition with the same one gets the first answer.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_KEY,
        "pattern": "^[!-~]+$",
        "examples": ["2f4a9c1e-8f0b-4a53-9a54-0f6f3f0f7c11"],
    },
}
_IF_MATCH_PARAMETER = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of what is to be changed, as getting it gave; `*` for whatever is there.",
    "schema": {
        "type": "string",
        "pattern": r'^(\*|"[0-9]{1,18}-[0-9a-f]{16}")$',
        "examples": ['"3-0f1e2d3c4b5a6978"', "*"],
    },
}
_IF_NONE_MATCH_PARAMETER = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of an answer that the client has already.",
    "schema": {"type": "string", "examples": ['"0f1e2d3c4b5a6978"']},
}
_PROBLEM_SCHEMAS = {
    "Problem": {
        "title": "Problem",
        "description": "What went wrong (RFC 9457).",
        "type": "object",
        "required": ["type", "title", "status", "detail", "reason", "advice", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri", "examples": ["urn:mover:problem:gone"]},
            "title": {"type": "string", "examples": ["Not Found"]},
            "status": {"type": "integer", "examples": [404]},
            "detail": {"type": "string", "description": "What happened, for people."},
            "reason": {"type": "string", "description": "What happened, for programs.", "examples": ["gone"]},
            "advice": {"type": "string", "description": "What to do."},
            "request_id": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        },
    },
    "FieldError": {
        "title": "FieldError",
        "description": "What is wrong at one place of a request.",
        "type": "object",
        "required": ["message"],
        "properties": {
            "message": {"type": "string"},
            "pointer": {"type": "string", "description": "Into the body (RFC 6901).", "examples": ["/name"]},
            "parameter": {"type": "string", "description": "Name of a parameter of the query."},
            "header": {"type": "string", "description": "Name of a header."},
        },
    },
}
