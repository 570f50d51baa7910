"""The threads that hash, encrypt and wait for the disk, so that the event loop need not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

THREADS = min(8, (os.cpu_count() or 1) + 2)
"""As many as can compute, and two that wait for the disk."""


class Workers:
    """Threads of staging's own: a resolver that hangs in the loop's common threads does not hold up a file."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="staging")

    def start(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Have a thread do it. Await the answer through `settled`, unless it may be left to itself."""
        return asyncio.wrap_future(self._threads.submit(work, *args, **kwargs))

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a thread do it and return what it returns, no sooner than it has ended, even when cancelled."""
        return await settled(self.start(work, *args, **kwargs))

    def close(self) -> None:
        """Wait for the threads to end what they do, and end them. Idempotent."""
        self._threads.shutdown()


async def ended(job: asyncio.Future[T]) -> None:
    """Wait until a thread's job has ended, whatever came of it. A cancellation is raised, but only then."""
    cancellation: asyncio.CancelledError | None = None
    while not job.done():
        try:
            await asyncio.wait((job,))
        except asyncio.CancelledError as error:
            cancellation = error
    job.exception()  # looked at, so that the loop does not complain that nobody did
    if cancellation is not None:
        raise cancellation


async def settled(job: asyncio.Future[T]) -> T:
    """Return the outcome of a thread's job; a cancellation is raised only after the job has ended.

    Giving up a file or a buffer is safe only when no thread uses it any more.
    """
    await ended(job)
    return job.result()
