"""A proxy in front of an FTP server in the clear whose data connections meet trouble; the control connection does not."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator

from tests.e2e.unreliable import UnreliableProxy
from tests.servers.processes import LOOPBACK

_PIECE = 64 * 1024
_EXTENDED = re.compile(rb"(229 [^(]*\(\|\|\|)(\d+)(\|\))")


@contextlib.contextmanager
def unreliable_ftp(server_port: int) -> Iterator[UnreliableProxy]:
    """Run one. Its faults happen to data connections, which clients must ask for by EPSV."""
    with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
        proxy = UnreliableProxy(listener.getsockname()[1])
        between = _Between(server_port, proxy)
        accepting = threading.Thread(target=between.accept, args=(listener,), daemon=True)
        accepting.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            proxy.drop_all()
            between.close()


class _Between:
    """Passes control connections on, and lends a port for each data connection."""

    def __init__(self, server_port: int, proxy: UnreliableProxy) -> None:
        self._server_port = server_port
        self._proxy = proxy
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # shut down at the end
                return
            server = socket.create_connection((LOOPBACK, self._server_port))
            self._sockets += [client, server]
            self._start(self._pass_on, client, server, False)
            self._start(self._pass_on, server, client, True)

    def close(self) -> None:
        for opened in self._sockets:
            with contextlib.suppress(OSError):  # shut already
                opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for opened in self._sockets:
            opened.close()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answering: bool) -> None:  # noqa: FBT001 - for a thread
        with contextlib.suppress(OSError):  # either end went away
            while piece := source.recv(_PIECE):
                target.sendall(_EXTENDED.sub(self._lend, piece) if is_answering else piece)
            target.shutdown(socket.SHUT_WR)

    def _lend(self, found: re.Match[bytes]) -> bytes:
        """Name a port of this proxy instead of the server's."""
        listener = socket.create_server((LOOPBACK, 0))
        self._sockets.append(listener)
        self._start(self._serve_once, listener, int(found[2]))
        return found[1] + str(listener.getsockname()[1]).encode() + found[3]

    def _serve_once(self, listener: socket.socket, server_port: int) -> None:
        with contextlib.suppress(OSError):  # nobody came before the end
            client, _ = listener.accept()
            listener.close()
            self._proxy._serve(client, socket.create_connection((LOOPBACK, server_port)))
