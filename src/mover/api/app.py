"""The application: the APIs, their reference, health, and what stands before all of it. The pages are mounted into it."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mover.api.admission import Door, KeyDoor, SessionDoor
from mover.api.body_limit import BodyLimit
from mover.api.front import Front
from mover.api.handlers import Page, handle_errors
from mover.api.health import add_health
from mover.api.openapi import Described, describe
from mover.api.reference import reference_page, reference_style
from mover.api.request_ids import RequestIds
from mover.api.resources import RESOURCES
from mover.api.routes import OperationRoute
from mover.api.security_headers import SecurityHeaders
from mover.api.services import Services, services_of
from mover.api.staff.resources import STAFF_RESOURCES
from mover.api.staff.routes import STAFF, staff_routes
from mover.api.unexpected import Unexpected

PUBLIC = "/api/v1"
OWN = "/app/v1"

Check = Callable[[], Awaitable[None]]


def app_of(
    services: Services,
    *,
    ready: Check | None = None,
    problem_page: Page | None = None,
) -> FastAPI:
    """Make the application of services that are there already.

    They are found at `app.state.services`, with every request. To serve it, `app` is called as ASGI; the outer layers (`RequestIds`,
    `SecurityHeaders`, `Front`) are its middleware, so that whatever is mounted into it is behind them too.
    """
    app = empty_app(services)
    doors: tuple[tuple[str, Door], ...] = ((PUBLIC, KeyDoor()), (OWN, SessionDoor()))
    for prefix, door in doors:
        for resource in RESOURCES:
            for operation in resource.operations:
                if door.audience in operation.audiences:
                    app.router.routes.append(OperationRoute(prefix, operation, door))
    app.router.routes.extend(staff_routes())
    _add_description(app, Described.public(PUBLIC, RESOURCES))
    _add_description(app, Described.staff(STAFF, STAFF_RESOURCES), name="staff_")
    stand_before(app, services, ready=ready, problem_page=problem_page)
    return app


def empty_app(services: Services) -> FastAPI:
    """Make an application that answers nothing as yet; its services run as long as it does."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with services.running():
            yield

    # FastAPI's own pages load scripts from elsewhere, and its own description knows neither problems nor keys. Its own
    # spans would hold paths and queries, with what people search by and the tokens of links, and begin another trace.
    app = FastAPI(
        title="Mover",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry={
            "tracing": False,
            "operation_spans": False,
            "metrics": False,
            "logs": False,
            "auto_configure": False,
        },
    )
    app.state.services = services
    return app


def stand_before(
    app: FastAPI,
    services: Services,
    *,
    ready: Check | None = None,
    problem_page: Page | None = None,
) -> None:
    """Add what is the same for every application: health, problems, and what each request passes first."""
    add_health(app, ready=ready)
    handle_errors(app, page=problem_page)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit)
    app.add_middleware(
        Front,
        public_url=services.site.origin,
        trusted_proxies=services.settings.trusted_proxies,
    )
    app.add_middleware(Unexpected)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds)


def _add_description(app: FastAPI, described: Described, *, name: str = "") -> None:
    prefix = described.prefix

    @functools.cache
    def document(server: str) -> dict[str, Any]:
        return describe(app.routes, described, server=server)

    @functools.cache
    def text(server: str) -> bytes:
        return json.dumps(document(server), ensure_ascii=False, separators=(",", ":")).encode()

    # Made when they are first asked for, since that takes as long as all else at the start.
    async def openapi(request: Request) -> Response:
        content = await asyncio.to_thread(text, services_of(request).site.origin)
        return Response(content, media_type="application/json", headers={"Cache-Control": "no-cache"})

    async def reference(request: Request) -> Response:
        shown = await asyncio.to_thread(document, services_of(request).site.origin)
        return await asyncio.to_thread(reference_page, shown, style=f"{prefix}/docs/style.css")

    async def style(_request: Request) -> Response:
        return reference_style()

    app.router.add_route(f"{prefix}/openapi.json", openapi, methods=["GET"], name=f"{name}openapi")
    app.router.add_route(f"{prefix}/docs", reference, methods=["GET"], name=f"{name}reference")
    app.router.add_route(f"{prefix}/docs/style.css", style, methods=["GET"], name=f"{name}reference_style")
