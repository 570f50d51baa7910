"""A line to a PostgreSQL server that breaks at the worst moment: when COMMIT is on its way, or its answer."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator

from tests.servers.processes import LOOPBACK


class Loses(enum.Enum):
    """What gets lost."""

    COMMIT = enum.auto()
    ANSWER = enum.auto()


class LosingLine:
    """Passes everything on, but for the next `COMMIT` after `armed` was set."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self.armed: Loses | None = None
        self.losses = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client with the server."""
        from_server, to_server = await asyncio.open_connection(LOOPBACK, self._server_port)
        answers = asyncio.create_task(self._pass_on(from_server, writer))
        try:
            while data := await reader.read(65536):
                if self.armed is None or b"COMMIT" not in data:
                    to_server.write(data)
                    await to_server.drain()
                    continue
                what, self.armed = self.armed, None
                self.losses += 1
                if what is Loses.ANSWER:
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                    to_server.write(data)
                    assert b"COMMIT" in await from_server.read(65536)
                break
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            for end in (writer, to_server):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def losing_line(server_port: int) -> AsyncIterator[LosingLine]:
    """Open such a line."""
    line = LosingLine(server_port)
    serving: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(line.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(connected, LOOPBACK, 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
