"""A thread that now and then needs the event loop: to read from, or write into, the database."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from mover.staging.workers import ended

T = TypeVar("T")
P = ParamSpec("P")


class Crossing:
    """Runs one function in a thread, and lets it await what only the loop can do. Used once, made on the loop.

    A cancellation of `run` ends what the thread waits for, is raised there, and here only when the thread has ended.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = False
        self._waiting: concurrent.futures.Future[Any] | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in a thread and return what it returns."""
        job = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            self._stopped = True
            if self._waiting is not None:
                self._waiting.cancel()
            await ended(job)
            raise

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """In the thread: have the loop do it, and return what it returns. Raises CancelledError of `concurrent.futures`."""
        waiting: concurrent.futures.Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._waiting = waiting
        if self._stopped:
            waiting.cancel()
        return waiting.result()
