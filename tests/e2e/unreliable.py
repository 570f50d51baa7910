"""A TCP proxy in front of a real server that does to connections what bad networks do, and watches what goes by."""

from __future__ import annotations

import contextlib
import enum
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.servers.processes import LOOPBACK

_PIECE = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Trouble(enum.Enum):
    """What happens to a connection."""

    RESET = enum.auto()  # both ends see a TCP reset
    CUT = enum.auto()  # both ends see an orderly end, in the middle of things
    STALL = enum.auto()  # nothing is taken or handed on any more, and the connection stays
    CORRUPT = enum.auto()  # one byte is another one


class Way(enum.Enum):
    """Which way bytes go."""

    TO_SERVER = enum.auto()
    TO_CLIENT = enum.auto()


@dataclass
class Fault:
    """Trouble that is waiting for its moment.

    Attributes:
        trouble: What happens.
        way: In which direction.
        after_bytes: When that many bytes of one connection went by that way.
        times: On so many connections; None for all.
        happened: On how many so far.
    """

    trouble: Trouble
    way: Way
    after_bytes: int
    times: int | None = 1
    happened: int = 0


Watcher = Callable[[bytes], None]


@dataclass
class UnreliableProxy:
    """A running proxy.

    Attributes:
        port: Where it listens.
        faults: To come; may be changed at any time.
        watch: Called for each new connection; returns what is given all that goes to the server on it.
    """

    port: int
    faults: list[Fault] = field(default_factory=list)
    watch: Callable[[], Watcher] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)
    _released: threading.Event = field(default_factory=threading.Event)

    def add(self, trouble: Trouble, way: Way, after_bytes: int, *, times: int | None = 1) -> Fault:
        """Let something happen."""
        fault = Fault(trouble, way, after_bytes, times)
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        """Become a reliable proxy."""
        self.faults.clear()

    def drop_all(self) -> None:
        """Break all connections off, for good those that stall."""
        self._released.set()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _reset(connection)

    def _due(self, way: Way, before: int, after: int) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                left = fault.times is None or fault.happened < fault.times
                if left and fault.way is way and before <= fault.after_bytes < after:
                    fault.happened += 1
                    return fault
        return None

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        watcher = self.watch() if self.watch else None
        ways = (
            threading.Thread(
                target=self._pass_on, args=(client, server, Way.TO_SERVER, watcher), daemon=True
            ),
            threading.Thread(target=self._pass_on, args=(server, client, Way.TO_CLIENT, None), daemon=True),
        )
        with self._lock:
            self._open |= {client, server}
        for way in ways:
            way.start()
        for way in ways:
            way.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, way: Way, watcher: Watcher | None
    ) -> None:
        passed = 0
        try:
            while piece := source.recv(_PIECE):
                if watcher is not None:
                    watcher(piece)
                fault = self._due(way, passed, passed + len(piece))
                if fault is not None:
                    piece = self._happen(fault, piece, fault.after_bytes - passed, source, target)
                    if fault.trouble is not Trouble.CORRUPT:
                        return
                passed += len(piece)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # either end went away, which is what this proxy is for
            _reset(source)
            _reset(target)

    def _happen(
        self, fault: Fault, piece: bytes, at: int, source: socket.socket, target: socket.socket
    ) -> bytes:
        match fault.trouble:
            case Trouble.CORRUPT:
                return piece[:at] + bytes([piece[at] ^ 0x20]) + piece[at + 1 :]
            case Trouble.RESET:
                _reset(source)
                _reset(target)
            case Trouble.CUT:
                target.sendall(piece[:at])
                for end in (source, target):
                    end.shutdown(socket.SHUT_RDWR)
            case Trouble.STALL:
                target.sendall(piece[:at])
                self._released.wait()
        return piece


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
        connection.close()


@contextlib.contextmanager
def unreliable(target_port: int) -> Iterator[UnreliableProxy]:
    """Run a proxy in front of a port of this machine. It keeps listening while the server is away, and then hangs up."""
    with socket.create_server((LOOPBACK, 0), backlog=128) as listener:
        proxy = UnreliableProxy(listener.getsockname()[1])
        accepting = threading.Thread(target=_accept, args=(listener, target_port, proxy), daemon=True)
        accepting.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            proxy.drop_all()


def _accept(listener: socket.socket, target_port: int, proxy: UnreliableProxy) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # shut down at the end
            return
        try:
            server = socket.create_connection((LOOPBACK, target_port))
        except OSError:
            _reset(client)
            continue
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=proxy._serve, args=(client, server), daemon=True).start()
