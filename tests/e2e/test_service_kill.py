"""kill -9 of everything at random moments of a move from SFTP to S3, and nothing is lost, doubled or sent again.

Three runners, the API and Temporal are killed; somebody starts the move, watches it, and pauses and resumes pairs through
the API meanwhile. With more files and kills than the suite has time for, and PostgreSQL restarted:
KILL_FILES=20000 KILLS=10 RESTART_POSTGRESQL=yes pytest tests/e2e/test_service_kill.py
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.database_url import as_administrator, in_use
from tests.e2e.chaos import Chaos
from tests.e2e.command import Mover
from tests.e2e.operator import Operator
from tests.e2e.places import (
    files_below,
    objects_in,
    parts_left_behind,
    put,
    s3_values,
    sftp_values,
    versions_in,
)
from tests.servers.processes import free_port
from tests.servers.restarting import RestartingServer, restarting
from tests.servers.s3 import S3Server
from tests.servers.service import prepare_home
from tests.servers.ssh import SftpServer
from tests.servers.temporal import temporal

from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.server import open_server
from mover.database.database import Database
from mover.transport.retries import RetryPolicy

FILES = int(os.environ.get("KILL_FILES", "1500"))
KILLS = int(os.environ.get("KILLS", "3"))  # of each runner, and of the API
KILLS_OF_TEMPORAL = 2
BANDWIDTH = (
    "2M" if FILES < 10_000 else "4M"
)  # of each pair, so that a quick machine is not done before the last kill
RESTARTS_OF_POSTGRESQL = 2
RUNNERS = 3
PAIRS = 6
MIB = 1 << 20
WITHIN_S = 180 + FILES // 10 + KILLS * 60
PATIENT = RetryPolicy(attempts=100_000, first_s=0.2, cap_s=1.0, total_s=WITHIN_S)
ONCE = RetryPolicy(attempts=1)
NS = 1_000_000_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(WITHIN_S + 60),
    pytest.mark.promise("P12", "availability"),
]

_FAILED = text(
    "SELECT name, state, reason, message, attempts FROM items WHERE state IN ('failed', 'conflict')"
)


def many_files(seed: int) -> dict[str, bytes]:
    """Files for each pair: mostly small, and one that goes in parts."""
    rng = random.Random(seed)
    small = {f"/p{n % PAIRS}/d{n % 13}/file {n}": rng.randbytes(rng.randint(0, 8_000)) for n in range(FILES)}
    return small | {f"/p{pair}/large": rng.randbytes(9 * MIB + pair) for pair in range(PAIRS)}


@dataclass(frozen=True)
class Place:
    """Where files come from and where they go."""

    sftp: SftpServer
    s3: S3Server
    folder: Path
    bucket: str


@pytest.fixture
def place(request: pytest.FixtureRequest, sshd_server: SftpServer, seaweedfs_plain_server: S3Server) -> Place:
    """A folder at the one, and at the other a bucket that keeps every version of an object."""
    name = f"service-kill-{request.node.name.count('postgresql')}-{in_use()}"
    s3_values(seaweedfs_plain_server, name)
    seaweedfs_plain_server.client().put_bucket_versioning(
        Bucket=name, VersioningConfiguration={"Status": "Enabled"}
    )
    return Place(sshd_server, seaweedfs_plain_server, sshd_server.root / name, name)


async def test_runners_api_and_temporal_are_killed_at_random(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kill_at_random(place, tmp_path, monkeypatch, None)


@pytest.mark.skipif("RESTART_POSTGRESQL" not in os.environ, reason="by hand, for the time that it takes")
async def test_runners_api_temporal_and_postgresql_are_killed_at_random(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with restarting() as server:
        await kill_at_random(place, tmp_path, monkeypatch, server)


async def kill_at_random(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: RestartingServer | None
) -> None:
    files = many_files(7)
    put(place.folder, files, owner=place.sftp.owner)
    (tmp_path / "temporal").mkdir()
    port = free_port()
    wanted = victims(postgresql=postgresql is not None)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(temporal(tmp_path / "temporal"))
        mover = Mover(
            tmp_path / "mover",
            **({"MOVER_DATABASE_URL": postgresql.server.url("postgres")} if postgresql else {}),
            MOVER_TEMPORAL_ADDRESS=server.address,
            MOVER_RUNNER_SILENCE_S="4",
            MOVER_LOG_FILE=str(tmp_path / "log.jsonl"),
        )
        for name in ("MOVER_HOME", "MOVER_DATABASE_URL"):
            if name in mover.variables:
                monkeypatch.setenv(name, mover.variables[name])
        if "MOVER_DATABASE_URL" in mover.variables:
            owner = as_administrator(mover.variables["MOVER_DATABASE_URL"])
            mover.run("db", "upgrade", code=0, MOVER_DATABASE_URL=owner)
        prepared = await prepare_home(mover.home)
        database = await Database.open(mover.variables.get("MOVER_DATABASE_URL", mover.database_url))
        stack.push_async_callback(database.close)
        commands = {f"runner {number}": lambda: mover.start("runner") for number in range(RUNNERS)}
        commands["api"] = lambda: mover.start("api", "--host", "localhost", "--port", str(port))
        chaos = Chaos(mover, server, postgresql, database, commands)
        stack.callback(chaos.end)
        chaos.start()
        # The authority's file is made by the first start of the API.
        while not (ca_file := mover.home / "tls" / "ca.pem").is_file():  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.05)
        choice = ServerChoice(f"https://localhost:{port}", prepared.key, ca_file)
        operator = Operator(
            *[
                await stack.enter_async_context(open_server(choice, policy=policy))
                for policy in (PATIENT, ONCE)
            ]
        )
        migration = await operator.plan(
            {"service": "sftp", "configuration": sftp_values(place.sftp)},
            {"service": "s3", "configuration": s3_values(place.s3, place.bucket)},
            [
                {"source_path": f"/{place.folder.name}/p{n}", "destination_path": f"/p{n}"}
                for n in range(PAIRS)
            ],
            bandwidth=BANDWIDTH,
        )
        started = await operator.start(migration)
        async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
            watching = group.create_task(operator.watch(migration, started))
            group.create_task(operator.interfere(migration, random.Random(3), times=8 * KILLS))
            await chaos.rage(wanted, watching, random.Random(11), apart=max(2, FILES // (2 * len(wanted))))
        runs, starts = await operator.runs(migration), await operator.starts(migration)
        failed = await database.read(lambda connection: list(connection.execute(_FAILED).all()))

    print(  # noqa: T201 - figures for those who run it by hand
        f"killed: {chaos.kills}; paused: {operator.paused}; known to have arrived at a kill: {len(chaos.arrived)}"
    )
    assert watching.result() == 0
    assert all(
        chaos.kills.get(victim) for victim in commands
    )  # a move that goes quickly may end before the last
    if FILES >= 1_500 * KILLS:
        assert chaos.kills == {victim: wanted.count(victim) for victim in wanted}
    assert failed == []
    assert len(starts) == 1  # one start, however often it had to be asked for
    assert {run.code for run in runs} == {100}
    assert sum(run.counts.files_copied for run in runs) == len(files)
    assert operator.paused
    assert objects_in(place.s3, place.bucket) == files  # nothing missing, doubled, damaged, or left behind
    assert parts_left_behind(place.s3, place.bucket) == []
    assert files_below(place.folder) == files
    check_nothing_was_sent_again(place, chaos)
    shutil.rmtree(place.folder)


def victims(*, postgresql: bool) -> list[str]:
    """Who is killed, in a random order."""
    every = [*(f"runner {number}" for number in range(RUNNERS)), "api"] * KILLS
    every += ["temporal"] * KILLS_OF_TEMPORAL + ["postgresql"] * (RESTARTS_OF_POSTGRESQL if postgresql else 0)
    random.Random(5).shuffle(every)
    return every


def check_nothing_was_sent_again(place: Place, chaos: Chaos) -> None:
    """The bucket keeps all that it was ever sent: nothing of it is younger than the arrival that the ledger knew.

    S3 tells times in whole seconds. Somebody has to start, or to be missed for some seconds, before he or another can
    send a file again, so that does not hide anything.
    """
    assert chaos.arrived
    sent = versions_in(place.s3, place.bucket)
    assert sent.keys() >= chaos.arrived.keys()
    again = {
        path: times
        for path, times in sent.items()
        if max(times) * NS > chaos.arrived.get(path, max(times) * NS)
    }
    assert again == {}
