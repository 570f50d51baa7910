"""kill -9 of runners and of Temporal at random moments of a move, and nothing is lost, doubled or sent again.

With more files and kills than the suite has time for: KILL_FILES=20000 KILLS=10 pytest tests/e2e/test_runner_kill.py
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.e2e.command import Mover, Running
from tests.e2e.places import files_below, put
from tests.runner.stage import Organisation
from tests.servers.restarting import RestartingServer, restarting
from tests.servers.temporal import TemporalServer, temporal

from mover.migrations.scheduler import Scheduler
from mover.runner.client import TemporalAccess
from mover.runner.orchestration import TemporalOrchestration
from mover.runner.reconciler import Reconciler
from mover.settings import Settings
from mover.vault.secret import Secret
from mover.workplace.workplace import Workplace, open_workplace

BY_HAND = "KILLS" in os.environ
FILES = int(os.environ.get("KILL_FILES", "240"))
KILLS = int(os.environ.get("KILLS", "1"))  # of each runner
KILLS_OF_TEMPORAL = 2 if BY_HAND else 1
RUNNERS = 3
PAIRS = 6
MIB = 1 << 20
WITHIN_S = 150 + FILES // 10 + KILLS * 60

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(WITHIN_S + 60)]

_FINISHED = text(
    "SELECT rtrim(pairs.destination_path, '/') || rtrim(folders.destination_path, '/') || '/' || items.destination_name "
    "FROM items JOIN folders ON folders.id = items.folder_id JOIN runs ON runs.id = items.run_id "
    "JOIN pairs ON pairs.id = runs.pair_id WHERE items.kind = 'file' AND items.state = 'copied'"
)
_FAILED = text(
    "SELECT name, state, reason, message, attempts FROM items WHERE state IN ('failed', 'conflict')"
)


def many_files(seed: int) -> dict[str, bytes]:
    """Files for each pair: mostly small, and one of the lane for large ones, which takes a while."""
    rng = random.Random(seed)
    small = {f"/p{n % PAIRS}/d{n % 13}/file {n}": rng.randbytes(rng.randint(0, 8_000)) for n in range(FILES)}
    return small | {
        f"/p{pair}/large": rng.randbytes((16 if BY_HAND else 9) * MIB + pair) for pair in range(PAIRS)
    }


async def finished(place: Workplace) -> set[str]:
    """Paths of the files that the ledger says have arrived."""
    return set(await place.database.read(lambda connection: list(connection.scalars(_FINISHED))))


def made(file: Path) -> tuple[int, int]:
    """What would be another if the file had been written again, or another had taken its place."""
    status = file.stat()
    return status.st_ino, status.st_ctime_ns


class Chaos:
    """Three runners and Temporal, killed in turn at random, each started again at once."""

    def __init__(
        self,
        mover: Mover,
        server: TemporalServer,
        place: Workplace,
        destination: Path,
        postgresql: RestartingServer | None,
    ) -> None:
        self._postgresql = postgresql
        self._mover = mover
        self._server = server
        self._place = place
        self._destination = destination
        self._runners: list[Running] = []
        self.seen: dict[str, tuple[int, int]] = {}

    def start_runner(self) -> Running:
        return self._mover.start(
            "runner",
            MOVER_TEMPORAL_ADDRESS=self._server.address,
            MOVER_RUNNER_SILENCE_S="4",
            MOVER_LOCAL_FOLDERS=str(self._destination.parent),
            MOVER_LOG_FILE=str(self._mover.home / "runner.jsonl"),
        )

    async def look(self) -> None:
        """Note the files that have arrived, as they are."""
        for path in await finished(self._place):
            self.seen.setdefault(path, made(self._destination / path.lstrip("/")))

    async def rage(self, over: asyncio.Task[Any], seed: int) -> int:
        """Kill until every runner was killed often enough, or all is over; returns how many kills there were."""
        rng = random.Random(seed)
        self._runners = [self.start_runner() for _ in range(RUNNERS)]
        victims = [*range(RUNNERS)] * KILLS + ["temporal"] * KILLS_OF_TEMPORAL
        victims += ["postgresql"] * 2 if self._postgresql else []
        rng.shuffle(victims)
        kills = 0
        for victim in victims:
            # A moment that is measured in files that arrive: the machine says how fast that is.
            goal = len(await finished(self._place)) + rng.randint(1, max(2, FILES // (4 * len(victims))))
            deadline = (
                time.monotonic() + 60
            )  # then it is killed while nothing arrives, which is as good a moment
            while (  # noqa: ASYNC110 - likewise
                not over.done() and len(await finished(self._place)) < goal and time.monotonic() < deadline
            ):
                await asyncio.sleep(0.05)
            if over.done():
                break
            await self.look()
            if victim == "postgresql":
                assert self._postgresql is not None
                await self._postgresql.restart()
            elif victim == "temporal":
                self._server.kill()
                self._server.start()
            else:
                self._runners[int(victim)].kill()
                self._runners[int(victim)] = self.start_runner()
            kills += 1
        return kills

    def end(self) -> None:
        for runner in self._runners:
            runner.kill()


async def test_runners_and_temporal_are_killed_at_random(tmp_path: Path, monkeypatch) -> None:
    await kill_at_random(tmp_path, monkeypatch, None)


@pytest.mark.skipif("RESTART_POSTGRESQL" not in os.environ, reason="by hand, for the time that it takes")
async def test_runners_temporal_and_postgresql_are_killed_at_random(tmp_path: Path, monkeypatch) -> None:
    with restarting() as server:
        await kill_at_random(tmp_path, monkeypatch, server)


async def kill_at_random(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: RestartingServer | None
) -> None:
    variables = {"MOVER_DATABASE_URL": postgresql.server.url("postgres")} if postgresql else {}
    mover = Mover(tmp_path / "mover", **variables)
    monkeypatch.setenv("MOVER_HOME", str(mover.home))
    if postgresql:
        mover.run("db", "upgrade", code=0)
    folder = tmp_path / "temporal"
    folder.mkdir()
    files = many_files(7)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(temporal(folder))
        settings = Settings(
            temporal_address=server.address,
            local_folders=(tmp_path,),
            database_url=Secret(variables.get("MOVER_DATABASE_URL", mover.database_url)),
        )
        place = await stack.enter_async_context(open_workplace(settings))
        organisation = await Organisation.make(place, tmp_path)
        put(organisation.source, files)
        access = TemporalAccess(settings)
        orchestration = TemporalOrchestration(Reconciler(place.database, access, Scheduler(place.database)))
        runs = await organisation.start(
            *(f"/p{pair}" for pair in range(PAIRS)),
            options='{"bandwidth": "2M"}' if BY_HAND else '{"bandwidth": "1M"}',
        )
        await orchestration.nudge(organisation.id)

        async def all_ended() -> None:
            for run in runs:
                while (await organisation.run(run))["state"] != "ended":  # noqa: ASYNC110 - a row tells nobody
                    await asyncio.sleep(0.2)

        over = asyncio.create_task(all_ended())
        chaos = Chaos(mover, server, place, organisation.destination, postgresql)
        stack.callback(chaos.end)
        kills = await chaos.rage(over, 11)
        async with asyncio.timeout(WITHIN_S):
            await over
        ended = [await organisation.run(run) for run in runs]
        failed = await place.database.read(lambda connection: list(connection.execute(_FAILED).all()))

    if BY_HAND:
        assert kills == RUNNERS * KILLS + KILLS_OF_TEMPORAL + (2 if postgresql else 0)
    assert (
        kills >= RUNNERS
    )  # a move that goes quickly on a machine that is slow to start things may end before the last
    assert failed == []
    assert [run["code"] for run in ended] == [100] * PAIRS
    assert sum(run["files_copied"] for run in ended) == len(files)
    assert files_below(organisation.destination) == files  # nothing missing, doubled, damaged, or left behind
    assert chaos.seen
    now = {path: made(organisation.destination / path.lstrip("/")) for path in chaos.seen}
    assert now == chaos.seen  # no finished file was written again
