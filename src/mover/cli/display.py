"""Shows a run while it works: a live picture on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from mover.cli.figures import count_text, duration_text, rate_text, size_text
from mover.cli.rate import Before, Look
from mover.cli.screen import err, plain
from mover.cli.watched import Watched
from mover.ledger.ledger import Ledger

if TYPE_CHECKING:
    # Rich takes time to load, and machines are shown nothing.
    from rich.console import Console

_PICTURE_EVERY_S = 0.2
_LINE_EVERY_S = 10.0


@asynccontextmanager
async def shown(
    watched: Watched, ledger: Ledger, *, live: bool, console: Console | None = None
) -> AsyncIterator[Callable[[int, bool], None]]:
    """Show a run until the context ends. Yields what is to be called with its number when it starts.

    A display that breaks (the terminal is gone) ends, and the run goes on.
    """
    started = asyncio.Event()
    working = asyncio.current_task()
    watched.stopping = lambda: working is not None and bool(working.cancelling())

    def start(run: int, resumed: bool) -> None:  # noqa: FBT001 - the engine's own signature
        watched.run, watched.resumed = run, resumed
        started.set()

    async def show() -> None:
        await started.wait()
        if watched.resumed and watched.run is not None:
            watched.meter.before = Before.of(await ledger.tally(watched.run))
        try:
            await (_live(watched, console or err()) if live else _lines(watched, console))
        except OSError:
            return

    task = asyncio.create_task(show())
    try:
        yield start
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _live(watched: Watched, console: Console) -> None:
    from rich.live import Live  # noqa: PLC0415 - as above

    from mover.cli.picture import picture  # noqa: PLC0415 - as above

    with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
        while True:
            live.update(picture(watched, console.width), refresh=True)
            await asyncio.sleep(_PICTURE_EVERY_S)


async def _lines(watched: Watched, console: Console | None) -> None:
    if watched.resumed:
        (console or err()).print(f"going on with run {watched.run}", markup=False)
    while True:
        await asyncio.sleep(_LINE_EVERY_S)
        (console or err()).print(line(watched, watched.meter.look()), markup=False)


def line(watched: Watched, look: Look) -> str:
    """The state of a run in one line."""
    progress = watched.progress
    parts = [
        f"{count_text(look.files_done, 'file')} of {look.files_seen:,}{' or more' if look.at_least else ''}",
        f"{size_text(look.bytes_done)} of {size_text(look.bytes_seen)}",
        rate_text(look.bytes_per_s),
    ]
    if look.left_s is not None:
        parts.append(f"{left_text(look)} left")
    if progress.problems:
        parts.append(f"{count_text(progress.problems, 'problem')}, last: {plain(progress.last_problem)}")
    return ", ".join(parts)


def left_text(look: Look) -> str:
    """The time left, as far as it is known."""
    if look.left_s is None:
        return "-"
    return ("at least " if look.at_least else "") + duration_text(look.left_s)
