"""A person who works with a service through its public API alone, and is patient when nobody answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

from mover.cli.remote.answers import Changed, Connection, Migration, MigrationRun, Page, Run, Started
from mover.cli.remote.server import Server
from mover.cli.remote.watching import watch_start
from mover.errors import Transient

_LOOK_S = 0.1


class Operator:
    """Somebody who plans a migration, starts it, watches it, and pauses and resumes pairs meanwhile.

    Args:
        server: The way to the API that tries again until it is answered.
        once: The way that tries once.
        name: Of the migration; its connections are named after it.

    Attributes:
        paused: How often a pair was seen to pause.
    """

    def __init__(self, server: Server, once: Server, *, name: str = "Everything") -> None:
        self.paused = 0
        self._name = name
        self._server = server
        self._once = once

    async def plan(
        self,
        source: Mapping[str, Any],
        destination: Mapping[str, Any],
        pairs: Sequence[Mapping[str, str]],
        **options: str,
    ) -> Migration:
        """Connect both sides (service and configuration of each) and make a migration with these pairs."""
        ids = [
            (await self._server.post("/connections", Connection, {"name": f"{self._name}-{side}", **one})).id
            for side, one in (("from", source), ("to", destination))
        ]
        body = {"name": self._name, "source_connection_id": ids[0], "destination_connection_id": ids[1]}
        migration = await self._server.post("/migrations", Migration, {**body, "options": options})
        await self._server.post(f"/migrations/{migration.id}/pairs", dict, {"pairs": list(pairs)})
        return migration

    async def start(self, migration: Migration) -> Started:
        """Start all pairs."""
        return await self._server.post(f"/migrations/{migration.id}/start", Started, {"pairs": {"all": True}})

    async def watch(self, migration: Migration, started: Started) -> int:
        """Watch until all have ended, as `mover remote watch` does; returns the exit code."""
        assert started.migration_run_id is not None
        return await watch_start(self._server, migration, started.migration_run_id, machine=True)

    async def starts(self, migration: Migration) -> list[MigrationRun]:
        """Everything that was ever started."""
        return (await self._server.get(f"/migrations/{migration.id}/starts", Page[MigrationRun])).items

    async def runs(self, migration: Migration) -> list[Run]:
        """All runs."""
        return (await self._server.get(f"/migrations/{migration.id}/runs", Page[Run])).items

    async def interfere(self, migration: Migration, rng: random.Random, *, times: int) -> None:
        """Pause a pair that is under way, see it pause, and let it go on; so many times, or until all have ended.

        Not for ever: a file whose parts take longer than from one pause to the next would never be done.
        """
        while self.paused < times and (
            runs := [run for run in await self.runs(migration) if run.state != "ended"]
        ):
            run = rng.choice(runs)
            await self._steer(migration, run, "pause")
            while (state := (await self._run(run)).state) not in {"paused", "ended"}:  # noqa: ASYNC110 - nobody calls
                await asyncio.sleep(_LOOK_S)
            self.paused += state == "paused"
            await self._steer(migration, run, "resume")

    async def _run(self, run: Run) -> Run:
        return await self._server.get(f"/runs/{run.id}", Run)

    async def _steer(self, migration: Migration, run: Run, deed: str) -> None:
        """Ask until there is an answer, each time anew: what is done to a pair twice is done to it once."""
        pairs = {"pairs": {"ids": [run.pair_id]}}
        while True:
            try:
                await self._once.post(f"/migrations/{migration.id}/{deed}", Changed, pairs)
            except Transient:
                await asyncio.sleep(_LOOK_S)
            else:
                return
