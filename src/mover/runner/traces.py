"""Traces of runners for OpenTelemetry: they join API, workflow, activity and what is called at services.

Loaded only when the operator names a place for them.
"""

from __future__ import annotations

from opentelemetry.trace import TracerProvider
from temporalio.contrib.opentelemetry import TracingInterceptor


def traced(provider: TracerProvider) -> TracingInterceptor:
    """What a client of Temporal is given, so that traces go on through it."""
    return TracingInterceptor(provider.get_tracer("mover.runner"))
