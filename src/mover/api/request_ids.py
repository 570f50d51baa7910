"""An id for every request: in the answer's `X-Request-Id`, in every problem, and in what is logged meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from secrets import token_hex

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"

_current: ContextVar[str] = ContextVar("mover_request_id", default="")


def request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    return _current.get()


class RequestIds:
    """Gives each request an id of our own: one that a client chose could be made to collide, or to forge lines of a log."""

    def __init__(self, app: ASGIApp, *, new_id: Callable[[], str] = lambda: token_hex(16)) -> None:
        self._app = app
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = self._new_id()
        before = _current.set(given)

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                # An answer that was passed on from the API keeps the id that the API logged it under.
                MutableHeaders(scope=message).setdefault(HEADER, given)
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        finally:
            _current.reset(before)


class RequestIdFilter(logging.Filter):
    """Adds `request_id` to log records, for whoever sets up the log of the service."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with the id."""
        record.request_id = _current.get()
        return True
