"""Spans leave through the one way out: to where the operator says, through the proxy, and nowhere if that fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from tests.servers.collector import collector
from tests.servers.processes import free_port
from tests.transport.scripted_server import Client, serving

from mover.serving.span_export import CollectorExporter
from mover.serving.traces import tracing
from mover.settings import Settings
from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("P7", "egress")


def a_span() -> ReadableSpan:
    span = TracerProvider().get_tracer("test").start_span("one")
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
def test_a_collector_gets_them(path: str, mover_home: Path) -> None:
    with collector() as found:
        exporter = CollectorExporter.from_settings(found.endpoint + path, Settings(home=mover_home))
        assert exporter.export([a_span(), a_span()]) is SpanExportResult.SUCCESS
        exporter.shutdown()
    assert [span.name for span in found.spans] == ["one", "one"]


async def test_the_proxy_is_asked_and_looks_the_name_up(mover_home: Path) -> None:
    asked: list[bytes] = []

    async def refuse(client: Client) -> None:
        asked.append(await client.reader.readuntil(b"\r\n\r\n"))
        client.writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        await client.writer.drain()

    async with serving(refuse, None) as served:
        proxy = Secret(f"http://mover:w0rd@127.0.0.1:{served.port}")
        exporter = CollectorExporter.from_settings(
            "http://collector.invalid:4318", Settings(home=mover_home, proxy=proxy)
        )
        result = await asyncio.to_thread(exporter.export, [a_span()])
        exporter.shutdown()
    assert result is SpanExportResult.FAILURE
    assert asked
    assert all(head.startswith(b"CONNECT collector.invalid:4318 HTTP/1.1\r\n") for head in asked)


def test_what_cannot_be_sent_is_dropped_with_a_word(
    mover_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = CollectorExporter.from_settings(f"http://127.0.0.1:{free_port()}", Settings(home=mover_home))
    assert exporter.export([a_span()]) is SpanExportResult.FAILURE
    exporter.shutdown()
    assert "spans are lost (1), the collector did not take them" in caplog.text


def test_what_is_left_is_sent_at_the_end(mover_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    monkeypatch.setattr("mover.serving.traces.trace.set_tracer_provider", lambda _provider: None)
    with collector() as found:
        exporter = CollectorExporter.from_settings(found.endpoint, Settings(home=mover_home))
        with tracing("test", exporter) as provider:
            provider.get_tracer("test").start_span("late").end()
            assert found.spans == []
        assert [span.name for span in found.spans] == ["late"]
