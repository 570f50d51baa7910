"""Which route answered a request, as a template: for metrics and traces, which must not hold what people typed."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.routing import Match

from mover.serving.streams import Application, Receive, Send

UNKNOWN = "unknown"
_TOLD = "mover.route"
_SIGN_IN = ("/sign-in", "/sessions", "/session")


class NoticeRoute:
    """The innermost wrapper of an ASGI application: tells the outer ones which route was taken.

    They cannot see it for themselves, since what is in between gives copies of the scope on.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._app(scope, receive, send)
        finally:
            told = scope.get(_TOLD)
            if told is not None and (path := _template(scope)):
                told.append(path)


def _template(scope: MutableMapping[str, Any]) -> str | None:
    route = scope.get("route") or _matching(scope)
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return str(path) if path else None


def _matching(scope: MutableMapping[str, Any]) -> Any:
    """Look for the route once more: Starlette's own (FastAPI's do) leave no word in the scope which it was."""
    if "endpoint" not in scope:  # none was found
        return None
    for route in getattr(scope.get("app"), "routes", ()):
        if route.matches(scope)[0] is Match.FULL:
            return route
    return None


def ask_for_route(scope: MutableMapping[str, Any]) -> None:
    """Make room in a request's scope for its route."""
    scope.setdefault(_TOLD, [])


def route_of(scope: MutableMapping[str, Any]) -> str:
    """The template of the route that a request went to, `unknown` if to none; known once the request was answered."""
    told = scope.get(_TOLD)
    return str(told[-1]) if told else UNKNOWN


def is_sign_in(method: str, route: str) -> bool:
    """Tell whether a route is one at which people sign in."""
    return method == "POST" and any(part in route for part in _SIGN_IN)
