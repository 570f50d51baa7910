"""A web server in front of a real one that asks its clients for fewer calls, in the ways in which services do."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.processes import LOOPBACK

_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True)
class Call:
    """A request that came. `throttled_s` is how long it was asked to stay away; None if it was served."""

    at: float
    method: str
    path: str
    throttled_s: float | None


@dataclass
class Throttle:
    """What is asked of clients.

    Attributes:
        status: Of the answer to a call too many: 429 or 503.
        as_date: `Retry-After` is a date rather than seconds.
        wait_s: How long to stay away.
        too_many: Told the calls under way at once and the call; says whether it is one too many.
        calls: That came, in order.
    """

    status: int
    as_date: bool
    wait_s: int
    too_many: Callable[[int, str, str], bool]
    calls: list[Call] = field(default_factory=list)
    port: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def retry_after(self) -> str:
        """The header's value."""
        if self.as_date:
            return email.utils.formatdate(
                time.time() + self.wait_s + 1, usegmt=True
            )  # dates have whole seconds
        return str(self.wait_s)

    @contextlib.contextmanager
    def call(self, method: str, path: str) -> Iterator[bool]:
        """Note a call, and tell whether it is served."""
        with self._lock:
            self._at_once += 1
            refused = self.too_many(self._at_once, method, path)
            self.calls.append(Call(time.monotonic(), method, path, self.wait_s if refused else None))
        try:
            yield not refused
        finally:
            with self._lock:
                self._at_once -= 1


class _Server(ThreadingHTTPServer):
    request_queue_size = (
        128  # of fewer connections at once some would wait for a second, and then come too late
    )

    def __init__(self, throttle: Throttle, target_port: int) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.throttle = throttle
        self.target_port = target_port


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):  # any method of HTTP or WebDAV
            return self._handle
        raise AttributeError(name)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        body = self._body()
        throttle = self.server.throttle
        with throttle.call(self.command, self.path) as served:
            if served:
                self._pass_on(body)
            else:
                self._answer(throttle.status, {"Retry-After": throttle.retry_after()}, b"slow down")

    def _pass_on(self, body: bytes) -> None:
        with contextlib.closing(http.client.HTTPConnection(LOOPBACK, self.server.target_port)) as server:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _OF_ONE_CONNECTION:
                    server.putheader(name, value)
            server.putheader("Content-Length", str(len(body)))
            server.endheaders(body)
            answer = server.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        if status not in {http.client.NO_CONTENT, http.client.NOT_MODIFIED}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)


@contextlib.contextmanager
def throttling(throttle: Throttle, target_port: int) -> Iterator[Throttle]:
    """Serve in front of a plain HTTP server of this machine."""
    with _Server(throttle, target_port) as server:
        throttle.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield throttle
        finally:
            server.shutdown()
            thread.join()
