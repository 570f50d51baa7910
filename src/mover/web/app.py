"""The whole application: both APIs and the pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from mover.accounts.passwords import Argon2Cost
from mover.api.app import Check, app_of
from mover.api.handlers import Page
from mover.api.problems import HttpProblem
from mover.api.services import Services, Workplace, make_services, services_of
from mover.database.failures import DatabaseTrouble
from mover.migrations.orchestration import Orchestration
from mover.web.assets import KEEP, Assets, load_assets
from mover.web.frame import Frame
from mover.web.guard import PageRoute, find_session
from mover.web.house import House
from mover.web.live import Live
from mover.web.problem_pages import show_problem
from mover.web.rendering import Renderer
from mover.web.routes import (
    api_keys,
    connection_sign_in,
    connections,
    folders,
    home,
    maps,
    migrations,
    organisation,
    pair,
    pair_permissions,
    pairs,
    people,
    profile,
    reporting,
    reports,
    run_keys,
    schedules,
    sign_in,
    webhooks,
    wizard,
)
from mover.web.staff.guard import StaffRoute
from mover.web.staff.pages import STAFF_WAYS
from mover.web.visit import Visit

WAYS = (
    *home.WAYS,
    *sign_in.WAYS,
    *profile.WAYS,
    *wizard.WAYS,
    *folders.WAYS,
    *connections.WAYS,
    *connection_sign_in.WAYS,
    *migrations.WAYS,
    *pairs.WAYS,
    *pair.WAYS,
    *run_keys.WAYS,
    *pair_permissions.WAYS,
    *maps.WAYS,
    *schedules.WAYS,
    *reports.WAYS,
    *people.WAYS,
    *api_keys.WAYS,
    *webhooks.WAYS,
    *organisation.WAYS,
    *reporting.WAYS,
)
"""All pages. The first that fits an address counts: `/migrations/new` stands before `/migrations/{migration_id}`."""


def make_application(
    workplace: Workplace,
    orchestration: Orchestration,
    *,
    ready: Check | None = None,
    cost: Argon2Cost = Argon2Cost(),  # noqa: B008 - immutable
    now: Callable[[], float] = time.time,
) -> FastAPI:
    """Make APIs and pages of what is open.

    Args:
        workplace: Everything open; it stays the caller's to close.
        orchestration: Told when there is something to do.
        ready: Raises if the orchestration cannot be reached; for `/readyz`.
        cost: Of hashing a password.
        now: Seconds since 1970 UTC.

    Raises InvalidConfiguration.
    """
    services = make_services(workplace, orchestration, cost=cost, now=now)
    return application_of(make_house(services), ready=ready)


def make_house(services: Services, *, live: Live | None = None) -> House:
    """Make what all pages share."""
    assets = load_assets()
    return House(services, assets, Renderer(assets, services.now), live or Live())


def application_of(house: House, *, ready: Check | None = None) -> FastAPI:
    """Make APIs and pages of services that are there already."""
    app = app_of(house.services, ready=ready, problem_page=problem_page(house))
    app.router.routes.extend(PageRoute(way, house) for way in WAYS)
    app.router.routes.extend(StaffRoute(way, house) for way in STAFF_WAYS)
    app.router.routes.extend(still(house))
    return app


def problem_page(house: House) -> Page:
    """How problems outside of pages are shown to people."""

    async def show(request: Request, problem: HttpProblem) -> Response:
        here = replace(house, services=services_of(request))
        try:
            signed_in = await find_session(here, request)
        except DatabaseTrouble:  # which may be the very problem that is shown
            signed_in = None
        visit = Visit(here, request, signed_in)
        return await show_problem(visit, problem)

    return show


def still(house: House) -> list[Route]:
    """What is the same for everybody: static files, and the page for when there is no network."""
    offline = house.renderer.render("offline.html", Frame(path="/"))
    worker = house.assets.plain("offline.js")

    async def static(request: Request) -> Response:
        return _file(request, house.assets)

    async def offline_page(_request: Request) -> Response:
        return HTMLResponse(offline)

    async def offline_worker(_request: Request) -> Response:
        return Response(worker.content, media_type=worker.media_type, headers={"Cache-Control": "no-cache"})

    return [
        Route("/static/{name}", static, methods=["GET"], name="static", include_in_schema=False),
        Route("/offline", offline_page, methods=["GET"], name="offline", include_in_schema=False),
        Route("/offline.js", offline_worker, methods=["GET"], name="offline_worker", include_in_schema=False),
    ]


def _file(request: Request, assets: Assets) -> Response:
    asset = assets.find(request.path_params["name"])
    if asset is None:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    headers = {"Cache-Control": KEEP, "Vary": "Accept-Encoding"}
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            asset.packed, media_type=asset.media_type, headers=headers | {"Content-Encoding": "gzip"}
        )
    return Response(asset.content, media_type=asset.media_type, headers=headers)
