"""Many processes live on one refresh token that is good for one exchange; some of them die."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from tests.connections.oauth.conftest import APPS
from tests.connections.oauth.test_giving_back import signed_in
from tests.servers import acme
from tests.servers.oauth import AuthorizationServer

from mover.connections.connections import Connections
from mover.database.database import Database
from mover.transport.egress import Egress
from mover.transport.oauth.refusals import GrantRefused
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
Start = Callable[[], "Worker"]


class Worker:
    def __init__(self, database_url: str, key_file: Path, ca_file: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.connections.oauth.worker", str(key_file), str(ca_file)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tell(database_url)

    def _pipe(self, pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe

    def tell(self, line: str) -> None:
        self._pipe(self.process.stdin).write(f"{line}\n")
        self._pipe(self.process.stdin).flush()

    def said(self) -> str:
        return self._pipe(self.process.stdout).readline().strip()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "global.key"


@pytest.fixture
def start(database_url: str, key_file: Path, server: AuthorizationServer) -> Iterator[Start]:
    started: list[Worker] = []

    def run() -> Worker:
        started.append(Worker(database_url, key_file, server.ca_file))
        return started[-1]

    yield run
    for worker in started:
        worker.process.kill()
        worker.process.communicate()


async def test_of_several_processes_one_exchanges_each_refresh_token(
    connections: Connections, server: AuthorizationServer, start: Start
):
    await signed_in(connections, server)
    workers = [start() for _ in range(2)]
    for worker in workers:
        assert await asyncio.to_thread(worker.said) == "ready"

    for number in range(1, 5):
        server.expire("access")
        for worker in workers:
            worker.tell("sign in")
        said = {await asyncio.to_thread(worker.said) for worker in workers}
        assert said == {"ann@example.org at Acme"}
        assert len(server.exchanges) == number

    assert len(set(server.exchanges)) == 4


@pytest.mark.parametrize("forgiving", [True, False])
async def test_an_answer_that_died_with_its_process(
    connections: Connections,
    database: Database,
    egress: Egress,
    key_file: Path,
    server: AuthorizationServer,
    start: Start,
    forgiving: bool,  # noqa: FBT001 - a parameter of the test
):
    server.forgiving = forgiving
    await signed_in(connections, server)
    server.expire("access")
    worker = start()
    worker.tell("die")
    assert await asyncio.to_thread(worker.said) == "ready"
    assert await asyncio.to_thread(worker.said) == ""
    assert len(server.exchanges) == 1

    # The lease of the dead one has run out.
    later = Vault(database, FileKeyProvider(key_file), now=lambda: time.time() + 120)
    second = Connections(database, later, egress, apps=APPS, types=acme.types)
    if forgiving:
        await (await second.open("work")).close()
    else:
        with pytest.raises(GrantRefused) as caught:
            await second.open("work")
        assert "Connect the account again" in caught.value.advice
    assert len(set(server.exchanges)) == 1
