"""`mover web`: the process that shows pages, and can unwrap no secret."""

from __future__ import annotations

import asyncio

from mover.cli.api import say_ready
from mover.cli.codes import ALL_WELL
from mover.cli.listening import listening
from mover.cli.loop import loop_factory
from mover.cli.process import collect_rarely
from mover.serving.logs import log_service
from mover.serving.web_process import run_web


def serve_web(host: str | None, port: int | None) -> int:
    """Serve until SIGTERM or Ctrl-C, and return the exit code. Raises InvalidConfiguration and Locked."""
    settings, sockets = listening(host, port)
    log_service("web", settings)
    collect_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run_web(settings, sockets=sockets, ready=say_ready))
    return ALL_WELL
