"""A PostgreSQL that comes and goes under a test's hands."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.servers.postgresql import PostgresqlServer, postgresql, server_folder
from tests.servers.processes import free_port


class RestartingServer:
    """A server on one port and one data folder, for as long as its context manager is open.

    Servers are started by a thread of their own, which lives that long: they end with the thread that starts them.
    """

    def __init__(self, folder: Path, threads: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._threads = threads
        self._port = free_port()
        self._running = contextlib.ExitStack()
        self.server = threads.submit(self._start).result()

    async def stop(self) -> None:
        """End it: connections are broken off."""
        await asyncio.wrap_future(self._threads.submit(self._running.close))

    async def start(self) -> None:
        """Start it again."""
        self.server = await asyncio.wrap_future(self._threads.submit(self._start))

    async def restart(self) -> None:
        """End it, and start it again."""
        await self.stop()
        await self.start()

    def close(self) -> None:
        """End it for good."""
        self._threads.submit(self._running.close).result()

    def _start(self) -> PostgresqlServer:
        made = postgresql(self._folder, port=self._port, tls=True, end_with=signal.SIGQUIT)
        return self._running.enter_context(made)


@contextlib.contextmanager
def restarting() -> Iterator[RestartingServer]:
    """Run a server that can be restarted."""
    with server_folder() as folder, ThreadPoolExecutor(1, thread_name_prefix="restarting") as threads:
        server = RestartingServer(folder, threads)
        try:
            yield server
        finally:
            server.close()
