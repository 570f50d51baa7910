"""Traces of the API for OpenTelemetry (OTLP over HTTP). Loaded only when the operator names a place for them.

A request goes on with the trace of its `traceparent` (W3C Trace Context), and is the parent of what is done for it: the
current span is OpenTelemetry's own, so that the Temporal client's interceptor carries it on to runners. The answer tells
the trace in `traceresponse`. Spans hold the template of the route, never a path, a query or a header that was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace import TracerProvider as AnyTracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mover import __version__
from mover.serving.routes import ask_for_route, route_of
from mover.serving.streams import Application, Message, Receive, Send

_CARRIED = ("traceparent", "tracestate")
_FAULT = 500


@contextmanager
def tracing(service: str, exporter: SpanExporter) -> Iterator[TracerProvider]:
    """Hand spans of this process to an exporter, for the time of a `with` block; what is left is sent at its end.

    Args:
        service: `mover-api`, `mover-runner`.
        exporter: Takes the spans; `CollectorExporter` sends them through the one way out.
    """
    resource = Resource.create({SERVICE_NAME: service, SERVICE_VERSION: __version__})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield provider
    finally:
        provider.shutdown()


class ApiTraces:
    """Makes a span of each request to an ASGI application.

    Args:
        application: What is traced.
        provider: Takes the spans.
    """

    def __init__(self, application: Application, provider: AnyTracerProvider) -> None:
        self._application = application
        self._tracer = provider.get_tracer("mover.api", __version__)
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request within a span."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        ask_for_route(scope)
        carried = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name.decode("latin-1") in _CARRIED
        }
        method = scope["method"]
        with self._tracer.start_as_current_span(
            method,
            context=self._propagator.extract(carried),
            kind=SpanKind.SERVER,
            record_exception=False,  # its message could hold what was sent
            set_status_on_exception=False,
        ) as span:
            found = span.get_span_context()
            told = f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}".encode()

            async def watch(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"traceresponse", told)]
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _FAULT:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._application(scope, receive, watch)
            except Exception:
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                route = route_of(scope)
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.request.method", method)
