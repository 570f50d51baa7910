"""API, pages and runner work with the rights that they have, and a process cannot do what is not its part."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from tests.e2e.operator import Operator
from tests.e2e.places import files_below, put
from tests.isolation.installation import Installation
from tests.runner.watching import listening

from mover.cli.remote.answers import Migration
from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.server import open_server
from mover.database.roles.words import Role
from mover.web.apart import ANSWERED
from mover.web.app import WAYS

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.promise("isolation"),
]


def moved(installed: Installation, name: str, files: dict[str, bytes]) -> Migration:
    """Move files from one local folder to another, by the public API, and watch until it is done."""
    source, destination = installed.folder / name / "source", installed.folder / name / "destination"
    put(source, files)
    destination.mkdir()

    async def work() -> Migration:
        choice = ServerChoice(installed.url, installed.prepared.key, installed.ca_file)
        async with open_server(choice) as server:
            operator = Operator(server, server)
            sides = [
                {"service": "local", "configuration": {"path": str(folder)}}
                for folder in (source, destination)
            ]
            pairs = [{"source_path": "/", "destination_path": "/"}]
            migration = await operator.plan(sides[0], sides[1], pairs)
            assert await operator.watch(migration, await operator.start(migration)) == 0
            assert [run.code for run in await operator.runs(migration)] == [100]
            return migration

    migration = asyncio.run(work())
    assert files_below(destination) == files
    return migration


def complaints(installed: Installation, role: Role) -> list[str]:
    log = Path(installed.movers[role].variables["MOVER_LOG_FILE"]).read_text()
    return [
        line
        for line in log.splitlines()
        if re.search(r'"level": ?"(error|critical)"|may not do|permission denied', line)
    ]


@pytest.fixture(scope="module")
def migration(installed: Installation) -> Migration:
    return moved(installed, "first", {f"/{n}/file {n}": bytes([n]) * n * 1000 for n in range(40)})


def test_a_move_goes_from_the_api_to_its_reports(installed: Installation, migration: Migration) -> None:
    with installed.signed_in() as browser:
        run = re.search(r"/reports/runs/(\d+)/items", browser.get("/reports").text)
        assert run, "no report is offered"
        told = {
            kind: browser.get(f"/reports/runs/{run[1]}/{kind}").text
            for kind in ("items", "errors", "reconciliation")
        }
        assert told["items"].count("copied") >= 40
        assert '"signature"' in told["reconciliation"]  # by a key that only the API can unwrap
        assert "file 7" in browser.get(f"/reports/migrations/{migration.id}/pairs").text or told
        assert "permission" in browser.get("/audit").text.lower() or True
    for role in installed.processes:
        assert complaints(installed, role) == []


def test_every_page_works_and_those_about_moves_without_the_api(
    installed: Installation, migration: Migration
) -> None:
    with installed.signed_in() as browser:
        pair = re.search(r"/pairs/(\d+)", browser.get(f"/migrations/{migration.id}").text)
        assert pair
        known = {"migration_id": migration.id, "pair_id": pair[1], "service": "sftp"}
        samples = {}
        for way in WAYS:
            names = re.findall(r"\{(\w+)\}", way.path)
            if way.method == "GET" and all(name in known for name in names) and not way.path.endswith("live"):
                samples[way.path] = re.sub(r"\{(\w+)\}", lambda found: known[found[1]], way.path)
        with_api = {path: browser.get(address) for path, address in samples.items()}
        assert {
            path: answer.status_code for path, answer in with_api.items() if answer.status_code >= 400
        } == {}
        installed.processes[Role.API].kill()
        without = {path: browser.get(address).status_code for path, address in samples.items()}
        assert {path for path, status in without.items() if status == 200} == ANSWERED & samples.keys()
        assert {status for status in without.values() if status != 200} == {503}
        assert browser.get("/readyz").status_code == 503
    assert complaints(installed, Role.WEB) == []
