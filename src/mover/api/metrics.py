"""Figures for Prometheus, if the operator asks for them, to this machine only."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mover.api.admission import client_address
from mover.api.problems import HttpProblem

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts requests by the route that answered, never by the address that was asked for: that is the client's choice.

    Args:
        app: What answers.
        registry: Where the figures are kept.
        clock: Seconds, never going back.
    """

    def __init__(
        self, app: ASGIApp, *, registry: CollectorRegistry, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app = app
        self._clock = clock
        labels = ("method", "route", "status")
        self._requests = Counter(
            "mover_http_requests", "Requests that were answered", labels, registry=registry
        )
        self._seconds = Histogram(
            "mover_http_request_seconds",
            "Time until an answer began",
            ("method", "route"),
            registry=registry,
            buckets=_BUCKETS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = self._clock()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = str(getattr(scope.get("route"), "path", "none"))
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._requests.labels(method, route, str(message["status"])).inc()
                self._seconds.labels(method, route).observe(self._clock() - begun)
            await send(message)

        await self._app(scope, receive, counted)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def add_metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    """Add `/metrics`, for loopback only; to others it is not there. Further figures may be put into the registry."""

    async def metrics(request: Request) -> Response:
        # A proxy on this machine comes from loopback too, with whatever it was asked from outside.
        forwarded = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "via"))
        if forwarded or not client_address(request).is_loopback:
            raise HttpProblem(
                HTTPStatus.NOT_FOUND, "gone", "there is nothing at this address", advice="Check the address."
            )
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app.router.add_route("/metrics", metrics, methods=["GET"], name="metrics")
    app.add_middleware(Metrics, registry=registry)
