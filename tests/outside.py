"""A door that does not open: while it is closed, this process connects to nothing but this machine, and trusts nobody else."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LOCAL_NAMES = {"", "localhost", "ip6-localhost", socket.gethostname()}

TRUST_NOBODY = {"SSL_CERT_FILE": str(Path(__file__).with_name("nobody.pem"))}
"""For the environment of a process: instead of the system's authorities, one whose key was never kept.

Nobody outside is asked, so those serve nothing; and OpenSSL takes 25 ms to read them, for each context of a client.
"""


class OutsideRefusedError(RuntimeError):
    """A test tried to reach something that is not this machine."""


def refuse_outside() -> None:
    """From now on connecting, sending or resolving a foreign name raises OutsideRefusedError, whoever tries it.

    It cannot be undone: Python keeps an audit hook until it ends.
    """
    sys.addaudithook(_refuse)


@contextlib.contextmanager
def trusting_the_system() -> Iterator[None]:
    """For the tools that build and install, which may have to fetch something."""
    kept = {name: os.environ.pop(name) for name in TRUST_NOBODY if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


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
