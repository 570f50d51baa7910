"""The processes of `mover serve`: started in order, started again when one dies, ended together."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from mover.errors import InvalidConfiguration, Locked
from mover.serving.children import Child, Part


class Parts:
    """The parts that run. Made by `running_parts`."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = tuple(children)

    @property
    def pids(self) -> dict[str, int | None]:
        """The number of each part's process."""
        return {child.part.name: child.pid for child in self._children}

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


@contextmanager
def alone_in(home: Path) -> Iterator[None]:
    """Be the only `mover serve` of a MOVER_HOME for the time of a `with` block.

    The lock goes with the process, however it ends. Raises Locked, InvalidConfiguration.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InvalidConfiguration(f"MOVER_HOME {str(home)!r} cannot be used: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with contextlib.suppress(ValueError):
                number = int(os.pread(descriptor, 20, 0).decode("ascii", "replace"))
                raise Locked(f"another mover serve (process {number}) works with {str(home)!r}") from None
            raise Locked(f"another mover serve works with {str(home)!r}") from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
