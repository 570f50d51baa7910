"""What the process of the command does to itself before anything else: no core dumps, no look into its memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import os
import resource
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def harden() -> None:
    """Let no core dump be written, which would hold keys and content, and no other process of this user attach."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(
            OSError, AttributeError
        ):  # a libc without prctl: the limit above still holds
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def load_only_our_own() -> None:
    """Keep pydantic from looking through all installed packages for plugins, which it would let see every secret.

    The search took a tenth of a command's start, too.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def load_without_collecting() -> None:
    """Let no garbage be collected until `collect_rarely`: what is loaded stays, and rounds over it take time."""
    gc.disable()


def collect_rarely() -> None:
    """Take what is loaded by now out of the garbage collector's rounds, and let those be rare.

    A move makes many short-lived objects that go without the collector; its rounds took a twentieth of the time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def end_without_collecting() -> None:
    """Leave what is loaded to the system: the interpreter would go over all of it once more before it ends."""
    gc.freeze()


def end_on_terminate() -> None:
    """Let SIGTERM end the process the way Ctrl-C does, also before the event loop takes both over."""
    signal.signal(signal.SIGTERM, _interrupt)


def prepare_streams() -> None:
    """Let no name be unprintable, whatever the terminal's encoding, and no closed stream be an error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def ignore_interrupts() -> None:
    """Let nothing interrupt the last moments of a process that is ending anyway."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
