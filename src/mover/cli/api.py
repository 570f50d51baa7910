"""`mover api`: the process that answers programs and people."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence

from mover.cli.codes import ALL_WELL
from mover.cli.loop import loop_factory
from mover.cli.process import collect_rarely
from mover.serving.api_process import run_api
from mover.serving.listening import listen
from mover.serving.logs import log_service
from mover.settings import ListenAt, Settings

READY_VARIABLE = "MOVER_READY_DESCRIPTOR"


def settings_with(host: str | None, port: int | None) -> Settings:
    """The operator's settings, with what was given on the command line. Raises InvalidConfiguration."""
    settings = Settings()
    if host is None and port is None:
        return settings
    place = settings.listen
    return Settings(
        listen=ListenAt(place.host if host is None else host, place.port if port is None else port)
    )


def listening(
    host: str | None, port: int | None, inherited: Sequence[socket.socket] = ()
) -> tuple[Settings, list[socket.socket]]:
    """The settings, and the sockets that they want, or those that are there; the port is the real one.

    Raises InvalidConfiguration and Locked.
    """
    settings = settings_with(host, port)
    sockets = list(inherited) or listen(settings.listen)
    for each in sockets:
        each.setblocking(False)
    if settings.listen.port == 0:
        settings = settings_with(host, sockets[0].getsockname()[1])
    return settings, sockets


def serve_api(host: str | None, port: int | None, descriptors: Sequence[int]) -> int:
    """Serve until SIGTERM or Ctrl-C, and return the exit code. Raises InvalidConfiguration and Locked.

    Args:
        host: Where to listen, instead of what the settings say.
        port: Likewise.
        descriptors: Sockets that the process that started this one listens on.
    """
    settings, sockets = listening(host, port, [socket.socket(fileno=each) for each in descriptors])
    log_service("api", settings)
    collect_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run_api(settings, sockets=sockets, ready=say_ready))
    return ALL_WELL


def say_ready() -> None:
    """Tell the process that started this one, if it wants to know."""
    if told := os.environ.pop(READY_VARIABLE, ""):
        with open(int(told), "wb") as pipe:  # noqa: PTH123 - a descriptor has no path
            pipe.write(b"1")
