"""OpenStack Swift: its own API with TempAuth, and the S3 API beside it, both on the same machine."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.servers.certificates import make_certificates
from tests.servers.jail import INSIDE, jailed, prepare
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running
from tests.servers.s3 import S3Server, answers
from tests.servers.swift_configuration import SwiftPorts, write_configuration

KEY = "a-key-of-tempauth"
_DELETED_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class SwiftServer:
    """A running Swift with one storage node.

    Attributes:
        port: Over TLS.
        plain_port: Of the same account without TLS.
        memcached_port: Where the tokens are kept.
        username: As TempAuth wants it, account:user. The account is the user's own.
        reader: A user of the same account who may do only what a container allows by name.
        password: Of both.
        s3: Another account, through the S3 API.
        log: What the servers print.
    """

    host: str
    port: int
    plain_port: int
    memcached_port: int
    username: str
    reader: str
    password: str
    ca_file: Path
    s3: S3Server
    log: Path

    @property
    def auth_url(self) -> str:
        """Where TempAuth signs in."""
        return f"https://{self.host}:{self.port}/auth/v1.0"

    @property
    def plain_auth_url(self) -> str:
        """Likewise without TLS."""
        return f"http://{self.host}:{self.plain_port}/auth/v1.0"

    def account(self, username: str | None = None) -> SwiftAccount:
        """Sign in, to set the stage with and to look at the result."""
        return SwiftAccount(self, username or self.username)

    def forget_tokens(self) -> None:
        """Let every token that was given end now."""
        with socket.create_connection((LOOPBACK, self.memcached_port), timeout=5) as memcached:
            memcached.sendall(b"flush_all\r\n")
            assert memcached.recv(64) == b"OK\r\n"


@dataclass(frozen=True)
class Answer:
    """What came back; headers with lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class SwiftAccount:
    """A signed-in client with nothing but Python's own HTTP."""

    def __init__(self, server: SwiftServer, username: str) -> None:
        self._context = ssl.create_default_context(cafile=server.ca_file)
        self._place = (server.host, server.port)
        headers = {"X-Auth-User": username, "X-Auth-Key": server.password}
        signed_in = self._send("GET", "/auth/v1.0", headers, b"")
        assert signed_in.status == http.client.OK, signed_in
        self.token = signed_in.headers["x-auth-token"]
        self.storage_url = signed_in.headers["x-storage-url"]
        self._path = urlsplit(self.storage_url).path

    def call(
        self, method: str, place: str = "", *, query: str = "", body: bytes = b"", **headers: str
    ) -> Answer:
        """Call something below the account; `X_Object_Meta_Mtime=...` are headers. Any status is an answer."""
        sent = {"X-Auth-Token": self.token} | {name.replace("_", "-"): text for name, text in headers.items()}
        path = self._path + (f"/{quote(place)}" if place else "") + (f"?{query}" if query else "")
        return self._send(method, path, sent, body)

    def put(self, place: str, body: bytes = b"", *, query: str = "", **headers: str) -> Answer:
        """Write an object, or create a container."""
        answer = self.call("PUT", place, query=query, body=body, **headers)
        assert answer.status in {201, 202}, answer
        return answer

    def get(self, place: str, *, query: str = "") -> bytes:
        """Read an object."""
        answer = self.call("GET", place, query=query)
        assert answer.status == http.client.OK, answer
        return answer.body

    def listed(self, container: str) -> list[dict[str, Any]]:
        """Lines of a container's listing; none if it is not there."""
        lines: list[dict[str, Any]] = []
        while True:
            marker = quote(lines[-1]["name"]) if lines else ""
            answer = self.call("GET", container, query=f"format=json&marker={marker}")
            if answer.status != http.client.OK or not answer.json:
                return lines
            lines += answer.json

    def names(self, container: str) -> list[str]:
        """Names of the objects in a container."""
        return [line["name"] for line in self.listed(container)]

    def delete(self, places: Sequence[str]) -> None:
        """Delete objects and, behind them, empty containers."""
        for start in range(0, len(places), _DELETED_AT_ONCE):
            some = "\n".join(map(quote, places[start : start + _DELETED_AT_ONCE])).encode()
            headers = {"Content_Type": "text/plain", "Accept": "application/json"}
            answer = self.call("POST", query="bulk-delete", body=some, **headers)
            assert not answer.json["Errors"], answer

    def objects(self, container: str) -> dict[str, bytes]:
        """Read all objects of a container, by name with a leading slash; markers of folders are left out."""
        return {
            f"/{name}": self.get(f"{container}/{name}") for name in self.names(container) if name[-1] != "/"
        }

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPSConnection(*self._place, timeout=60, context=self._context)
        with contextlib.closing(connection):
            connection.request(
                method, path, body=body or None, headers={"Content-Length": str(len(body)), **headers}
            )
            answer = connection.getresponse()
            told = {name.lower(): text for name, text in answer.getheaders()}
            return Answer(answer.status, told, answer.read())


@contextlib.contextmanager
def swift(folder: Path) -> Iterator[SwiftServer]:
    """Run OpenStack Swift (account, container, object, two proxies, memcached) with TempAuth and s3api; needs root.

    Objects lie on an XFS image that only the jail mounts: ext4 keeps at most 4 KiB of attributes a file, and Swift's
    metadata may need more. No updaters run, so what accounts hold is not counted.
    """
    ports = SwiftPorts(*(free_port() for _ in SwiftPorts._fields))
    prepare(folder)
    certificates = make_certificates(folder / "tls")
    configuration = folder / "swift"
    write_configuration(configuration, INSIDE / "swift", ports, tls=INSIDE / "tls")
    mount = """
        [ -f /srv/objects.xfs ] || { truncate -s 20G /srv/objects.xfs; mkfs.xfs -q -i size=1024 /srv/objects.xfs; }
        mkdir -p /srv/devices/disk && mount -o loop /srv/objects.xfs /srv/devices/disk && exec "$@"
    """
    node = [sys.executable, Path(__file__).with_name("swift_node.py"), INSIDE / "swift"]
    command = jailed(folder, ["sh", "-ec", mount, "mount", *map(str, node)])
    log = folder / "log"
    healthy = answers(ports.proxy, certificates.ca_file, "/healthcheck", {200})

    def ready() -> bool:
        return all(map(accepts_connections, ports)) and healthy()

    with running(command, log=log, ready=ready, within_s=60, end_with=signal.SIGKILL):
        yield SwiftServer(
            host=LOOPBACK,
            port=ports.proxy,
            plain_port=ports.plain,
            memcached_port=ports.memcached,
            username="mover:mover",
            reader="mover:reader",
            password=KEY,
            ca_file=certificates.ca_file,
            s3=S3Server(
                host=LOOPBACK,
                port=ports.proxy,
                url=f"https://{LOOPBACK}:{ports.proxy}",
                region="us-east-1",
                access_key="test:tester",
                secret_key="testing",
                ca_file=certificates.ca_file,
                read_only_access_key=None,
                log=log,
            ),
            log=log,
        )
