"""A service whose refresh tokens are good for one exchange each, over HTTP on loopback so that several processes can ask it."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.servers.processes import LOOPBACK


@dataclass
class TokenService:
    """Hands out `access-N` and `refresh-N` for `refresh-(N-1)`.

    Attributes:
        generation: N of the newest pair.
        exchanges: Refresh tokens that were presented, in order.
        refused: How many of them were not the newest.
        forgiving: Answers once more for the last one that was used up, as services with a grace period do.
        loses: Takes no notice of requests, as if they had been lost on their way.
        hold: While it is not set, requests are not answered.
        asked: Set with each request.
    """

    port: int = 0
    generation: int = 0
    exchanges: list[str] = field(default_factory=list)
    refused: int = 0
    forgiving: bool = False
    loses: bool = False
    hold: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def exchange(self, token: str) -> str | None:
        """Return the number of the new pair; None if the token is not good."""
        with self.lock:
            self.exchanges.append(token)
            if token == f"refresh-{self.generation}":
                self.generation += 1
            elif not (self.forgiving and token == f"refresh-{self.generation - 1}"):
                self.refused += 1
                return None
            return str(self.generation)


@contextlib.contextmanager
def token_service() -> Iterator[TokenService]:
    """Run the service for the time of a `with` block."""
    service = TokenService()
    service.hold.set()

    class Handler(http.server.BaseHTTPRequestHandler):
        wbufsize = -1

        def do_POST(self) -> None:
            token = self.rfile.read(int(self.headers["Content-Length"])).decode()
            service.asked.set()
            lost = service.loses
            service.hold.wait(60)
            if lost:
                return
            number = service.exchange(token)
            self.send_response(200 if number else 400)
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked was killed
                self.wfile.write((number or "").encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            pass

    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler)
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
