"""The requests that pass by on plain HTTP connections, as a server's access log would have them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Seen:
    """One request to an S3 server, path style: what it does to which object."""

    method: str
    path: str  # bucket and key, not percent-encoded
    query: dict[str, str]

    @property
    def sends_whole_object(self) -> bool:
        """It is an upload of a whole object; markers of folders do not count."""
        return self.method == "PUT" and "partNumber" not in self.query and not self.path.endswith("/")

    @property
    def part(self) -> tuple[str, int] | None:
        """Upload id and number of the part that it sends, if it does."""
        if self.method != "PUT" or "partNumber" not in self.query:
            return None
        return self.query["uploadId"], int(self.query["partNumber"])


@dataclass
class RequestsSeen:
    """All requests so far, of all connections, in the order in which their heads passed by."""

    all: list[Seen] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def watch(self) -> Callable[[bytes], None]:
        """Watch another connection: returns what is to be given the bytes on their way to the server."""
        return _Connection(self._keep).feed

    def _keep(self, seen: Seen) -> None:
        with self._lock:
            self.all.append(seen)


class _Connection:
    """One connection: heads are read, bodies with a Content-Length are passed over (Mover's S3 requests all have one)."""

    def __init__(self, keep: Callable[[Seen], None]) -> None:
        self._keep = keep
        self._head = b""
        self._body_left = 0

    def feed(self, piece: bytes) -> None:
        while piece:
            if self._body_left:
                passed = min(self._body_left, len(piece))
                self._body_left -= passed
                piece = piece[passed:]
                continue
            head, end, rest = (self._head + piece).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            self._head, piece = b"", rest
            self._keep(self._request(head.decode("latin-1")))

    def _request(self, head: str) -> Seen:
        line, *fields = head.split("\r\n")
        for header in fields:
            name, _, value = header.partition(":")
            match name.strip().lower():
                case "content-length":
                    self._body_left = int(value)
                case "transfer-encoding":
                    raise AssertionError(f"a body without a length: {line}")
        method, target, _ = line.split(" ")
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        return Seen(method, unquote(parts.path), {name: values[0] for name, values in query.items()})
