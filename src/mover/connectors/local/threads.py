"""Where system calls run: they may block for long, so never on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from mover.connectors.local.failures import error_from_os

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A pool of threads for one connector.

    Handing work to a thread and taking its result costs some 20 to 40 µs, as much as several system calls: callers put
    as much as they can into one piece of work.
    """

    def __init__(self, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="mover-local")
        self.jobs = 0
        """Pieces of work so far."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread; what it raises as an OSError is raised as the MoverError that it means.

        If the caller is cancelled, work that has begun is waited for first: it cannot be stopped, and what the caller
        does next (closing a file, removing it) must not meet it halfway. Work that has not begun is dropped.
        """
        self.jobs += 1
        job = self._pool.submit(work, *args, **kwargs)
        try:
            return await asyncio.wrap_future(job)
        except OSError as error:
            raise error_from_os(error) from error
        except asyncio.CancelledError:
            await _end_of(job)
            raise

    async def acquire(
        self, release: Callable[[T], object], work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work`, which opens or makes something; if the caller is cancelled meanwhile, `release` undoes it."""
        self.jobs += 1
        job = self._pool.submit(work, *args, **kwargs)
        try:
            return await asyncio.wrap_future(job)
        except OSError as error:
            raise error_from_os(error) from error
        except asyncio.CancelledError:
            await _end_of(job)
            if not job.cancelled() and job.exception() is None:
                await self.run(release, job.result())
            raise

    async def close(self) -> None:
        """End the threads after the work that they have. Idempotent."""
        await asyncio.to_thread(self._pool.shutdown)


async def _end_of(job: Future[T]) -> None:
    """Wait until a job has ended, however often the waiting is cancelled."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    job.add_done_callback(lambda _: loop.call_soon_threadsafe(ended.set))
    while not ended.is_set():
        try:
            await ended.wait()
        except asyncio.CancelledError:
            continue
