"""Metrics of the API for Prometheus, at a port of the loopback address of their own, never at the public one.

Loaded only when the operator wants them. Requests are counted by the template of their route (`/runs/{run_id}`), so
that there are as many series as there are routes, whatever is asked for.
"""

from __future__ import annotations

import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    make_wsgi_app,
)

from mover.errors import Locked
from mover.serving.routes import ask_for_route, is_sign_in, route_of
from mover.serving.streams import Application, Message, Receive, Send
from mover.serving.tls import ServerTls

LOOPBACK = "127.0.0.1"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5.0, 20.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SILENCE_S = 10.0
_GOODBYE_S = 1.0
_REFUSED = (401, 403, 422, 429)  # a page answers a wrong password with 422

_log = logging.getLogger(__name__)


class ApiMetrics:
    """Counts what an ASGI application does.

    Args:
        application: What is counted.
        streams: Tells how many streams of events are open.
        registry: Where the metrics are.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        application: Application,
        *,
        registry: CollectorRegistry,
        streams: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._application = application
        self._clock = clock
        self._requests = Counter(
            "mover_http_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "mover_http_request_seconds",
            "Time to the end of an answer; streams of events are left out.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._running = Gauge("mover_http_requests_running", "Requests being answered.", registry=registry)
        self._refused = Counter(
            "mover_sign_in_failures", "Sign-ins that were refused, by status.", ("status",), registry=registry
        )
        open_streams = Gauge("mover_event_streams", "Streams of events that are open.", registry=registry)
        open_streams.set_function(streams)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request and count it."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        ask_for_route(scope)
        status = 500  # what is sent for an answer that never began
        is_stream = False

        async def watch(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                is_stream = (b"content-type", b"text/event-stream") in {
                    (name.lower(), value.partition(b";")[0]) for name, value in message["headers"]
                }
            await send(message)

        began = self._clock()
        self._running.inc()
        try:
            await self._application(scope, receive, watch)
        finally:
            self._running.dec()
            route = route_of(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._requests.labels(method, route, str(status)).inc()
            if not is_stream:
                self._seconds.labels(method, route).observe(self._clock() - began)
            if status in _REFUSED and is_sign_in(method, route):
                self._refused.labels(str(status)).inc()


class AuditMetrics:
    """How far the audit log is sealed and copied.

    Args:
        registry: Where the metrics are.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Gauge(
            "mover_audit_copies_lag_events",
            "Sealed events of the audit log that a receiver of copies has not taken yet.",
            ["receiver"],
            registry=registry,
        )
        self._unsealed = Gauge(
            "mover_audit_unsealed_events",
            "Events of the audit log that are not sealed yet.",
            registry=registry,
        )

    def lagging(self, receiver: str, events: int) -> None:
        """Take down how many sealed events a receiver has not taken yet."""
        self._lag.labels(receiver).set(events)

    def unsealed(self, events: int) -> None:
        """Take down how many events are not sealed yet."""
        self._unsealed.set(events)


def new_registry() -> CollectorRegistry:
    """Make a registry that knows this process: memory, processor time, open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


@contextmanager
def published(registry: CollectorRegistry, port: int, *, tls: ServerTls | None = None) -> Iterator[None]:
    """Answer Prometheus at `http://127.0.0.1:port/metrics` for the time of a `with` block; with `tls` over https only.

    Raises Locked if the port is taken.
    """
    try:
        server = _Server((LOOPBACK, port), tls)
    except OSError as error:
        raise Locked(f"MOVER_METRICS_PORT: port {port} cannot be used: {error.strerror}") from None
    server.set_app(make_wsgi_app(registry))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(WSGIRequestHandler):
    """Says nothing about requests, and waits for nobody who says nothing."""

    timeout = _SILENCE_S

    def log_message(self, *_given: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        """Look up no name for the sender's address."""
        return str(self.client_address[0])


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each question, so that a silent client keeps nobody else waiting, also not in its handshake."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], tls: ServerTls | None) -> None:
        self._tls = tls
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind; the base would ask name servers what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, with the certificate that is in use now."""
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake comes with the first read, in the thread of the question.
            connection = self._tls.context().wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """End a connection, TLS in order: without that an answer looks as if it had been cut off."""
        if isinstance(request, ssl.SSLSocket):
            with suppress(OSError, ValueError):  # no handshake, or the other side is gone
                request.settimeout(_GOODBYE_S)
                request.unwrap()
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as its base
        """Leave out what the other side did: went away, stayed silent, or knows no TLS that is good enough."""
        if not isinstance(sys.exc_info()[1], OSError):
            _log.exception("metrics could not be shown")
