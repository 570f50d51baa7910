"""Traces join what was asked for, the workflow, the slice and the calls at services; no name of a file is in them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.e2e.places import put
from tests.runner.conftest import TOLD, Service
from tests.runner.stage import Organisation
from tests.runner.test_runs import reached
from tests.runner.watching import until

from mover.migrations.scheduler import Scheduler
from mover.runner.client import TemporalAccess
from mover.runner.orchestration import TemporalOrchestration
from mover.runner.reconciler import Reconciler
from mover.runner.traces import traced, traced_connectors

pytestmark = [pytest.mark.servers, pytest.mark.timeout(120)]


def collected() -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


async def test_one_trace_from_the_nudge_to_the_calls_at_services(service: Service, tmp_path):
    provider, exporter = collected()
    organisation = await Organisation.make(service.place, tmp_path)
    put(organisation.source, {"/Payroll/salaries.xlsx": b"content"})
    settings = service.place.settings
    place = replace(service.place, wrap=traced_connectors(provider, names=False))
    access = TemporalAccess(settings, interceptors=[traced(provider)])
    api = TemporalOrchestration(Reconciler(place.database, access, Scheduler(place.database)))
    other = replace(service, place=place)
    async with other.running(pace=TOLD, interceptors=[traced(provider)]) as runner:
        await until(lambda: runner._looks)
        with provider.get_tracer("test").start_as_current_span("POST /runs") as asked:
            (run,) = await organisation.start("/Payroll")
            await api.nudge(organisation.id)
        await reached(organisation, run, "ended")
        await until(lambda: "RunActivity:run_slice" in {span.name for span in exporter.get_finished_spans()})
    spans = exporter.get_finished_spans()
    same = {span.name for span in spans if span.context.trace_id == asked.get_span_context().trace_id}
    assert {"POST /runs", "RunActivity:run_slice", "local list_folder", "local upload"} <= same
    told = " ".join(span.to_json() for span in spans)
    assert "Payroll" not in told
    assert "salaries" not in told
