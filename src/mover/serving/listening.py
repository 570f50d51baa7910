"""Where a server listens: `host:port` as the operator writes it, and the sockets for it."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from mover.errors import InvalidConfiguration, Locked

_BACKLOG = 1024
_WRITTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s/]*)):(?P<port>[0-9]{1,5})")
_LARGEST_PORT = 65_535


@dataclass(frozen=True)
class Place:
    """A host (empty: every address of this machine) and a port (0: any free one)."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `localhost:8443`, `[::1]:8443`, `0.0.0.0:443` or `:8443`; raises ValueError."""
        match = _WRITTEN.fullmatch(text.strip())
        if match is None or int(match["port"]) > _LARGEST_PORT:
            raise ValueError(f"{text!r} is not HOST:PORT; give, for example, localhost:8443 or 0.0.0.0:443")
        return cls(match["six"] or match["host"] or "", int(match["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host or "*"
        return f"{host}:{self.port}"


def listen(place: Place) -> list[socket.socket]:
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
                    raise InvalidConfiguration(f"this user may not listen at {place}; choose a port above 1023") from None
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
