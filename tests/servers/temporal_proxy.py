"""TLS before Temporal: HAProxy with the configuration of `deploy/temporal`, certificates of clients and an API key."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import make_certificates
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

_CONFIGURATION = Path(__file__).parents[2] / "deploy" / "temporal" / "haproxy.cfg"


@dataclass
class TemporalProxy:
    """The proxy; `start` and `stop` as often as a test likes, on the same port."""

    address: str
    tls: Path
    api_key: str
    _folder: Path
    _server: str
    _port: int
    _running: contextlib.ExitStack

    def start(self, authorities: Sequence[Path] = ()) -> None:
        """Start it. Clients have to show a certificate of one of these authorities; by default that of `tls`."""
        trusted = self._folder / "clients.pem"
        trusted.write_bytes(b"".join(path.read_bytes() for path in authorities or [self.tls / "ca.pem"]))
        environment = {
            "TEMPORAL_LISTEN": f"{LOOPBACK}:{self._port}",
            "TEMPORAL_CERTIFICATE": str(self._folder / "proxy.pem"),
            "TEMPORAL_CLIENT_CA": str(trusted),
            "TEMPORAL_API_KEY": self.api_key,
            "TEMPORAL_SERVER": self._server,
        }
        self._running.enter_context(
            running(
                [tool("haproxy"), "-db", "-f", _CONFIGURATION],
                log=self._folder / "log",
                ready=lambda: accepts_connections(self._port),
                environment=environment,
            )
        )

    def stop(self) -> None:
        """End it; all connections through it end too."""
        self._running.close()


@contextlib.contextmanager
def temporal_proxy(folder: Path, tls: Path, server: str, api_key: str) -> Iterator[TemporalProxy]:
    """Run it before the Temporal at `server`, for the time of a `with` block; `tls` is a folder of certificates."""
    made = make_certificates(tls)
    folder.mkdir()
    (folder / "proxy.pem").write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
    port = free_port()
    with contextlib.ExitStack() as stack:
        proxy = TemporalProxy(f"localhost:{port}", tls, api_key, folder, server, port, stack)
        proxy.start()
        yield proxy
