"""The processes of `mover serve`: started in order, started again when one dies, ended together."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from mover.serving.children import Child, Part


class Parts:
    """The parts that run. Made by `running_parts`."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = tuple(children)

    @property
    def pids(self) -> dict[str, int | None]:
        """The number of each part's process."""
        return {child.part.name: child.pid for child in self._children}

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part, if it runs."""
        for child in self._children:
            if child.part.name == name:
                child.send(number)

    def kill(self) -> None:
        """End all on the spot: for whom ending in order takes too long."""
        for child in self._children:
            child.kill()


@asynccontextmanager
async def running_parts(parts: Sequence[Part]) -> AsyncIterator[Parts]:
    """Run parts for the time of an `async with`; all are started, and all are told to end, at the same time.

    Enter it from the main thread. Raises PartDidNotStart.
    """
    children = [Child(part) for part in parts]
    keepers: list[asyncio.Task[None]] = []
    try:
        started = await asyncio.gather(*(child.start() for child in children), return_exceptions=True)
        for failure in started:
            if failure is not None:
                raise failure
        keepers += [asyncio.create_task(child.keep_running()) for child in children]
        yield Parts(children)
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(child.end() for child in children))
