"""`mover api`: the process that answers programs and people."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence

from mover.cli.codes import ALL_WELL
from mover.cli.listening import listening
from mover.cli.loop import loop_factory
from mover.cli.process import collect_rarely
from mover.serving.api_process import run_api
from mover.serving.logs import log_service
from mover.serving.memory import keep_out_of_swap

READY_VARIABLE = "MOVER_READY_DESCRIPTOR"


def serve_api(host: str | None, port: int | None, descriptors: Sequence[int]) -> int:
    """Serve until SIGTERM or Ctrl-C, and return the exit code. Raises InvalidConfiguration and Locked.

    Args:
        host: Where to listen, instead of what the settings say.
        port: Likewise.
        descriptors: Sockets that the process that started this one listens on.
    """
    settings, sockets = listening(host, port, [socket.socket(fileno=each) for each in descriptors])
    log_service("api", settings)
    keep_out_of_swap(settings.lock_memory)
    collect_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run_api(settings, sockets=sockets, ready=say_ready))
    return ALL_WELL


def say_ready() -> None:
    """Tell the process that started this one, if it wants to know."""
    if told := os.environ.pop(READY_VARIABLE, ""):
        with open(int(told), "wb") as pipe:  # noqa: PTH123 - a descriptor has no path
            pipe.write(b"1")
