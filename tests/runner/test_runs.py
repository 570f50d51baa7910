"""Runs of pairs by a runner in this process, told by a real Temporal."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import zipfile
from dataclasses import replace

import pyrage  # type: ignore[import-untyped]
import pytest
from sqlalchemy import Connection, select
from tests.database_url import BOTH
from tests.e2e.places import files_below, put
from tests.runner.conftest import Service
from tests.runner.stage import Organisation
from tests.runner.watching import listening, until

from mover.accounts.departures import Departures
from mover.accounts.queries.organisations import mark_deleted
from mover.audit import queries
from mover.audit.reading import parts
from mover.audit.sealing import Sealer
from mover.audit.verifying import verify
from mover.connectors.local.connector import LocalConnector
from mover.ledger import tables as ledger
from mover.migrations.tables import pair_runs
from mover.runner.bench import Pace
from mover.workplace.removers import REMOVERS
from mover.workplace.seeds import OWNER

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

PAIRS = 100  # of a large organisation
SLOW = '{"bandwidth": "200K"}'


def some_files(count: int, size: int = 3_000, seed: int = 1) -> dict[str, bytes]:
    rng = random.Random(seed)
    return {f"/d{n % 7}/file {n}": rng.randbytes(size) for n in range(count)}


async def reached(organisation: Organisation, run: int, *states: str, within_s: float = 240) -> dict:
    async with asyncio.timeout(within_s):
        while True:
            found = await organisation.run(run)
            if found["state"] in states:
                return found
            await asyncio.sleep(0.05)


async def files_arrived(organisation: Organisation, at_least: int, within_s: float = 240) -> None:
    await until(lambda: len(files_below(organisation.destination)) >= at_least, within_s)


async def audited(organisation: Organisation, run: int) -> None:
    """Seal what secrets the run used, as the API does, and verify the log."""
    database = organisation.place.database
    await Sealer(database, organisation.place.vault).seal_due()
    chain = await database.read(lambda c: list(queries.chain(c, organisation.id)))
    (used,) = [event for event in chain if event.action == "connections.opened"]
    assert (used.actor_id, used.subject) == ("runner", f"run {run}")
    details = json.loads(used.details)
    assert (details["source_id"], details["destination_id"]) == (
        organisation.source_id,
        organisation.destination_id,
    )
    assert details["process"].startswith("runner ")
    assert (await database.read(lambda c: verify(parts(c)))).intact


@pytest.mark.promise("audit")
async def test_a_pair_is_moved_and_counted(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    files = some_files(60)
    put(organisation.source / "a", files)
    async with service.running() as runner:
        (run,) = await organisation.start("/a")
        await service.orchestration.nudge(organisation.id)
        ended = await reached(organisation, run, "ended")
        figures = runner.measures.registry
        assert figures.get_sample_value("mover_files_total", {"outcome": "copied"}) == 60
        assert figures.get_sample_value("mover_received_bytes_total") == 60 * 3_000
        assert figures.get_sample_value("mover_slices_total", {"end": "ended"}) == 1
        await audited(organisation, run)
    assert ended["code"] == 100
    assert (ended["files_seen"], ended["files_copied"], ended["bytes_copied"]) == (60, 60, 180_000)
    assert ended["bytes_received"] == 180_000
    assert files_below(organisation.destination / "a") == files


async def test_a_pair_that_archives_leaves_one_archive(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    files = {**some_files(10), "/large": random.Random(2).randbytes(9 << 20)}
    put(organisation.source / "a", files)
    async with service.running():
        (run,) = await organisation.start("/a", options='{"archive": true}')
        await service.orchestration.nudge(organisation.id)
        ended = await reached(organisation, run, "ended")
    assert (ended["code"], ended["files_copied"]) == (100, 11)
    ((_, content),) = files_below(organisation.destination / "a").items()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {f"/{name}": archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    assert found == files


async def test_a_run_that_no_message_told_of_is_found(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    put(organisation.source, some_files(3))
    async with service.running():
        (run,) = await organisation.start("/")
        await reached(organisation, run, "ended")


async def test_pause_resume_and_cancel_are_noticed_in_the_middle(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    files = some_files(400, 50_000)  # minutes' work, of which seconds are done
    put(organisation.source, files)
    async with service.running(pace=Pace(look_s=0.2, quiet_s=0.5)):
        (run,) = await organisation.start("/", options=SLOW)
        await service.orchestration.nudge(organisation.id)
        await files_arrived(organisation, 3)
        await organisation.wish(run, "pause")
        await reached(organisation, run, "paused")
        half = len(files_below(organisation.destination))
        assert half < len(files)
        await organisation.wish(run, "run", state="queued")
        await service.orchestration.nudge(organisation.id)
        await files_arrived(organisation, half + 1)
        await organisation.wish(run, "cancel")
        ended = await reached(organisation, run, "ended")
    assert ended["code"] == 230
    arrived = files_below(organisation.destination)
    assert half < len(arrived) < len(files)
    assert arrived.items() <= files.items()


async def test_a_slice_that_is_over_is_followed_by_another(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    files = some_files(30, 20_000)
    put(organisation.source, files)
    async with service.running(pace=Pace(longest_s=1, look_s=0.1, quiet_s=1)) as runner:
        (run,) = await organisation.start("/", options=SLOW)
        await service.orchestration.nudge(organisation.id)
        ended = await reached(organisation, run, "ended")
        assert runner.measures.registry.get_sample_value("mover_slices_total", {"end": "more"})
    assert (ended["code"], ended["files_copied"]) == (100, 30)
    assert files_below(organisation.destination) == files


@pytest.mark.promise("P12")
async def test_a_file_that_goes_in_one_go_is_not_broken_off_when_a_slice_is_over(
    service: Service, tmp_path, monkeypatch
):
    monkeypatch.setattr(LocalConnector, "part_uploads", None)
    monkeypatch.setattr(
        LocalConnector, "capabilities", property(lambda self: replace(self._capabilities, parts=None))
    )
    organisation = await Organisation.make(service.place, tmp_path)
    files = some_files(1, 9 * 1024 * 1024)
    put(organisation.source, files)
    async with service.running(pace=Pace(longest_s=0.5, look_s=0.1, quiet_s=0.1)) as runner:
        (run,) = await organisation.start("/", options='{"bandwidth": "4M"}')
        await service.orchestration.nudge(organisation.id)
        ended = await reached(organisation, run, "ended", within_s=60)
        assert not runner.measures.registry.get_sample_value("mover_slices_total", {"end": "more"})
    assert (ended["code"], ended["files_copied"]) == (100, 1)
    assert files_below(organisation.destination) == files


@pytest.mark.promise("P11")
@pytest.mark.usefixtures("database_kind")
@pytest.mark.parametrize("database_kind", BOTH, indirect=True)
async def test_a_sealed_pair_goes_on_over_slices_and_its_seed_is_destroyed_at_its_end(
    service: Service, tmp_path
):
    organisation = await Organisation.make(service.place, tmp_path)
    files = some_files(150, 6_000)  # more than are under way at once
    put(organisation.source, files)
    key = pyrage.x25519.Identity.generate()
    options = json.dumps({"seal_to": [str(key.to_public())], "bandwidth": "250K"})
    async with service.running(pace=Pace(longest_s=0.5, look_s=0.1)) as runner:
        (run,) = await organisation.start("/", options=options)
        await service.orchestration.nudge(organisation.id)
        await files_arrived(organisation, 1)
        assert len(await service.place.vault.owners(OWNER)) == 1
        ended = await reached(organisation, run, "ended")
        assert runner.measures.registry.get_sample_value("mover_slices_total", {"end": "more"})
    assert ended["code"] == 100
    there = files_below(organisation.destination)
    assert there.keys() == {f"{path}.age" for path in files}
    assert {path: pyrage.decrypt(there[f"{path}.age"], [key]) for path in files} == files
    assert await service.place.vault.owners(OWNER) == []


async def test_a_runner_that_is_told_to_end_hands_over_between_files(serving, tmp_path):
    # Nobody finds the run overdue within this test: it is handed over.
    async with serving(runner_silence_s=3600) as service:
        await hands_over(service, tmp_path)


async def hands_over(service: Service, tmp_path) -> None:
    organisation = await Organisation.make(service.place, tmp_path)
    files = some_files(400, 50_000)
    put(organisation.source, files)
    async with service.running() as first:
        (run,) = await organisation.start("/", options=SLOW)
        await service.orchestration.nudge(organisation.id)
        await files_arrived(organisation, 3)
        async with service.running() as second:
            first.end()
            async with asyncio.timeout(240):
                while (await organisation.run(run))["runner"] != second.name:  # noqa: ASYNC110 - a row tells nobody that it has changed
                    await asyncio.sleep(0.05)
            await organisation.wish(run, "cancel")
            await reached(organisation, run, "ended")


async def test_runs_of_a_queue_wait_for_its_runners(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    put(organisation.source, some_files(5))
    async with service.running():
        at_site, here = (
            *(await organisation.start("/d1", queue="site-a")),
            *(await organisation.start("/d2")),
        )
        await service.orchestration.nudge(organisation.id)
        await reached(organisation, here, "ended")
        assert (await organisation.run(at_site))["state"] == "queued"
        async with service.running(queue="site-a") as site:
            await reached(organisation, at_site, "ended")
            assert site.measures.registry.get_sample_value("mover_slices_total", {"end": "ended"}) == 1


async def test_no_more_pairs_at_once_than_the_migration_may(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path, pairs_at_once=2)
    for pair in range(5):
        put(organisation.source / str(pair), some_files(3, 20_000))
    most = 0
    async with service.running():
        runs = await organisation.start(*(f"/{pair}" for pair in range(5)), options='{"bandwidth": "100K"}')
        await service.orchestration.nudge(organisation.id)
        async with asyncio.timeout(240):
            while True:
                states = [(await organisation.run(run))["state"] for run in runs]
                most = max(most, sum(state not in {"queued", "ended"} for state in states))
                if set(states) == {"ended"}:
                    break
                await asyncio.sleep(0.05)
    assert most == 2


async def test_what_cannot_be_opened_ends_with_its_code(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    (organisation.source / "file").write_bytes(b"x")
    own = service.place.for_organisation(organisation.id)
    async with service.running():
        missing, one_file = await organisation.start("/nowhere", "/file")
        await service.orchestration.nudge(organisation.id)
        assert (await reached(organisation, missing, "ended"))["code"] == 411
        assert (await reached(organisation, one_file, "ended"))["code"] == 100
        await own.connections.remove("destination")
        (gone,) = await organisation.start("/")
        await service.orchestration.nudge(organisation.id)
        assert (await reached(organisation, gone, "ended"))["code"] == 423


async def test_a_folder_that_the_operator_allows_no_more_is_not_opened(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    put(organisation.source, {"/file": b"x"})
    rules = service.place.settings.model_copy(update={"local_folders": (organisation.source,)})
    stricter = replace(service, place=replace(service.place, settings=rules))
    async with stricter.running():
        (run,) = await organisation.start("/")
        await service.orchestration.nudge(organisation.id)
        ended = await reached(organisation, run, "ended")
    assert ended["code"] == 402
    assert "destination: 'path' is not in one of the folders that the operator allows" in ended["message"]
    assert files_below(organisation.destination) == {}


async def test_another_organisations_connection_is_not_there(service: Service, tmp_path):
    mine, theirs = (
        await Organisation.make(service.place, tmp_path),
        await Organisation.make(service.place, tmp_path),
    )
    put(theirs.source, {"/secret": b"theirs"})
    mine.source_id = theirs.source_id
    async with service.running():
        (run,) = await mine.start("/")
        await service.orchestration.nudge(mine.id)
        assert (await reached(mine, run, "ended"))["code"] == 423
    assert files_below(mine.destination) == {}


async def test_a_small_organisation_does_not_wait_for_a_large_one(serving, tmp_path):
    async with serving(runner_pairs=3) as service:
        large, small = (
            await Organisation.make(service.place, tmp_path),
            await Organisation.make(service.place, tmp_path),
        )
        for pair in range(PAIRS):
            put(large.source / str(pair), some_files(2, 200_000, pair))
        put(small.source, some_files(3))
        async with service.running(pace=Pace(look_s=0.5, quiet_s=0.5)):
            runs = await large.start(*(f"/{pair}" for pair in range(PAIRS)), options='{"bandwidth": "50K"}')
            await service.orchestration.nudge(large.id)
            await files_arrived(large, 1)
            (run,) = await small.start("/")
            await service.orchestration.nudge(small.id)
            ended = await reached(small, run, "ended")
            waiting = [(await large.run(each))["ended_ns"] for each in runs].count(None)
    assert ended["code"] == 100
    assert waiting > PAIRS // 2  # one after the other it would have been the last


async def test_an_api_goes_on_while_temporal_is_down(service: Service, tmp_path, caplog, monkeypatch):
    organisation = await Organisation.make(service.place, tmp_path)
    put(organisation.source, some_files(3))
    service.temporal.kill()
    (run,) = await organisation.start("/")
    with monkeypatch.context() as impatient:
        impatient.setattr("mover.runner.client._CONNECT_S", 0.5)
        await service.orchestration.nudge(organisation.id)
    assert "runners could not be told" in caplog.text
    async with service.running():
        service.temporal.start()
        await reached(organisation, run, "ended")


async def test_temporals_state_may_be_lost_in_the_middle(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    files = {
        f"/{pair}/{name}": content
        for pair in range(4)
        for name, content in some_files(10, 30_000, pair).items()
    }
    put(organisation.source, files)
    async with service.running():
        runs = await organisation.start(*(f"/{pair}" for pair in range(4)), options=SLOW)
        await service.orchestration.nudge(organisation.id)
        await files_arrived(organisation, 5)
        service.temporal.kill()
        service.temporal.forget()
        service.temporal.start()
        for run in runs:
            assert (await reached(organisation, run, "ended"))["code"] == 100
    assert files_below(organisation.destination) == {
        path.replace("//", "/"): content for path, content in files.items()
    }


async def test_temporal_keeps_no_path_no_name_and_no_secret(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    put(organisation.source / "Payroll-2031", {"/salaries-of-all.xlsx": b"content-of-salaries"})
    async with service.running():
        runs = await organisation.start("/Payroll-2031", "/Nowhere-to-be-found")
        await service.orchestration.nudge(organisation.id)
        for run in runs:
            await reached(organisation, run, "ended")
        client = await service.access.client()
        described = await client.get_workflow_handle(f"mover-pair-run-{runs[0]}").describe()
        assert described.id
    service.temporal.stop()
    kept = b"".join(path.read_bytes() for path in service.temporal.folder.glob("temporal.db*"))
    assert b"mover-pair-run" in kept
    assert b"binary/mover-aes-256-gcm" in kept
    for word in (
        b"Payroll",
        b"salaries",
        b"Nowhere",
        b"destination",
        str(organisation.source).encode(),
    ):
        assert word not in kept


async def test_a_runner_listens_nowhere(service: Service):
    before = set(listening(os.getpid()))
    async with service.running():
        await service.access.client()
        assert set(listening(os.getpid())) == before


async def test_runs_of_an_organisation_that_is_deleted_stop(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    files = some_files(400, 50_000)
    put(organisation.source, files)
    database, vault = service.place.database, service.place.vault
    async with service.running() as runner:
        await organisation.start("/", options=SLOW)
        await service.orchestration.nudge(organisation.id)
        await files_arrived(organisation, 3)
        await vault.destroy_person(
            f"organisation:{organisation.id}", along=lambda c: mark_deleted(c, organisation.id, 1)
        )
        departures = Departures(database, vault, removers=REMOVERS)
        while await departures.remove_deleted():
            pass
        figures = runner.measures.registry

        def slices() -> float:
            samples = (sample for metric in figures.collect() for sample in metric.samples)
            return sum(sample.value for sample in samples if sample.name == "mover_slices_total")

        await until(lambda: slices() > 0)
    assert len(files_below(organisation.destination)) < len(files)

    def left(connection: Connection) -> list[object]:
        return [
            row
            for table in (pair_runs, ledger.runs, ledger.items)
            for row in connection.execute(select(table))
        ]

    assert await database.read(left) == []
