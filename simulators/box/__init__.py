"""Box: one enterprise.

organisation.py   the state: users with their trees, collaborations, sessions, events
views.py          how things are spelled in answers
errors.py         refusals
callers.py        in whose name a call is made; limits of calls
items.py          folders, files, web links
trash.py          deleting, the trash, copies
content.py        uploads in one go, downloads
chunks.py         uploads in chunks
zips.py           many files as one archive
sharing.py        collaborations
people.py         users and groups
events.py         streams of events
tokens.py         signing in

Sources: the official description (Box Platform API 2024.0), Box's guides, answers recorded by users of rclone and of
Box's SDKs. What could not be confirmed is marked where it stands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from simulators.box.callers import Callers, RateLimits
from simulators.box.chunks import Chunks
from simulators.box.content import Contents
from simulators.box.errors import BoxError, refuse
from simulators.box.events import Events
from simulators.box.items import Items
from simulators.box.organisation import Organisation
from simulators.box.people import People
from simulators.box.sharing import Sharing
from simulators.box.tokens import SigningIn
from simulators.box.trash import Trash
from simulators.box.views import Views
from simulators.box.zips import Zips
from simulators.clock import Clock
from simulators.faults import FaultScript, Faulty
from simulators.tally import Counted, Tally

_CLIENT_CLOSED = 499


class Box:
    """One enterprise at Box.

    Attributes:
        organisation: Its state.
        limits: Of calls.
        zips: Archives; knows how many are being fetched.
        sharing: Collaborations; knows who got mail.
        signing_in: Apps and consent.
    """

    name = "box"
    hosts = (
        "api.box.com",
        "upload.box.com",
        "app.box.com",
        "account.box.com",
        "dl.boxcloud.com",
    )

    def __init__(self, clock: Clock) -> None:
        self.faults = FaultScript()
        self.tally = Tally()
        self.organisation = organisation = Organisation(clock)
        self.limits = RateLimits(organisation, self.tally)
        views = Views(organisation)
        callers = Callers(organisation, self.limits)
        items = Items(organisation, callers, views, self.faults)
        contents = Contents(organisation, callers, views, items, self.faults)
        self.zips = Zips(organisation, callers, items, self.faults)
        self.sharing = Sharing(organisation, callers, views, items)
        self.signing_in = SigningIn(organisation)
        routes: list[Route] = []
        for part in (
            contents,
            Chunks(organisation, callers, items, contents, self.faults),
            self.zips,
            Trash(organisation, callers, views, items),
            items,
            self.sharing,
            People(organisation, callers, views),
            Events(organisation, callers, views, self.faults),
            self.signing_in,
        ):
            routes += [_named(route) for route in part.routes()]
        answers = Starlette(routes=routes, exception_handlers={BoxError: refuse, ClientDisconnect: _gone})
        self.app: ASGIApp = Counted(Faulty(answers, self.faults), self.tally)


def make(clock: Clock) -> Box:
    """Make an enterprise without anybody in it."""
    return Box(clock)


def _named(route: Route) -> Route:
    """Let a route say in the tally which operation it is."""
    endpoint: Callable[[Request], Awaitable[Response]] = route.endpoint

    async def named(request: Request) -> Response:
        request.scope["operation"] = f"{request.method} {route.path}"
        return await endpoint(request)

    return Route(route.path, named, methods=list(route.methods or ()))


async def _gone(_request: Request, _error: Exception) -> Response:
    """Whoever asked is no longer there."""
    return Response(status_code=_CLIENT_CLOSED)
