"""`mover runner`: the process that moves files for the service."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import ExitStack

from mover.cli.codes import ALL_WELL
from mover.cli.loop import loop_factory
from mover.cli.process import collect_rarely
from mover.runner.client import TemporalAccess
from mover.runner.names import check_queue
from mover.runner.runner import Runner, open_runner, runner_name
from mover.serving.logs import log_service
from mover.settings import Settings
from mover.workplace.workplace import open_workplace

_log = logging.getLogger(__name__)


def run_runner(queue: str, metrics_port: int | None) -> int:
    """Run until SIGTERM or Ctrl-C, then let pairs come to a good moment to stop; a second signal hurries.

    Returns the exit code. Raises InvalidConfiguration and Locked: it cannot start.
    """
    check_queue(queue)
    settings = Settings()
    log_service("runner", settings)
    collect_rarely()
    with ExitStack() as stack:
        if settings.otlp_endpoint is not None:
            from mover.runner.traces import traced  # noqa: PLC0415 - OpenTelemetry is loaded only where it is wanted
            from mover.serving.traces import tracing  # noqa: PLC0415 - likewise

            provider = stack.enter_context(tracing("mover-runner", settings.otlp_endpoint))
            interceptors = [traced(provider)]
        else:
            interceptors = []
        with asyncio.Runner(loop_factory=loop_factory()) as loop:
            loop.run(_run(settings, queue, metrics_port, interceptors))
    return ALL_WELL


async def _run(settings: Settings, queue: str, metrics_port: int | None, interceptors: list) -> None:  # type: ignore[type-arg]
    name = runner_name(queue)
    access = TemporalAccess(settings, identity=name, interceptors=interceptors)
    async with (
        open_workplace(settings) as place,
        open_runner(place, access, queue=queue, name=name) as runner,
    ):
        with ExitStack() as stack:
            if metrics_port is not None:
                from mover.serving.metrics import published  # noqa: PLC0415 - loaded only where it is wanted

                stack.enter_context(published(runner.measures.registry, metrics_port))
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
