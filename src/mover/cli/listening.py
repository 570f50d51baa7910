"""Where a command of the service listens: what its options say, else the operator's settings."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from mover.serving.listening import listen
from mover.settings import ListenAt, Settings


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
