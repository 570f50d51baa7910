"""What happens around every operation: who calls, may they, is the request one at all; and the answer's validators."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from email.message import Message
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute

from mover.accounts.actor import Permission
from mover.api.admission import Door
from mover.api.admitted import Admitted
from mover.api.body_limit import too_large
from mover.api.calls import ADMITTED, VERSION_HEADER
from mover.api.conditions import etag, expected_versions, not_modified
from mover.api.idempotency.keys import HEADER as IDEMPOTENCY_KEY
from mover.api.idempotency.keys import Attempt, IdempotencyKeys, KeptAnswer, attempt_of
from mover.api.operations import Open, Operation
from mover.api.problems import FieldError, HttpProblem, ServiceRefused, invalid, of_validation
from mover.api.services import services_of
from mover.api.strict_json import NotJson, RefusedJson, has_refused_characters, read_json
from mover.errors import MoverError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_LEASE_MARGIN_S = 30.0


class StrictRequest(Request):
    """A request whose body is read once, within a limit, and whose JSON is read strictly."""

    def __init__(self, request: Request, largest_body: int) -> None:
        super().__init__(request.scope, request.receive)
        self._largest_body = largest_body

    async def body(self) -> bytes:
        """Read the body. Raises HttpProblem (413)."""
        if not hasattr(self, "_body"):
            pieces = bytearray()
            async for piece in self.stream():
                pieces += piece
                if len(pieces) > self._largest_body:
                    raise too_large(self._largest_body)
            self._body = bytes(pieces)
        return self._body

    async def json(self) -> Any:
        """Read the body as JSON. Raises HttpProblem (400, 422)."""
        if not hasattr(self, "_json"):
            try:
                self._json = read_json(await self.body())
            except NotJson as error:
                raise HttpProblem(
                    HTTPStatus.BAD_REQUEST, "not_json", str(error), advice="Send one JSON value (RFC 8259)."
                ) from None
            except RefusedJson as error:
                raise invalid(error.message, [FieldError(error.message, pointer=error.pointer)]) from None
        return self._json


class OperationRoute(APIRoute):
    """An operation, mounted. `operation` and `door` can be read from the route table; tests walk it."""

    def __init__(self, prefix: str, operation: Operation, door: Door) -> None:
        self.operation = operation
        self.door = door
        self._parameters: frozenset[str] = frozenset()
        super().__init__(
            prefix + operation.path,
            operation.endpoint,
            methods=[operation.method],
            status_code=operation.status,
            operation_id=operation.name,
            name=operation.name,
            tags=[operation.resource],
        )
        self._parameters = frozenset(
            field.alias
            for field in get_flat_params(self.dependant)
            if isinstance(field.field_info, QueryParameter)
        )

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            strict = StrictRequest(request, self.operation.largest_body)
            return await self._answer(strict, handle)

        return guarded

    async def _answer(self, request: StrictRequest, handle: Handler) -> Response:
        operation = self.operation
        admitted = None
        if operation.need is not Open.ANYBODY:
            admitted = await self.door.admit(request, operation)
            request.scope[ADMITTED] = admitted
            if isinstance(operation.need, Permission):
                admitted.actor.require(operation.need)
        self._check_query(request)
        if operation.conditional:
            expected_versions(request)
        await self._check_body(request)
        await self.before(request, admitted)
        response = await self._once(request, admitted, handle)
        _validate(request, response)
        if admitted is not None:
            response.headers.update(admitted.headers)
        return response

    async def before(self, request: StrictRequest, admitted: Admitted | None) -> None:
        """What has to be done before the operation is; here nothing."""

    async def _once(self, request: StrictRequest, admitted: Admitted | None, handle: Handler) -> Response:
        given = request.headers.getlist(IDEMPOTENCY_KEY)
        if not given or admitted is None or not self.operation.repeatable:
            return await self._in_time(request, handle)
        url = request.url
        attempt = attempt_of(
            admitted, request.method, url.path, url.query, await request.body(), ", ".join(given)
        )
        keys = services_of(request).idempotency
        kept = await keys.begin(attempt, limit_s=self.operation.limit_s + _LEASE_MARGIN_S)
        if kept is not None:
            response = Response(kept.body, kept.status)
            response.raw_headers[:] = [(name.encode(), value.encode()) for name, value in kept.headers]
            response.headers["Idempotency-Replayed"] = "true"
            return response
        try:
            response = await self._in_time(request, handle)
        except BaseException as error:
            await _settle(keys, attempt, error)
            raise
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
        await keys.end(attempt, KeptAnswer(response.status_code, headers, bytes(response.body)))
        return response

    async def _in_time(self, request: Request, handle: Handler) -> Response:
        limit = asyncio.timeout(self.operation.limit_s)
        try:
            async with limit:
                return await handle(request)
        except TimeoutError:
            if not limit.expired():
                raise
            raise HttpProblem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "timed_out",
                f"it was not done within {self.operation.limit_s:.0f} s",
                advice="Look whether it was done after all, and try again later.",
                headers={"Retry-After": "5"},
            ) from None

    def _check_query(self, request: Request) -> None:
        names = [name for name, _ in request.query_params.multi_items()]
        errors = [
            FieldError("is not a parameter of this operation", parameter=name[:80])
            for name in dict.fromkeys(names)
            if name not in self._parameters
        ]
        errors += [
            FieldError("is given more than once", parameter=name)
            for name in self._parameters
            if names.count(name) > 1
        ]
        errors += [
            FieldError(
                "has characters that cannot be kept (NUL, or bytes that are not UTF-8)", parameter=name
            )
            for name, value in request.query_params.multi_items()
            if name in self._parameters and has_refused_characters(value)
        ]
        if errors:
            raise invalid("; ".join(f"{error.parameter}: {error.message}" for error in errors[:5]), errors)
        if any(has_refused_characters(str(value)) for value in request.path_params.values()):
            raise of_validation([{"loc": ("path",), "msg": ""}])

    async def _check_body(self, request: StrictRequest) -> None:
        """The body's media type, before FastAPI reads it; it would take a wrong one for a string."""
        expected = _expected_type(self)
        if expected is None:
            return
        message = Message()
        message["content-type"] = request.headers.get("content-type", "")
        if not request.headers.get("content-type") and not await request.body():
            return  # missing altogether: the validation says so
        if len(request.headers.getlist("content-type")) != 1 or message.get_content_type() != expected:
            raise HttpProblem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                f"the body has to be {expected}",
                advice=f"Send it with Content-Type: {expected}.",
                headers={"Accept-Post" if request.method == "POST" else "Accept": expected},
            )


async def _settle(keys: IdempotencyKeys, attempt: Attempt, error: BaseException) -> None:
    """Free the key if nothing was done, or what was done is the same when it is done again (at a service)."""
    refused = isinstance(error, RequestValidationError | MoverError | ServiceRefused) or (
        isinstance(error, HttpProblem) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    )
    if refused:
        await keys.release(attempt)
    else:
        await asyncio.shield(keys.interrupt(attempt))


def _expected_type(route: APIRoute) -> str | None:
    if route.body_field is None:
        return None
    media_type = getattr(route.body_field.field_info, "media_type", "application/json")
    return str(media_type)


def _validate(request: Request, response: Response) -> None:
    """Give a representation its ETag, and leave out what the client has already."""
    version = response.headers.get(VERSION_HEADER)
    if version is not None:
        del response.headers[VERSION_HEADER]
    body = getattr(response, "body", None)
    if not isinstance(body, bytes) or not body or response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        return
    if request.method == "GET" or version is not None:
        response.headers["ETag"] = etag(body, int(version) if version is not None else None)
    if request.method == "GET" and not_modified(request, response):
        response.status_code = HTTPStatus.NOT_MODIFIED
        response.body = b""
        for name in ("content-length", "content-type"):
            if name in response.headers:
                del response.headers[name]
