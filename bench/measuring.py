"""What a command costs: time on the wall, time of the processors, and memory, its child processes included."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_EVERY_S = 0.2
_TOLD_OF_A_LOG = 3000  # characters


class CommandFailedError(RuntimeError):
    """A command ended badly; the message has the end of what it printed."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one command cost.

    Attributes:
        wall_s: From its start to its end.
        cpu_s: User and system time of it and of all processes that it started and waited for.
        peak_bytes: Most resident memory; for several processes the sum of the most that each had.
        printed: Its standard output.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    printed: str


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    accepted: frozenset[int] = frozenset({0}),
) -> Cost:
    """Run a command to its end and return what it cost.

    Args:
        command: Program and arguments.
        environment: All of its variables: nothing is inherited.
        log: Receives its standard error; its standard output goes to a file beside it.
        accepted: Exit codes that are no failure.

    Raises:
        CommandFailedError: It ended with another exit code.
    """
    output = log.with_suffix(".out")
    with log.open("wb") as errors, output.open("wb") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=dict(environment),
        )
        memory = _Memory(process.pid)
        memory.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            memory.stop()
        wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    printed = output.read_text(errors="replace")
    if process.returncode not in accepted:
        said = (printed + log.read_text(errors="replace"))[-_TOLD_OF_A_LOG:]
        raise CommandFailedError(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{said}")
    return Cost(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=memory.peak_bytes,
        printed=printed,
    )


class _Memory(threading.Thread):
    """Adds up the high-water marks of a process and its descendants while they live.

    `ru_maxrss` would not do: Linux counts in it what the parent had when it started the process.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._pid = pid
        self._ended = threading.Event()
        self._marks: dict[int, int] = {}

    def run(self) -> None:
        while not self._ended.wait(_SAMPLE_EVERY_S):
            for pid in _descendants(self._pid):
                self._marks[pid] = max(_high_water_bytes(pid), self._marks.get(pid, 0))
            self.peak_bytes = sum(self._marks.values())

    def stop(self) -> None:
        """Take no more samples."""
        self._ended.set()
        self.join()


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # the thread ended meanwhile
            continue
        for child in found:
            yield from _descendants(int(child))


def _high_water_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended meanwhile
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
