"""Temporal: the dev server that `mover serve` starts too, as a process of the tests' own that can be killed and started again."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

from mover.runner.embedded import DYNAMIC_CONFIGURATION


@dataclass
class TemporalServer:
    """A Temporal server.

    Attributes:
        address: `host:port`, the same whenever it is started.
        state: Its file.
    """

    folder: Path
    port: int
    address: str
    state: Path
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        command = [
            *(tool("temporal"), "server", "start-dev", "--headless", "--ip", LOOPBACK),
            *("--port", str(self.port), "--db-filename", str(self.state), "--log-level", "error"),
            *(word for value in DYNAMIC_CONFIGURATION for word in ("--dynamic-config-value", value)),
        ]
        self.process = self._stack.enter_context(
            running(
                command,
                log=self.folder / "log",
                ready=lambda: accepts_connections(self.port),
                environment={"HOME": str(self.folder)},
                end_with=signal.SIGKILL,  # in order it takes a second, for nothing that a test needs
            )
        )

    def kill(self) -> None:
        """End it on the spot."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.stop()

    def stop(self) -> None:
        """End it."""
        self._stack.close()

    def forget(self) -> None:
        """Remove all that it knows; it has to be stopped for that."""
        for path in self.folder.glob(self.state.name + "*"):
            path.unlink()


@contextlib.contextmanager
def temporal(folder: Path) -> Iterator[TemporalServer]:
    """Run a server for the time of a `with` block."""
    port = free_port()
    server = TemporalServer(folder, port, f"{LOOPBACK}:{port}", folder / "temporal.db")
    server.start()
    try:
        yield server
    finally:
        server.stop()
