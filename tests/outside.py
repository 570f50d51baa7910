"""A door that does not open: while it is closed, this process connects to nothing but this machine."""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

_LOCAL_NAMES = {"", "localhost", "ip6-localhost", socket.gethostname()}


class OutsideRefusedError(RuntimeError):
    """A test tried to reach something that is not this machine."""


def refuse_outside() -> None:
    """From now on connecting, sending or resolving a foreign name raises OutsideRefusedError, whoever tries it.

    It cannot be undone: Python keeps an audit hook until it ends.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    match event:
        case "socket.connect" | "socket.sendto" | "socket.sendmsg":
            address = arguments[1]
            if isinstance(address, tuple) and not _is_local(address[0]):
                raise OutsideRefusedError(f"{event} to {address[0]}")
        case "socket.getaddrinfo" | "socket.gethostbyname" | "socket.gethostbyaddr":
            if arguments[0] is not None and _needs_asking(arguments[0]):
                raise OutsideRefusedError(f"{event} of {arguments[0]}")


def _text(host: object) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)


def _is_local(host: object) -> bool:
    """Tell whether an address stays on this machine; `connect` to the unspecified address does."""
    try:
        address = ipaddress.ip_address(_text(host).partition("%")[0])
    except ValueError:
        return not _needs_asking(host)
    return address.is_loopback or address.is_unspecified


def _needs_asking(host: object) -> bool:
    """Tell whether resolving a name would ask a server: addresses and this machine's own names do not."""
    name = _text(host)
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name.rstrip(".") not in _LOCAL_NAMES
    return False
