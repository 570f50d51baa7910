"""The pages as a process of their own, which has no key: what it answers itself is listed here, and nothing else is.

It only reads: the pages about moves, with the rights of the database's role `mover_web`. Whatever changes something,
signs somebody in, or needs a secret is passed on, as it came, to the API, which looks at session and CSRF token itself.
So what this process is made to do can be no more than what those who visit it may do, while they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from fastapi import FastAPI
from starlette.routing import Route

from mover.api.app import Check, empty_app, stand_before
from mover.api.services import make_services
from mover.database.database import Database
from mover.errors import ServiceFault
from mover.migrations.records import Schedule
from mover.settings import Settings
from mover.transport.egress import Egress
from mover.vault.vault import Vault
from mover.web.app import WAYS, make_house, problem_page, still
from mover.web.guard import PageRoute
from mover.web.passing_on import PassingOn

ANSWERED = frozenset(
    {
        "/",
        "/live",
        "/migrations",
        "/migrations/new",
        "/migrations/new-list",
        "/migrations/{migration_id}",
        "/migrations/{migration_id}/live",
        "/migrations/{migration_id}/settings",
        "/migrations/{migration_id}/delete",
        "/migrations/{migration_id}/export",
        "/migrations/{migration_id}/keys",
        "/migrations/{migration_id}/pairs/new",
        "/migrations/{migration_id}/imports/{import_id}",
        "/pairs/{pair_id}",
        "/pairs/{pair_id}/live",
        "/pairs/{pair_id}/items",
        "/pairs/{pair_id}/problems",
        "/pairs/{pair_id}/runs",
        "/pairs/{pair_id}/settings",
        "/pairs/{pair_id}/permissions",
        "/maps",
        "/maps/{map_id}",
        "/maps/{map_id}/export",
        "/maps/{map_id}/preview",
        "/maps/{map_id}/history",
        "/maps/{map_id}/delete",
        "/schedules",
        "/schedules/new",
        "/schedules/{schedule_id}",
    }
)
"""Paths of pages that are answered here, when they are asked for by GET."""

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True)
class Keyless:
    """What is open in a process without keys."""

    settings: Settings
    database: Database
    vault: Vault
    egress: Egress


class _NobodyToTell:
    """No runners are told anything from here: pages that are answered here start nothing."""

    async def nudge(self, organisation_id: str) -> None:  # noqa: ARG002 - of the protocol
        _refuse()

    async def put_schedule(self, schedule: Schedule) -> None:  # noqa: ARG002 - of the protocol
        _refuse()

    async def remove_schedule(self, schedule_id: str) -> None:  # noqa: ARG002 - of the protocol
        _refuse()


def _refuse() -> NoReturn:
    raise ServiceFault("the process of the pages starts nothing")


def make_pages(place: Keyless, passing_on: PassingOn, *, ready: Check) -> FastAPI:
    """Make the application.

    Args:
        place: What is open.
        passing_on: The way to the API.
        ready: Raises if nobody should be sent here now; for `/readyz`.

    Raises InvalidConfiguration.
    """
    house = make_house(make_services(place, _NobodyToTell()))
    app = empty_app(house.services)
    stand_before(app, house.services, ready=ready, problem_page=problem_page(house))
    # In the order of the pages: the first that fits an address counts.
    for way in WAYS:
        if way.method == "GET" and way.path in ANSWERED:
            app.router.routes.append(PageRoute(way, house))
        else:
            app.router.routes.append(_passed_on(way.path, [way.method], passing_on))
    app.router.routes.extend(still(house))
    app.router.routes.append(_passed_on("/{path:path}", _METHODS, passing_on))
    return app


def _passed_on(path: str, methods: list[str], passing_on: PassingOn) -> Route:
    return Route(path, passing_on.answer, methods=methods, include_in_schema=False)
