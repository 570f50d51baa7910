"""Runs a command's coroutine: event loop, signals, and an end that always cleans up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from mover.cli.codes import INTERRUPTED
from mover.cli.interruption import Interrupted, PipeBroken
from mover.cli.process import collect_rarely

_PATIENCE = 3
_SHOW_CURSOR = b"\x1b[?25h\n"  # the live picture hides it

Work = Callable[[], Coroutine[Any, Any, int]]


class Told(asyncio.CancelledError):
    """A cancellation whose object for machines was printed."""


def run(work: Work) -> int:
    """Run to the end and return the exit code.

    The first Ctrl-C (or SIGTERM) cancels the work, which cleans up; the second changes nothing; the third ends the
    process on the spot, which is safe: staged parts cannot be read without it, and the ledger knows the rest.

    Raises Interrupted if it was, and PipeBroken.
    """
    collect_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_interruptible(work))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes event loops: uvloop where it is there."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not there on every platform

    return uvloop.new_event_loop


async def _interruptible(work: Work) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    interruptions = 0

    def interrupt() -> None:
        nonlocal interruptions
        interruptions += 1
        if interruptions == 1:
            task.cancel()
        elif interruptions >= _PATIENCE:
            _end_at_once()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        return await work()
    except asyncio.CancelledError as error:
        if interruptions:
            raise Interrupted(told=isinstance(error, Told)) from None
        raise
    except BrokenPipeError as error:
        raise PipeBroken from error
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _end_at_once() -> NoReturn:
    if os.isatty(2):
        os.write(2, _SHOW_CURSOR)
    os._exit(INTERRUPTED)
