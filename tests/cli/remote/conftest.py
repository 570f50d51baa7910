"""Mover's own API as a process, and commands that are told of it by variables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from tests.cli.conftest import Mover
from tests.servers.collector import Collector, collector
from tests.servers.processes import free_port
from tests.servers.service import MoverApi, mover_api, prepare_home

from mover.cli.remote.answers import Connection, Migration
from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.server import open_server


@pytest.fixture(scope="session")
def traces() -> Iterator[Collector]:
    """Where the API sends its traces."""
    with collector() as running:
        yield running


@pytest.fixture(scope="session")
def metrics_port() -> int:
    """Where the API shows its metrics."""
    return free_port()


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory, traces: Collector, metrics_port: int) -> Iterator[MoverApi]:
    """`mover api` without runners: what is started stays queued."""
    folder = tmp_path_factory.mktemp("api")
    environment = {
        "MOVER_METRICS_PORT": str(metrics_port),
        "MOVER_OTLP_ENDPOINT": traces.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",  # milliseconds between two batches
    }
    with mover_api(folder, asyncio.run(prepare_home(folder / "home")), environment=environment) as running:
        yield running


@pytest.fixture
def remote(mover: Mover, api: MoverApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mover:
    """Runs `mover remote ...` in this process against the API."""
    monkeypatch.setenv("MOVER_SERVER", api.url)
    monkeypatch.setenv("MOVER_API_KEY", api.prepared.key.reveal())
    monkeypatch.setenv("MOVER_PROFILES_FILE", str(tmp_path / "profiles.json"))
    monkeypatch.setenv("MOVER_CA_FILE", str(api.ca_file))
    return lambda *arguments: mover("remote", *arguments)


@pytest.fixture
def migration(api: MoverApi) -> str:
    """The name of a new migration with three pairs, /s0 to /s2."""
    return asyncio.run(make_migration(api, pairs=3))


async def make_migration(api: MoverApi, *, pairs: int, **options: object) -> str:
    async with open_server(ServerChoice(api.url, api.prepared.key, api.ca_file)) as server:
        ids = []
        for _ in range(2):
            body = {
                "name": f"nas-{token_hex(6)}",
                "service": "sftp",
                "configuration": {
                    "host": "nas.example.org",
                    "username": "ann",
                    "password": "canary password",
                },
            }
            ids.append((await server.post("/connections", Connection, body)).id)
        body = {
            "name": f"M {token_hex(6)}",
            "source_connection_id": ids[0],
            "destination_connection_id": ids[1],
            "options": options,
        }
        made = await server.post("/migrations", Migration, body)
        new = [
            {"source_path": f"/s{n}", "destination_path": f"/d{n}", "tags": [f"t{n % 2}"]}
            for n in range(pairs)
        ]
        for start in range(0, pairs, 500):
            await server.post(f"/migrations/{made.id}/pairs", dict, {"pairs": new[start : start + 500]})
    return made.name
