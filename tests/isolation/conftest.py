from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from tests.e2e.command import Mover
from tests.isolation.installation import Installation, installation
from tests.isolation.separated import NAME, SeparatedServer, separated_server
from tests.servers.processes import tool

from mover.database.roles.words import Role


@pytest.fixture(scope="session")
def separated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeparatedServer]:
    """A server set up by the commands that `docs/isolation.md` names."""
    with separated_server() as server:
        mover = Mover(tmp_path_factory.mktemp("owner"), MOVER_DATABASE_URL=server.url(Role.OWNER))
        script = mover.run("db", "roles", code=0).out
        for _ in range(2):  # what it says can be done again
            subprocess.run(
                [
                    *(tool("psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"),
                    f"host=127.0.0.1 port={server.server.port} user=mover dbname={NAME}",
                ],
                input=script,
                text=True,
                check=True,
                capture_output=True,
            )
        mover.run("db", "upgrade", code=0)
        yield server


@pytest.fixture(scope="session")
def installed(separated: SeparatedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """API, pages and a runner."""
    with installation(tmp_path_factory.mktemp("installed"), separated.another("installed")) as running:
        yield running
