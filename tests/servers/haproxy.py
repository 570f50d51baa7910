"""HAProxy with the configuration that operators get (`deploy/haproxy`), before two APIs of this machine."""

from __future__ import annotations

import contextlib
import csv
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Certificates
from tests.servers.processes import LOOPBACK, accepts_connections, running, tool

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy" / "haproxy.cfg"


@dataclass(frozen=True)
class LoadBalancer:
    """A running HAProxy.

    Attributes:
        port: Where people and programs come.
        log: What it prints.
    """

    port: int
    log: Path
    _socket: Path

    def states(self) -> Mapping[str, str]:
        """What it thinks of each API: `UP`, `DOWN` and the like."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._socket))
            line.sendall(b"show stat\n")
            told = b"".join(iter(lambda: line.recv(65536), b"")).decode()
        rows = csv.DictReader(told.removeprefix("# ").splitlines())
        return {
            row["svname"]: row["status"]
            for row in rows
            if row["pxname"] == "apis" and row["svname"] != "BACKEND"
        }


@contextlib.contextmanager
def haproxy(
    folder: Path, certificates: Certificates, *, port: int, apis: tuple[int, int], check_every: str = "500ms"
) -> Iterator[LoadBalancer]:
    """Run it for the time of a `with` block; the APIs need not be there yet.

    Args:
        folder: Throwaway folder, with a short name: it holds a socket.
        certificates: For `localhost`, of the front and of the APIs.
        port: To listen on.
        apis: The ports of the two.
        check_every: How often it looks after them.
    """
    folder.mkdir(exist_ok=True)
    both = folder / "front.pem"
    both.touch(mode=0o600)
    both.write_bytes(certificates.certificate.read_bytes() + certificates.key.read_bytes())
    environment = {
        "FRONT": f"{LOOPBACK}:{port}",
        "FRONT_CERTIFICATE": str(both),
        "API_CA_FILE": str(certificates.ca_file),
        "API_1": f"{LOOPBACK}:{apis[0]}",
        "API_2": f"{LOOPBACK}:{apis[1]}",
        "API_NAME": "localhost",
        "CHECK_EVERY": check_every,
        "ADMIN_SOCKET": str(folder / "admin"),
    }
    with running(
        [tool("haproxy"), "-db", "-f", CONFIGURATION],
        log=folder / "log",
        ready=lambda: accepts_connections(port),
        environment=environment,
    ):
        yield LoadBalancer(port, folder / "log", folder / "admin")
