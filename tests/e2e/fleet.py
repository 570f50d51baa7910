"""What an operator with several machines runs: two APIs behind HAProxy, two runners, Temporal, and a database server."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.e2e.command import Mover, Running
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.haproxy import LoadBalancer, haproxy
from tests.servers.processes import free_port
from tests.servers.service import Prepared, answers, prepare_home
from tests.servers.temporal import TemporalServer, temporal

APIS = ("api1", "api2")
RUNNERS = ("runner1", "runner2")
_PATIENCE_S = 120
_POLL_S = 0.02


@dataclass
class Fleet:
    """All of it. Made by `fleet`; `start` starts what is Mover's own.

    Attributes:
        url: Where people and programs come: the load balancer.
        balancer: HAProxy.
        variables: What all parts of Mover are told.
        prepared: The owner and the keys of the API.
        running: What runs, by the name of each.
        logs: Where each part logs.
    """

    folder: Path
    certificates: Certificates
    url: str
    balancer: LoadBalancer
    temporal: TemporalServer
    ports: Mapping[str, int]
    variables: dict[str, str]
    prepared: Prepared
    running: dict[str, Running] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def start(self, name: str, **variables: str) -> None:
        """Start one part; it may not be ready yet."""
        own = {"MOVER_LOG_FILE": str(self.logs / f"{name}.jsonl"), **variables}
        mover = Mover(self.folder / name, **{**self.variables, **own})
        words = (
            ("api", "--host", "127.0.0.1", "--port", str(self.ports[name])) if name in APIS else ("runner",)
        )
        self.running[name] = mover.start(*words)

    def start_all(self) -> None:
        """Start every part, and wait until APIs are known to be there."""
        for name in (*APIS, *RUNNERS):
            self.start(name)
        self.wait_for(*APIS)

    def wait_for(self, *apis: str, state: str = "UP") -> None:
        """Wait until the load balancer thinks so of these APIs."""
        deadline = time.monotonic() + _PATIENCE_S
        while any(not self.balancer.states()[api].startswith(state) for api in apis):
            assert time.monotonic() < deadline, (self.balancer.states(), self.tail())
            for name, running in self.running.items():
                assert running.process.poll() is None, (name, running.wait())
            time.sleep(_POLL_S)

    def stop(self, name: str) -> float:
        """End a part in order: an API when the load balancer sends nobody there any more. Returns how many seconds it took."""
        began = time.monotonic()
        running = self.running.pop(name)
        running.send(signal.SIGTERM)
        if name in APIS:
            self.wait_for(name, state="DOWN")
            assert running.process.poll() is None, "it ended before anybody could know"
            running.send(signal.SIGTERM)
        assert running.wait().code == 0, self.tail()
        return time.monotonic() - began

    def kill(self, name: str) -> None:
        """End it on the spot."""
        running = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):  # it ended by itself, which the test will have noticed
            running.kill()

    def close(self) -> None:
        """Kill what runs."""
        for name in tuple(self.running):
            self.kill(name)

    def answers(self) -> bool:
        """Whether somebody answers through the load balancer."""
        return answers(self.balancer.port, self.certificates.ca_file)

    def tail(self) -> str:
        """The last lines of all logs, for who has to find out what went wrong."""
        return "\n".join(f"{path}:\n{path.read_text()[-1500:]}" for path in self.logs.glob("*"))


@contextlib.contextmanager
def fleet(
    folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, **variables: str
) -> Iterator[Fleet]:
    """Prepare everything on a database with the schema in it; Mover's own parts are started by the test.

    Enter it from the main thread, outside of any event loop.
    """
    certificates = make_certificates(folder / "tls")
    for made in ("balancer", "temporal", "logs", "files"):
        (folder / made).mkdir(parents=True)
    port, *ports = (free_port() for _ in range(1 + len(APIS)))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(temporal(folder / "temporal"))
        shared = {
            "MOVER_DATABASE_URL": database_url,
            "MOVER_GLOBAL_KEY_FILE": str(folder / "keys" / "global.key"),
            "MOVER_PAYLOAD_KEYS": secrets.token_hex(32),
            "MOVER_TEMPORAL_ADDRESS": server.address,
            "MOVER_PUBLIC_URL": f"https://localhost:{port}",
            "MOVER_TRUSTED_PROXIES": "127.0.0.1/32",
            "MOVER_TLS_CERT_FILE": str(certificates.certificate),
            "MOVER_TLS_KEY_FILE": str(certificates.key),
            "MOVER_API_DRAIN_S": "60",  # a second signal ends it, so that no test depends on the machine
            "MOVER_RUNNER_SILENCE_S": "4",
            "MOVER_LOCAL_FOLDERS": str(folder / "files"),
            **variables,
        }
        for name in ("MOVER_DATABASE_URL", "MOVER_GLOBAL_KEY_FILE"):
            monkeypatch.setenv(name, shared[name])
        (folder / "keys").mkdir(mode=0o700)
        prepared = asyncio.run(prepare_home(folder / "first"))
        balancer = stack.enter_context(
            haproxy(folder / "balancer", certificates, port=port, apis=(ports[0], ports[1]))
        )
        prepared_fleet = Fleet(
            folder,
            certificates,
            f"https://localhost:{port}",
            balancer,
            server,
            dict(zip(APIS, ports, strict=True)),
            shared,
            prepared,
        )
        stack.callback(prepared_fleet.close)
        yield prepared_fleet
