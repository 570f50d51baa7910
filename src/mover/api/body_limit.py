"""How large a request's body may be, and how long it may take to arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mover.api.problems import HttpProblem, problem_response
from mover.api.request_ids import request_id

LARGEST_BODY = 16 << 20
"""In bytes, of anything: a CSV of some hundred thousand pairs."""

ARRIVAL_LIMIT_S = 60.0


def too_large(limit: int) -> HttpProblem:
    """413, naming the limit in bytes."""
    return HttpProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_large",
        f"the body is larger than {limit} bytes",
        advice="Send it in several requests.",
        headers={"Connection": "close"},
    )


class BodyLimit:
    """Refuses bodies that are too large, by what they announce or once too much has come, and those that never end.

    Args:
        app: What answers.
        limit: In bytes, of a request's path.
        arrival_s: Longest time between the first and the last byte of a body.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: Callable[[str], int] = lambda _path: LARGEST_BODY,
        arrival_s: float = ARRIVAL_LIMIT_S,
    ) -> None:
        self._app = app
        self._limit = limit
        self._arrival_s = arrival_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isascii() or not announced.isdigit() or int(announced[:20]) > limit:
            await problem_response(too_large(limit), request_id())(scope, receive, send)
            return
        come = 0
        complete = False
        deadline = asyncio.get_running_loop().time() + self._arrival_s

        async def limited() -> Message:
            nonlocal come, complete
            if complete:
                return await receive()  # waits for the client to go away
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HttpProblem(
                    HTTPStatus.REQUEST_TIMEOUT,
                    "timed_out",
                    f"the body did not arrive within {self._arrival_s:.0f} s",
                    advice="Send it again over a better connection.",
                    headers={"Connection": "close"},
                ) from None
            if message["type"] == "http.request":
                come += len(message.get("body", b""))
                if come > limit:
                    raise too_large(limit)
                complete = not message.get("more_body", False)
            return message

        await self._app(scope, limited, send)
