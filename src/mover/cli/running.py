"""`mover runner`: the process that moves files for the service."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from mover.cli.codes import ALL_WELL
from mover.cli.loop import loop_factory
from mover.cli.process import collect_rarely
from mover.runner.client import TemporalAccess
from mover.runner.names import check_queue
from mover.runner.runner import Runner, open_runner, runner_name
from mover.serving.logs import log_service
from mover.serving.memory import keep_out_of_swap
from mover.settings import Settings
from mover.workplace.workplace import open_workplace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_log = logging.getLogger(__name__)


def run_runner(queue: str, metrics_port: int | None) -> int:
    """Run until SIGTERM or Ctrl-C, then let pairs come to a good moment to stop; a second signal hurries.

    Returns the exit code. Raises InvalidConfiguration and Locked: it cannot start.
    """
    check_queue(queue)
    settings = Settings()
    log_service("runner", settings)
    keep_out_of_swap(settings.lock_memory)
    collect_rarely()
    with ExitStack() as stack:
        provider: TracerProvider | None = None
        if settings.otlp_endpoint is not None:
            # OpenTelemetry is loaded only where it is wanted.
            from mover.serving.span_export import CollectorExporter  # noqa: PLC0415
            from mover.serving.traces import tracing  # noqa: PLC0415

            exporter = CollectorExporter.from_settings(settings.otlp_endpoint, settings)
            provider = stack.enter_context(tracing("mover-runner", exporter))
        with asyncio.Runner(loop_factory=loop_factory()) as loop:
            loop.run(_run(settings, queue, metrics_port, provider))
    return ALL_WELL


async def _run(
    settings: Settings, queue: str, metrics_port: int | None, provider: TracerProvider | None
) -> None:
    name = runner_name(queue)
    async with AsyncExitStack() as opened:
        place = await opened.enter_async_context(open_workplace(settings))
        access = TemporalAccess(settings, identity=name)
        if provider is not None:
            from mover.runner.traces import traced, traced_connectors  # noqa: PLC0415 - as above

            place = replace(place, wrap=traced_connectors(provider, names=settings.otlp_names))
            access = TemporalAccess(settings, identity=name, interceptors=[traced(provider)])
        runner = await opened.enter_async_context(open_runner(place, access, queue=queue, name=name))
        if metrics_port is not None:
            from mover.serving.metrics import published  # noqa: PLC0415 - loaded only where it is wanted

            tls = None
            if settings.metrics_tls:
                from mover.serving.server_certificate import certificate_of  # noqa: PLC0415 - as above

                tls = certificate_of(settings)
                opened.callback(asyncio.create_task(tls.keep_fresh()).cancel)
            opened.enter_context(published(runner.measures.registry, metrics_port, tls=tls))
        _end_on_signals(runner)
        _log.info("runner %s works on the queue %s", name, queue)
        _say_ready()
        await runner.run()
        _log.info("runner %s has ended", name)


def _end_on_signals(runner: Runner) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, runner.end)


def _say_ready() -> None:
    """Tell the process that started this one, if it wants to know."""
    if told := os.environ.pop("MOVER_READY_DESCRIPTOR", ""):
        with open(int(told), "wb") as pipe:  # noqa: PTH123 - a descriptor has no path
            pipe.write(b"1")
