"""The sockets that libcurl works with: opened here, to the addresses of the route and no others, and shut from any thread."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Collection
from typing import Any

from mover.errors import AddressRefused
from mover.transport.curl_library import pycurl

_MOMENT_S = 0.5
_LONGEST_WORDS = 4096  # bytes


class CurlSockets:
    """Control connection and data connection of one handle. The callbacks may not raise: libcurl could not pass it on.

    Args:
        allowed: Addresses that may be connected to.

    Attributes:
        refused: Why the last connection was not opened, if that was for its address.
        is_shut: Nothing is opened any more.
        hears_out: Keep what has come on the control connection when it is closed.
        last_words: What that was.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self.refused: AddressRefused | None = None
        self.is_shut = False
        self.hears_out = False
        self.last_words = b""
        self._allowed = allowed
        self._lock = threading.Lock()
        self._numbers: list[int] = []
        self._handed_over: socket.socket | None = None

    def __len__(self) -> int:
        return len(self._numbers)

    def options(self) -> dict[int, Any]:
        """Return libcurl's options that have it come here."""
        return {
            pycurl.OPENSOCKETFUNCTION: self._open,
            pycurl.SOCKOPTFUNCTION: self._opened,
            pycurl.CLOSESOCKETFUNCTION: self._close,
        }

    def shut(self) -> None:
        """Shut all, so that nothing waits for them any more; from now on none is opened."""
        with self._lock:
            self.is_shut = True
            for number in self._numbers:
                with socket.socket(fileno=os.dup(number)) as shut:
                    try:
                        shut.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue  # it is broken already

    def first_is_quiet(self) -> bool:
        """Whether the control connection stands, and nothing has come that nobody has read."""
        with self._lock:
            if not self._numbers:
                return False
            control = socket.socket(fileno=os.dup(self._numbers[0]))
        with control:
            control.setblocking(False)
            try:
                control.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                return True
            except OSError:
                return False
        return False

    def _open(self, _purpose: int, address: Any) -> socket.socket | int:
        place = address.addr[0] if isinstance(address.addr, tuple) else None
        if place not in self._allowed:
            self.refused = AddressRefused("the server leads to an address that is not its own")
            return pycurl.SOCKET_BAD
        # libcurl works on a copy, which `_opened` sees next; this one must not outlive it, or nobody would see it closed.
        self._handed_over = socket.socket(address.family, address.socktype, address.protocol)
        return self._handed_over

    def _opened(self, number: int, _purpose: int) -> int:
        if self._handed_over is not None:
            self._handed_over.close()
        with self._lock:
            if self.is_shut:
                return pycurl.SOCKOPT_ERROR
            self._numbers.append(number)
        return pycurl.SOCKOPT_OK

    def _close(self, number: int) -> int:
        if self.hears_out and self._numbers[:1] == [number]:
            self.last_words = _what_waits(number)
        with self._lock:
            if number in self._numbers:
                self._numbers.remove(number)
            os.close(number)
        return 0


def _what_waits(number: int) -> bytes:
    """Return what comes within a moment, or has come already."""
    with socket.socket(fileno=os.dup(number)) as control:
        control.settimeout(_MOMENT_S)
        try:
            return control.recv(_LONGEST_WORDS)
        except OSError:
            return b""
