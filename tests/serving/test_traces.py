from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.serving.test_metrics import application

from mover.serving.traces import ApiTraces

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    yield provider
    provider.shutdown()


async def ask(application: Any, headers: Any = ()) -> dict[bytes, bytes]:
    sent: list[Any] = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/runs/canary",
        "query_string": b"canary",
        "headers": list(headers),
    }
    await application(scope, receive, send)
    return dict(sent[0]["headers"])


async def test_a_request_goes_on_with_the_callers_trace_and_tells_it(provider, spans):
    headers = await ask(ApiTraces(application(200, "/runs/{run_id}"), provider), [(b"traceparent", PARENT)])
    (span,) = spans.get_finished_spans()
    assert span.name == "GET /runs/{run_id}"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (
        headers[b"traceresponse"].decode()
        == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"
    )


async def test_a_span_holds_nothing_that_was_sent(provider, spans):
    await ask(ApiTraces(application(200, "/runs/{run_id}"), provider), [(b"authorization", b"canary")])
    assert "canary" not in spans.get_finished_spans()[0].to_json()


async def test_what_is_done_for_a_request_is_below_its_span(provider, spans):
    async def working(scope, receive, send):
        with trace.get_tracer("engine", tracer_provider=provider).start_as_current_span("work"):
            await application(200, "/x")(scope, receive, send)

    await ask(ApiTraces(working, provider))
    work, request = spans.get_finished_spans()
    assert work.parent.span_id == request.context.span_id


async def test_a_defect_is_marked_without_its_message(provider, spans):
    async def broken(*_given):
        raise RuntimeError("canary")

    with pytest.raises(RuntimeError):
        await ask(ApiTraces(broken, provider))
    (span,) = spans.get_finished_spans()
    assert not span.status.is_ok
    assert "canary" not in span.to_json()


async def test_rubbish_for_a_parent_begins_a_new_trace(provider, spans):
    await ask(ApiTraces(application(200, "/x"), provider), [(b"traceparent", b"\xff rubbish")])
    assert spans.get_finished_spans()[0].parent is None


@pytest.mark.parametrize("module", ["server", "logs", "supervision", "certificates"])
def test_nothing_of_metrics_and_traces_is_loaded_unless_it_is_wanted(module):
    code = (
        f"import sys, mover.serving.{module};"
        "print([name for name in ('opentelemetry', 'prometheus_client') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
