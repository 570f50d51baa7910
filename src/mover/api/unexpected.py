"""The last net: what nobody caught becomes a problem without details, and a line in the log with them."""

from __future__ import annotations

import logging
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mover.api.problems import problem_response, unexpected
from mover.api.request_ids import request_id

_log = logging.getLogger(__name__)
_FRAMES = 40


class Unexpected:
    """Answers 500 for a defect, and never lets it through to the server, which would print messages of foreign libraries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except Exception as error:  # noqa: BLE001 - the last net; it is logged
            log_defect(error, f"{scope['method']} {_route_path(scope)}")
            if begun:
                raise Broken from None  # the server cuts the connection, so that nobody takes the half for the whole
            await problem_response(unexpected(), request_id())(scope, receive, send)


class Broken(Exception):
    """An answer failed after it had begun; what happened is in the log already."""


def log_defect(error: BaseException, doing: str) -> None:
    """Log what failed and where in the code; not the message, in which a library may quote what it was given."""
    frames = traceback.extract_tb(error.__traceback__, limit=-_FRAMES)
    where = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    kinds = type(error).__qualname__
    cause = error.__cause__ or error.__context__
    while cause is not None:
        kinds += f" after {type(cause).__qualname__}"
        cause = cause.__cause__ or cause.__context__
    _log.error("%s failed: %s (request %s)\n%s", doing, kinds, request_id(), where)


def _route_path(scope: Scope) -> str:
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "an unknown address"
