"""A part of the service as a process: it ends with this one, however this one ends, and is started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from mover.errors import MoverError
from mover.runner import tether
from mover.serving.readable import readable

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
_GOOD_LIFE_S = 60.0  # who lived that long is started again at once

_log = logging.getLogger(__name__)


class PartDidNotStart(MoverError):
    """A part of the service ended before it was ready for the first time; it has said why."""


@dataclass(frozen=True)
class Part:
    """What is run, and how.

    Attributes:
        name: As a person knows it: `API`.
        command: Program and arguments.
        environment: On top of this process's own.
        descriptors: Open files that it is given.
        end_within_s: How long it may take to end in order.
        tells_ready: It writes a byte to the descriptor in MOVER_READY_DESCRIPTOR once it works.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    end_within_s: float = 10.0
    tells_ready: bool = False


def mover_command(*arguments: str) -> tuple[str, ...]:
    """The command of this very installation."""
    return (sys.executable, "-m", "mover", *arguments)


class Child:
    """One process after the other of a part."""

    def __init__(
        self,
        part: Part,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.part = part
        self._sleep = sleep
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process that runs now."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start it; where it tells so, wait until it is ready.

        Raises PartDidNotStart if it ends before.
        """
        read, write = os.pipe()
        try:
            inherited = (*self.part.descriptors, write) if self.part.tells_ready else self.part.descriptors
            told = {"MOVER_READY_DESCRIPTOR": str(write)} if self.part.tells_ready else {}
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", tether.__file__, str(os.getpid())),
                *self.part.command,
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, **self.part.environment, **told},
                start_new_session=True,  # Ctrl-C is for this process, which ends the others in order
                pass_fds=inherited,
            )
            os.close(write)
            write = -1
            if self.part.tells_ready and not await _said_something(read):
                code = await self._process.wait()
                raise PartDidNotStart(f"the {self.part.name} did not start (exit code {code})")
        finally:
            os.close(read)
            if write >= 0:
                os.close(write)

    async def keep_running(self) -> None:
        """Start it again whenever it ends, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = self._clock()
            if self._process is not None:
                code = await self._process.wait()
                _log.error("the %s ended with %s and is started again", self.part.name, code)
            if self._clock() - began > _GOOD_LIFE_S:
                pause_s = FIRST_PAUSE_S
            await self._sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            try:
                await self.start()
            except (PartDidNotStart, OSError) as error:
                self._process = None
                _log.error("%s", error)

    async def end(self) -> None:
        """End it in order, or without if that takes too long. Does nothing if it has ended."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self.part.end_within_s)
        except TimeoutError:
            _log.warning("the %s did not end in time and is killed", self.part.name)
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """End it on the spot."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


async def _said_something(descriptor: int) -> bool:
    """Wait for a byte from a pipe; False if its other end is closed instead."""
    os.set_blocking(descriptor, False)
    while True:
        try:
            return bool(os.read(descriptor, 1))
        except BlockingIOError:
            await readable(descriptor)
