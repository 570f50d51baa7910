"""Which route answered a request, as a template: for metrics and traces, which must not hold what people typed."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

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
            route = scope.get("route")
            path = getattr(route, "path_format", None) or getattr(route, "path", None)
            if told is not None and path:
                told.append(str(path))


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
