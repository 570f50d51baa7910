"""Which handler makes a problem of which error: the one place where errors leave the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from mover.api.problems import (
    HttpProblem,
    ServiceRefused,
    of_http,
    of_validation,
    problem_of,
    problem_of_service,
    problem_response,
)
from mover.api.request_ids import request_id
from mover.api.security_headers import API_PREFIXES
from mover.errors import MoverError

Page = Callable[[Request, HttpProblem], Awaitable[Response]]


def handle_errors(app: FastAPI, *, page: Page | None = None) -> None:
    """Turn the errors of an application into problems.

    Args:
        app: The application.
        page: Shows a problem to a person; for addresses that are neither the API's nor asked for by a program.
    """

    async def answer(request: Request, problem: HttpProblem) -> Response:
        if page is not None and _wants_page(request):
            return await page(request, problem)
        return problem_response(problem, request_id())

    async def mover_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, MoverError)
        problem = problem_of(error)
        if (
            problem.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
            and problem.status_code != HTTPStatus.SERVICE_UNAVAILABLE
        ):
            raise error  # a defect: nobody wanted this one to come here; `Unexpected` logs it
        return await answer(request, problem)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceRefused)
        return await answer(request, problem_of_service(error))

    async def invalid_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await answer(request, of_validation(error.errors()))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = of_http(error)
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            problem.headers = {"Allow": ", ".join(_methods(app, request))}
        return await answer(request, problem)

    app.add_exception_handler(MoverError, mover_error)
    app.add_exception_handler(ServiceRefused, refused)
    app.add_exception_handler(RequestValidationError, invalid_request)
    app.add_exception_handler(HTTPException, http_error)


def _wants_page(request: Request) -> bool:
    path = request.url.path
    return not path.startswith(API_PREFIXES) and "text/html" in request.headers.get("accept", "")


def _methods(app: FastAPI, request: Request) -> list[str]:
    """All methods that an address takes: each of several routes with one path knows only its own."""
    methods: set[str] = set()
    for route in app.routes:
        scope: dict[str, Any] = {**request.scope, "path_params": {}}
        if route.matches(scope)[0] is not Match.NONE:
            methods |= set(getattr(route, "methods", None) or ())
    return sorted(methods)
