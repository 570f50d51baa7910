"""The sockets that a server listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from contextlib import suppress

from mover.errors import InvalidConfiguration, Locked
from mover.settings import ListenAt

_BACKLOG = 1024


def listen(place: ListenAt) -> list[socket.socket]:
    """Open listening sockets at all addresses of a place, IPv4 and IPv6; the caller closes them.

    Raises Locked if somebody listens there already, and InvalidConfiguration if this machine cannot listen there.
    """
    try:
        found = socket.getaddrinfo(
            place.host or None, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError:
        raise InvalidConfiguration(f"this machine has no address {place.host!r} to listen at") from None
    opened: list[socket.socket] = []
    port = place.port
    unusable: OSError | None = None
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            try:
                opened.append(_listening(family, (address[0], port, *address[2:])))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise Locked(f"port {port} is taken: another program listens at {place}") from None
                if error.errno in {errno.EACCES, errno.EPERM}:
                    raise InvalidConfiguration(
                        f"this user may not listen at {place}; choose a port above 1023"
                    ) from None
                unusable = error  # localhost has an IPv6 address in many a container that has no IPv6
                continue
            port = port or opened[0].getsockname()[1]
    except BaseException:
        close_all(opened)
        raise
    if not opened:
        why = unusable.strerror if unusable else "no address"
        raise InvalidConfiguration(f"this machine cannot listen at {place}: {why}")
    return opened


def close_all(sockets: Sequence[socket.socket]) -> None:
    """Close sockets."""
    for opened in sockets:
        with suppress(OSError):
            opened.close()


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened
