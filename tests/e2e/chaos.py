"""The processes of a service, killed in turn at random moments and each started again at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from tests.e2e.command import Mover, Running
from tests.servers.restarting import RestartingServer
from tests.servers.temporal import TemporalServer

from mover.database.database import Database

_STILL_S = 60  # without an arrival; then somebody is killed while nothing arrives, which is as good a moment
_COPIED = text("SELECT count(*) FROM items WHERE kind = 'file' AND state = 'copied'")
_ARRIVED = text(
    "SELECT rtrim(pairs.destination_path, '/') || rtrim(folders.destination_path, '/') || '/' || items.destination_name "
    "AS path, items.ended_ns FROM items JOIN folders ON folders.id = items.folder_id JOIN runs ON runs.id = items.run_id "
    "JOIN pairs ON pairs.id = runs.pair_id WHERE items.kind = 'file' AND items.state = 'copied'"
)


@dataclass
class Chaos:
    """Runners, the API, Temporal and perhaps PostgreSQL.

    Attributes:
        database: The test's own way into what they all write.
        commands: What is started, by the name of each: a runner, another one, the API.
        kills: How often each was killed.
        arrived: Nanoseconds since 1970 at which the ledger said of a file that it had arrived, by path at the
            destination, as it stood just before a kill. The first that was said of it.
    """

    mover: Mover
    temporal: TemporalServer
    postgresql: RestartingServer | None
    database: Database
    commands: dict[str, Callable[[], Running]]
    kills: dict[str, int] = field(default_factory=dict)
    arrived: dict[str, int] = field(default_factory=dict)
    _running: dict[str, Running] = field(default_factory=dict)

    def start(self) -> None:
        """Start all commands."""
        self._running = {name: start() for name, start in self.commands.items()}

    async def rage(
        self, victims: Sequence[str], over: asyncio.Task[int], rng: random.Random, *, apart: int
    ) -> None:
        """Kill one after the other, after at most `apart` more arrivals each, until all were or all is over.

        Moments are measured in files that arrive: the machine says how fast that is.
        """
        for victim in victims:
            goal = await self._copied() + rng.randint(1, apart)
            deadline = time.monotonic() + _STILL_S
            while (  # noqa: ASYNC110 - the ledger tells nobody
                not over.done() and await self._copied() < goal and time.monotonic() < deadline
            ):
                await asyncio.sleep(0.02)
            if over.done():
                break
            await self.look()
            await self._kill(victim)
            self.kills[victim] = self.kills.get(victim, 0) + 1

    async def look(self) -> None:
        """Note the files that have arrived, as the ledger tells."""
        rows = await self.database.read(lambda connection: list(connection.execute(_ARRIVED).all()))
        for path, ended_ns in rows:
            self.arrived.setdefault(path, ended_ns)

    def end(self) -> None:
        """Kill all commands."""
        for running in self._running.values():
            running.kill()
        self._running.clear()

    async def _copied(self) -> int:
        return await self.database.read(lambda connection: int(connection.scalar(_COPIED) or 0))

    async def _kill(self, victim: str) -> None:
        match victim:
            case "temporal":
                self.temporal.kill()
                self.temporal.start()
            case "postgresql":
                assert self.postgresql is not None
                await self.postgresql.restart()
            case _:
                self._running[victim].kill()
                self._running[victim] = self.commands[victim]()
