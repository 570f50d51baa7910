"""Whether this process lives, and whether it can work. Strangers learn no more than yes or no."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from sqlalchemy import Connection, text
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mover.api.services import services_of
from mover.errors import MoverError

_LIMIT_S = 5.0

_log = logging.getLogger(__name__)


def add_health(app: FastAPI, *, ready: Callable[[], Awaitable[None]] | None = None) -> None:
    """Add `/healthz` (it answers, so it lives) and `/readyz` (database and orchestration can be reached)."""

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        try:
            async with asyncio.timeout(_LIMIT_S):
                if ready is not None:
                    await ready()
                await services_of(request).database.read(_answers)
        except (MoverError, TimeoutError) as error:
            _log.warning("not ready: %s", str(error) or "no answer in time")
            return PlainTextResponse("not ready\n", 503, headers={"Retry-After": "5"})
        return PlainTextResponse("ready\n")

    app.router.add_route("/healthz", healthz, methods=["GET"], name="healthz")
    app.router.add_route("/readyz", readyz, methods=["GET"], name="readyz")


def _answers(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
