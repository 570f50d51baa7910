"""Starting real servers as child processes that never outlive the process that started them."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.outside import TRUST_NOBODY

LOOPBACK = "127.0.0.1"
_POLL_S = 0.01


class ServerDidNotStartError(RuntimeError):
    """A server ended or stayed deaf; the message has the end of its log."""


_FIRST_PORT = 12_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody uses now.

    Not one of those that the kernel gives to whoever connects to somebody: such a port could be gone when a server that
    is restarted wants it back, and a client that tries to reach it meanwhile can even be connected with itself.
    """
    ports = range(_FIRST_PORT, int(_EPHEMERAL.read_text().split()[0]))
    for port in random.SystemRandom().sample(ports, min(100, len(ports))):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


def accepts_connections(port: int) -> bool:
    """Tell whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def tool(name: str) -> str:
    """Return the path of a program: one of this Python environment, else one of the system.

    Raises FileNotFoundError: `tests/servers/install.sh` has not been run.
    """
    beside = Path(sys.executable).with_name(name)
    if beside.exists():
        return str(beside)
    found = shutil.which(name, path=os.defpath + ":/usr/local/sbin:/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is not installed; run tests/servers/install.sh")
    return found


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    ready: Callable[[], bool],
    within_s: float = 30,
    environment: Mapping[str, str] | None = None,
    end_with: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the time of a `with` block.

    The kernel kills it when the thread that entered the block ends, be it by kill -9, so enter it from the main thread.

    Args:
        command: Program and arguments.
        log: Receives what the server prints.
        ready: Asked until it says True; only then the block is entered.
        within_s: Longest wait for that.
        environment: Variables on top of a minimal set; nothing else is inherited.
        end_with: How the server is asked to end; if it does not, it is killed.

    Raises:
        ServerDidNotStartError: It ended by itself or was not ready in time.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [tool("setpriv"), "--pdeathsig", "KILL", "--", *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                "PATH": os.defpath + ":/usr/sbin:/sbin",
                "LANG": "C.UTF-8",
                **TRUST_NOBODY,
                **(environment or {}),
            },
            start_new_session=True,
        )
    try:
        _wait_until(ready, process, log, time.monotonic() + within_s)
        yield process
    finally:
        _end(process, end_with)


def _wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, deadline: float
) -> None:
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return
        time.sleep(_POLL_S)
    state = "was not ready in time" if process.returncode is None else f"ended with {process.returncode}"
    raise ServerDidNotStartError(f"{process.args!r} {state}:\n{log.read_text(errors='replace')[-4000:]}")


def _end(process: subprocess.Popen[bytes], signal_number: signal.Signals) -> None:
    for number in (signal_number, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):  # then it is killed
            process.wait(timeout=5)
            return
