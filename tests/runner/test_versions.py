"""Builds of Mover one beside the other: whose workflows are whose, and what becomes of those of a build that has gone."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.service import RPCError, RPCStatusCode
from tests.e2e.places import files_below, put
from tests.runner.conftest import Service
from tests.runner.stage import Organisation
from tests.runner.test_processes import runner
from tests.runner.test_runs import files_arrived, reached, some_files

from mover.errors import InvalidConfiguration
from mover.runner import workflows
from mover.runner.versions import Versions, build_id
from mover.settings import Settings

SLOW = '{"bandwidth": "200K"}'


async def current(service: Service) -> str:
    """The current build; empty if there is none, or if Temporal, which bears few such questions, does not say."""
    client = await service.access.client()
    asked = DescribeWorkerDeploymentRequest(namespace="default", deployment_name="mover")
    try:
        answer = await client.workflow_service.describe_worker_deployment(asked)
    except RPCError as error:
        if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.RESOURCE_EXHAUSTED}:
            raise
        return ""
    return answer.worker_deployment_info.routing_config.current_deployment_version.build_id


async def until_current(service: Service, build: str) -> None:
    async with asyncio.timeout(60):
        while await current(service) != build:  # noqa: ASYNC110 - Temporal tells nobody
            await asyncio.sleep(0.5)


async def endings(service: Service) -> Counter[tuple[str, str, str]]:
    """Kinds of workflows, their builds, and how they stand."""
    client = await service.access.client()
    found: Counter[tuple[str, str, str]] = Counter()
    async for one in client.list_workflows('TaskQueue = "mover"'):
        (build,) = one.search_attributes.get("TemporalWorkerDeploymentVersion", ["none"])
        found[one.workflow_type, str(build), one.status.name if one.status else ""] += 1
    return found


async def endings_with(service: Service, *wanted: tuple[str, str, str]) -> Counter[tuple[str, str, str]]:
    """The same, as soon as these are among them: Temporal's list is a little late."""
    async with asyncio.timeout(60):
        while True:
            found = await endings(service)
            if all(one in found for one in wanted):
                return found
            await asyncio.sleep(0.1)


def made(folder: Path) -> dict[str, tuple[int, int]]:
    """What of each file would be another if it had been written again."""
    return {
        name: ((status := (folder / name.lstrip("/")).stat()).st_ino, status.st_mtime_ns)
        for name in files_below(folder)
    }


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_what_a_build_that_has_gone_had_begun_is_finished_by_another(serving, tmp_path):
    async with serving(runner_build="new", runner_silence_s=3) as service:
        organisation = await Organisation.make(service.place, tmp_path, pairs_at_once=2)
        files = {f"/p{n}{name}": data for n in range(3) for name, data in some_files(20, 15_000, n).items()}
        put(organisation.source, files)
        settings = {"MOVER_RUNNER_BUILD": "old", "MOVER_RUNNER_SILENCE_S": "3"}
        with (
            runner(service, tmp_path, **settings) as one,
            runner(service, tmp_path, **settings) as two,
        ):
            await until_current(service, "old")
            runs = await organisation.start("/p0", "/p1", "/p2", options=SLOW)
            await service.orchestration.nudge(organisation.id)
            await files_arrived(organisation, 6)
            one.kill()
            two.kill()
        before = await service.place.database.read(lambda c: c.exec_driver_sql(_COPIED).scalars().all())
        stood = made(organisation.destination)
        async with service.running(gone_s=4):
            for run in runs:
                assert (await reached(organisation, run, "ended"))["code"] == 100
            found = await endings_with(
                service,
                ("MigrationRun", "mover:old", "TERMINATED"),
                ("PairRun", "mover:old", "TERMINATED"),
                ("MigrationRun", "mover:new", "COMPLETED"),
                ("PairRun", "mover:new", "COMPLETED"),
            )
            await until_current(service, "new")
    assert not [kind for kind in found if kind[2] == "FAILED"]
    assert files_below(organisation.destination) == files
    stands = made(organisation.destination)
    assert before
    finished = [name for name in stood if any(name.endswith(copied) for copied in before)]
    assert finished
    assert {name: stands[name] for name in finished} == {name: stood[name] for name in finished}


_COPIED = (
    "SELECT rtrim(pairs.destination_path, '/') || rtrim(folders.destination_path, '/') || '/' || items.destination_name "
    "FROM items JOIN folders ON folders.id = items.folder_id JOIN runs ON runs.id = items.run_id "
    "JOIN pairs ON pairs.id = runs.pair_id WHERE items.kind = 'file' AND items.state = 'copied'"
)


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_builds_are_exchanged_while_runs_are_under_way(serving, tmp_path):
    async with serving(runner_build="new") as service:
        organisation = await Organisation.make(service.place, tmp_path)
        files = some_files(150, 20_000)
        put(organisation.source / "a", files)
        put(organisation.source / "b", {"/x": b"x"})
        with runner(service, tmp_path, MOVER_RUNNER_BUILD="old") as old:
            await until_current(service, "old")
            (first,) = await organisation.start("/a", options=SLOW)
            await service.orchestration.nudge(organisation.id)
            await files_arrived(organisation, 2)
            async with service.running():
                await until_current(service, "new")
                other = await Organisation.make(service.place, tmp_path)
                put(other.source, {"/y": b"y"})
                (second,) = await other.start("/")
                await service.orchestration.nudge(other.id)
                await reached(other, second, "ended")
                await endings_with(service, ("MigrationRun", "mover:old", "CONTINUED_AS_NEW"))
                old.send(signal.SIGTERM)
                assert old.wait().code == 0
                assert (await reached(organisation, first, "ended"))["code"] == 100
                found = await endings_with(
                    service,
                    ("PairRun", "mover:old", "CONTINUED_AS_NEW"),
                    ("PairRun", "mover:new", "COMPLETED"),
                    ("MigrationRun", "mover:new", "COMPLETED"),
                )
                await _the_older_waits(service)
    assert not [kind for kind in found if kind[2] in {"FAILED", "TERMINATED"}]
    assert files_below(organisation.destination / "a") == files


async def _the_older_waits(service: Service) -> None:
    """It becomes the current one if no runner of the newer is left, or an operator wishes so, and else not."""
    await _looks(Versions(service.access, "default", "old", sure_s=0))
    await _looks(Versions(service.access, "default", "old", automatic=False, gone_s=-3600, sure_s=0))
    await until_current(service, "new")
    await _looks(Versions(service.access, "default", "old", gone_s=-3600, sure_s=0))
    await until_current(service, "old")


async def _looks(one: Versions) -> None:
    async with asyncio.timeout(60):
        while not await one.look():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.5)


@pytest.mark.servers
@pytest.mark.timeout(600)
async def test_builds_need_not_be_told_apart(serving, tmp_path):
    async with serving(runner_versions="off") as service:
        organisation = await Organisation.make(service.place, tmp_path)
        put(organisation.source, {"/a": b"a"})
        async with service.running():
            (run,) = await organisation.start("/")
            assert (await reached(organisation, run, "ended"))["code"] == 100
        assert await current(service) == ""
        assert {kind[1] for kind in await endings_with(service, ("PairRun", "none", "COMPLETED"))} == {"none"}


def test_a_build_is_called_by_the_code_that_is_replayed(tmp_path, monkeypatch):
    before = build_id()
    assert before == build_id()
    assert len(before) < 40
    changed = tmp_path / "workflows.py"
    changed.write_bytes(Path(workflows.__file__).read_bytes() + b"\n")
    monkeypatch.setattr(workflows, "__file__", str(changed))
    assert build_id() != before


@pytest.mark.parametrize("name", ["a:b", "a b", "-a", "a\n", "a" * 101])
def test_a_name_that_a_build_cannot_have_is_refused(name):
    with pytest.raises(InvalidConfiguration, match="MOVER_RUNNER_BUILD"):
        Settings(runner_build=name)
