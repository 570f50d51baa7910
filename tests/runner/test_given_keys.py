"""Keys that people give for a run: files are opened, and rclone's crypt read and written, by runners that keep nothing."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pyrage  # type: ignore[import-untyped]
import pytest
from sqlalchemy import func, select, update
from temporalio.api.common.v1 import Payload
from tests.database_url import Kind, in_use
from tests.e2e.places import files_below, put
from tests.migrations.office import actor
from tests.runner.conftest import Service
from tests.runner.stage import Organisation
from tests.runner.test_processes import runner as process_of_a_runner
from tests.runner.test_runs import files_arrived, reached, some_files
from tests.sealing.test_crypt import rclone

from mover.accounts.audit_log import AuditLog
from mover.errors import InvalidConfiguration
from mover.migrations.given.boxes import RunnerKey, key_id_of
from mover.migrations.given.handing import Handing
from mover.migrations.given.queries import publish
from mover.migrations.given.tables import given_boxes, given_keys, runner_keys
from mover.migrations.given.wanted import GivenKeys
from mover.migrations.pairs import Pairs
from mover.migrations.records import NewPair
from mover.migrations.refusals import NoSuchThing, NotPossible
from mover.migrations.runs import Runs
from mover.migrations.selection import Selection
from mover.migrations.tables import migrations
from mover.runner.client import TemporalAccess
from mover.vault.secret import Secret

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

KEY = pyrage.x25519.Identity.generate()
CANARY = str(KEY)
OPENS = GivenKeys(open_with=Secret(CANARY))
PASSWORD = "a canary's pässword"


def sealed(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{path}.age": pyrage.encrypt(data, [KEY.to_public()]) for path, data in files.items()}


class Desk:
    """What the API does for the people of an organisation."""

    def __init__(self, service: Service, organisation: Organisation) -> None:
        self._service = service
        self.organisation = organisation
        self.database = service.place.database
        self.auditor = AuditLog(self.database)
        self.runs = Runs(self.database, self.auditor, Handing(service.place.vault))
        self.actor = actor(organisation.id)

    @classmethod
    async def opened(cls, service: Service, folder: Path) -> Desk:
        await Handing(service.place.vault).begin()
        return cls(service, await Organisation.make(service.place, folder))

    async def pair(self, **options: object) -> Selection:
        await self.database.write(
            lambda c: c.execute(
                update(migrations)
                .where(migrations.c.id == self.organisation.migration_id)
                .values(options=json.dumps(options))
            )
        )
        pairs = Pairs(self.database, self.auditor)
        await pairs.add(
            self.actor, self.organisation.migration_id, [NewPair(source_path="/", destination_path="/")]
        )
        return Selection.matching(self.organisation.migration_id, "")

    async def start(self, chosen: Selection, keys: GivenKeys | None = None) -> int:
        assert (await self.runs.start(self.actor, chosen, keys=keys)).started == 1
        await self._service.orchestration.nudge(self.organisation.id)
        (run,) = (
            await self.runs.page(self.actor, migration_id=self.organisation.migration_id, limit=1)
        ).items
        return run.id

    async def give(self, chosen: Selection, keys: GivenKeys) -> int:
        given = await self.runs.give_keys(self.actor, chosen, keys)
        await self._service.orchestration.nudge(self.organisation.id)
        return given

    async def keys_of_runners(self, at_least: int = 1) -> None:
        await self._until(runner_keys, at_least)

    async def boxes(self, at_least: int) -> None:
        await self._until(given_boxes, at_least)

    async def left(self) -> tuple[int, int]:
        """How much of what was given is kept: boxes and sealed keys."""
        return await self._count(given_boxes), await self._count(given_keys)

    async def _until(self, table: object, at_least: int) -> None:
        async with asyncio.timeout(20):
            while await self._count(table) < at_least:  # noqa: ASYNC110 - a row tells nobody that it is there
                await asyncio.sleep(0.05)

    async def _count(self, table: object) -> int:
        return await self.database.read(
            lambda c: int(c.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]
        )


@pytest.fixture
def desk(service: Service, tmp_path: Path) -> Callable[[], Awaitable[Desk]]:
    return lambda: Desk.opened(service, tmp_path)


def payloads_in(part: object) -> Iterator[Payload]:
    if isinstance(part, dict):
        if "metadata" in part and isinstance(part.get("data"), str):
            metadata = {name: base64.b64decode(value) for name, value in part["metadata"].items()}
            yield Payload(metadata=metadata, data=base64.b64decode(part["data"]))
        for value in part.values():
            yield from payloads_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from payloads_in(value)


async def traces(service: Service, caplog: pytest.LogCaptureFixture) -> bytes:
    """All that is kept outside of memories: database, Temporal's histories, logs, the files of this state."""
    found = [caplog.text.encode()]
    client = await TemporalAccess(service.place.settings).client()
    async for execution in client.list_workflows(""):
        history = await client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
        found.append(history.to_json().encode())
        payloads = list(payloads_in(json.loads(history.to_json())))
        codec = client.data_converter.payload_codec
        opened = await codec.decode(payloads) if codec and payloads else payloads
        found += [payload.data for payload in opened]
    if in_use() is Kind.SQLITE:
        await service.place.database.forget_removed()
    found += [
        path.read_bytes()
        for folder in (service.place.settings.home, service.temporal.folder)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    return b"\0".join(found)


@pytest.mark.promise("P11")
async def test_files_are_opened_with_a_key_that_rests_nowhere(service: Service, desk, caplog):
    caplog.set_level(logging.DEBUG)
    at_desk = await desk()
    files = some_files(20, 20_000)
    put(at_desk.organisation.source, sealed(files))
    chosen = await at_desk.pair(open_with=True, bandwidth="200K")
    async with service.running():
        await at_desk.keys_of_runners()
        run = await at_desk.start(chosen, OPENS)
        await files_arrived(at_desk.organisation, 2)
        assert await at_desk.left() == (1, 1)
        during = await traces(service, caplog)
        ended = await reached(at_desk.organisation, run, "ended")
    assert (ended["code"], ended["files_copied"]) == (100, 20)
    assert files_below(at_desk.organisation.destination) == files
    assert await at_desk.left() == (0, 0)
    for kept in (during, await traces(service, caplog)):
        assert f"mover-pair-run-{run}".encode() in kept
        assert f'"run_id":{run}'.encode() in kept  # payloads were looked into
        assert CANARY.encode() not in kept
        assert CANARY.removeprefix("AGE-SECRET-KEY-").lower().encode() not in kept.lower()


@pytest.mark.promise("P11")
async def test_crypt_is_written_for_rclone_and_read_again(service: Service, desk, tmp_path, caplog):
    at_desk = await desk()
    files = some_files(5)
    put(at_desk.organisation.source, files)
    chosen = await at_desk.pair(crypt_to=True)
    async with service.running():
        await at_desk.keys_of_runners()
        run = await at_desk.start(chosen, GivenKeys(crypt_to=Secret(PASSWORD)))
        assert (await reached(at_desk.organisation, run, "ended"))["code"] == 100
        assert await service.place.vault.owners("sealing:") == []
        none = tmp_path / "none"
        section = (
            f"type = crypt\npassword = {rclone(none, 'obscure', PASSWORD).strip()}\n"
            f"remote = {at_desk.organisation.destination}\n"
        )
        (tmp_path / "rclone.conf").write_text(f"[c]\n{section}")
        rclone(tmp_path / "rclone.conf", "copy", "c:", tmp_path / "back")
        assert files_below(tmp_path / "back") == files

        other = await Desk.opened(service, tmp_path)
        put(other.organisation.source, files_below(at_desk.organisation.destination))
        chosen = await other.pair(crypt_from=True)
        run = await other.start(chosen, GivenKeys(crypt_from=Secret(f"[c]\n{section}")))
        assert (await reached(other.organisation, run, "ended"))["code"] == 100
        assert files_below(other.organisation.destination) == files
    assert PASSWORD.encode() not in await traces(service, caplog)


async def test_a_runner_that_was_killed_takes_the_key_with_it_and_the_run_asks_again(serving, tmp_path):
    async with serving(runner_silence_s=2) as service:
        at_desk = await Desk.opened(service, tmp_path)
        files = some_files(40, 20_000)
        put(at_desk.organisation.source, sealed(files))
        chosen = await at_desk.pair(open_with=True, bandwidth="300K")
        with process_of_a_runner(service, tmp_path, MOVER_RUNNER_SILENCE_S="2") as process:
            await at_desk.keys_of_runners()
            run = await at_desk.start(chosen, OPENS)
            await files_arrived(at_desk.organisation, 2)
            process.kill()
        async with service.running():
            waiting = await reached(at_desk.organisation, run, "paused")
            assert (waiting["code"], waiting["wish"], waiting["files_failed"]) == (630, "pause", 0)
            assert waiting["message"].startswith("the private key that opens its files has to be given again")
            assert (await at_desk.left())[1] == 0
            before = len(files_below(at_desk.organisation.destination))
            assert before < len(files)
            await at_desk.keys_of_runners(2)
            assert await at_desk.give(chosen, OPENS) == 1
            ended = await reached(at_desk.organisation, run, "ended")
    assert (ended["code"], ended["files_copied"]) == (100, len(files))
    assert files_below(at_desk.organisation.destination) == files


async def test_a_runner_that_comes_later_goes_on_without_asking(service: Service, desk):
    at_desk = await desk()
    files = some_files(200, 4_000)  # more than are under way at once
    put(at_desk.organisation.source, sealed(files))
    chosen = await at_desk.pair(open_with=True, bandwidth="300K")
    async with service.running() as first:
        await at_desk.keys_of_runners()
        run = await at_desk.start(chosen, OPENS)
        await files_arrived(at_desk.organisation, 2)
        async with service.running() as second:
            await at_desk.boxes(2)
            first.end()
            ended = await reached(at_desk.organisation, run, "ended")
            assert second.measures.registry.get_sample_value("mover_slices_total", {"end": "ended"}) == 1
    assert ended["code"] == 100
    assert files_below(at_desk.organisation.destination) == files


async def test_a_run_that_nobody_gave_a_key_for_waits_and_touches_nothing(service: Service, desk):
    at_desk = await desk()
    put(at_desk.organisation.source, sealed(some_files(2)))
    chosen = await at_desk.pair(open_with=True)
    async with service.running():
        await at_desk.keys_of_runners()
        run = await at_desk.start(chosen)
        waiting = await reached(at_desk.organisation, run, "paused")
        assert (waiting["code"], waiting["ledger_run_id"]) == (630, None)
        stranger = Desk(service, await Organisation.make(service.place, at_desk.organisation.source))
        with pytest.raises(NoSuchThing):
            await stranger.give(chosen, OPENS)
        with pytest.raises(InvalidConfiguration, match="open_with") as refused:
            await at_desk.give(chosen, GivenKeys(open_with=Secret(CANARY[:-1])))
        assert CANARY[20:40] not in str(refused.value)
        assert await at_desk.give(chosen, GivenKeys(crypt_to=Secret("x"))) == 0
        wrong = GivenKeys(open_with=Secret(str(pyrage.x25519.Identity.generate())))
        assert await at_desk.give(chosen, wrong) == 1
        ended = await reached(at_desk.organisation, run, "ended")
    assert (ended["files_failed"], ended["files_copied"]) == (2, 0)
    assert files_below(at_desk.organisation.destination) == {}
    assert (
        await at_desk.runs.page(at_desk.actor)
    ).total == 1  # none that starts by itself: it would have no key


@pytest.mark.promise("P11")
async def test_a_key_that_a_writer_of_the_database_offers_as_a_runners_gets_nothing(service: Service, desk):
    at_desk = await desk()
    put(at_desk.organisation.source, sealed(some_files(2)))
    chosen = await at_desk.pair(open_with=True)
    public = bytes(KEY_OF_AN_ATTACKER)
    forged = RunnerKey(
        id=key_id_of(public),
        runner="default@host-1-abcdef",
        queue="default",
        public=public,
        until_ns=2**62,
        proof=bytes(32),
    )
    await at_desk.database.write(lambda c: publish(c, forged))
    with pytest.raises(NotPossible, match="no runner"):
        await at_desk.runs.start(at_desk.actor, chosen, keys=OPENS)
    assert (await at_desk.runs.page(at_desk.actor)).total == 0
    async with service.running():
        await at_desk.keys_of_runners(2)
        run = await at_desk.start(chosen, OPENS)
        ended = await reached(at_desk.organisation, run, "ended")
        offered = await at_desk.database.read(
            lambda c: c.execute(
                select(func.count()).where(given_boxes.c.runner_key_id == forged.id)
            ).scalar_one()
        )
    assert (ended["code"], offered) == (100, 0)


KEY_OF_AN_ATTACKER = range(9, 41)  # any 32 bytes are a public key of this curve
