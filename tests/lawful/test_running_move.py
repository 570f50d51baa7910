"""Exports by the real command, of what real runners hold: during a move, after it, and of one that was killed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped] # no stubs are published
import pytest
from tests.e2e.command import Done, Mover
from tests.e2e.places import files_below, put
from tests.e2e.searching import Needle, found_in_files
from tests.lawful.court import CASE, REASON, opened
from tests.lawful.staff_people import Colleague, hire, let_codes_be_used_again
from tests.runner.conftest import Service, service, serving, temporal_server
from tests.runner.stage import Organisation
from tests.runner.test_runs import reached
from tests.runner.watching import until
from tests.staging.streams import MIB

from mover.accounts.audit_log import AuditLog
from mover.lawful.orders import Orders
from mover.runner.runner import Runner
from mover.staff.records import Scope
from mover.staff.requests import Requests
from mover.workplace.workplace import Workplace

__all__ = ["service", "serving", "temporal_server"]

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.promise("P10")]

CANARY = "canary 0b9c44d1-5a2e-4c0f of a customer"


def some_files() -> dict[str, bytes]:
    """One that goes whole from memory, one whole from disk, one in a stream, one in parts; the canary all over them."""
    mark = CANARY.encode()

    def content(size: int) -> bytes:
        rng = random.Random(size)
        block = b"".join(mark + rng.randbytes(1000) for _ in range(100))
        return (block * (size // len(block) + 1))[:size]

    return {
        "/small": content(200_000),
        "/folder/medium": content(5 * MIB),
        "/stream": content(12 * MIB),
        "/in parts": content(66 * MIB),
    }


class Gate:
    """A destination that takes the first piece of each upload and part, and the rest when it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    def wrap(self, connector: Any) -> Any:
        return _Gated(connector, self.opened)


class _Gated:
    def __init__(self, inner: Any, gate: asyncio.Event) -> None:
        self._inner = inner
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return _Gated(found, self._gate) if name == "part_uploads" and found is not None else found

    async def upload(self, target: Any, content: Any) -> Any:
        return await self._inner.upload(target, _GatedContent(content, self._gate))

    async def send(self, token: str, number: int, offset: int, content: Any) -> Any:
        return await self._inner.send(token, number, offset, _GatedContent(content, self._gate))


class _GatedContent:
    def __init__(self, inner: Any, gate: asyncio.Event) -> None:
        self._inner = inner
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def chunks(self) -> AsyncIterator[bytes]:
        async with aclosing(self._inner.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk
                await self._gate.wait()


class Office:
    """Three of the staff, an approved order about an organisation, and the command."""

    def __init__(self, place: Workplace, folder: Path, people: list[Colleague]) -> None:
        self.place = place
        self.people = people
        self.identity = pyrage.x25519.Identity.generate()
        self.mover = Mover(
            folder / "command",
            MOVER_HOME=str(place.settings.home),
            MOVER_DATABASE_URL=place.settings.database_url.reveal(),
        )
        self.mover.home = place.settings.home

    @classmethod
    async def order(cls, place: Workplace, folder: Path, organisation_id: str) -> Office:
        office = cls(place, folder, await hire(place, "sam", "tess", "uma"))
        sam, tess, uma = (one.member for one in office.people)
        orders = Orders(place.database, Requests(place.database, place.vault, AuditLog(place.database)))
        expires = time.time_ns() + 3600 * 10**9
        recipient = str(office.identity.to_public())
        scope = Scope(organisation_id=organisation_id)
        order = await orders.ask(sam, scope, REASON, CASE, [recipient], expires)
        for one in (tess, uma):
            await orders.approve(one, order)
        return office

    async def export(self, output: Path, *, wait_s: int = 60, code: int = 0) -> Done:
        await let_codes_be_used_again(self.place)
        sam = self.people[0]
        words = ["legal", "export", "--case", CASE, "--output", str(output), "--wait", str(wait_s), "--json"]
        process = self.mover.start(*words, *sam.words, **sam.variables)
        done = await asyncio.to_thread(process.wait)
        assert done.code == code, done
        return done


async def received(organisation: Organisation, run: int, at_least: int) -> None:
    async with asyncio.timeout(240):
        while (await organisation.run(run))["bytes_received"] < at_least:  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0.05)


def held_by(runner: Runner) -> dict[tuple[int, int], int]:
    shelves = runner._parts.bench.engine.staging.shelves
    looks = [shelf.look() for shelf in shelves]
    return {(look.label.item, look.offset): look.size for look in looks if look.complete}


async def test_what_a_runner_holds_during_a_move_is_exported_and_afterwards_nothing_is_held(
    serving, tmp_path: Path
):
    gate, files = Gate(), some_files()
    needles = [Needle.of("content", CANARY)]
    async with serving(staging_memory_bytes=2 * MIB, staging_disk_bytes=512 * MIB) as opened_service:
        place = opened_service.place
        organisation = await Organisation.make(place, tmp_path / "both")
        put(organisation.source, files)
        office = await Office.order(place, tmp_path, organisation.id)
        gated = replace(opened_service, place=replace(place, wrap=gate.wrap))
        async with gated.running() as runner:
            (run,) = await organisation.start("/")
            await opened_service.orchestration.nudge(organisation.id)
            # The small ones whole, three parts of the stream and four of the large one: then nothing goes on.
            await until(lambda: len(held_by(runner)) >= 8 and len({item for item, _ in held_by(runner)}) == 4)
            during = await office.export(tmp_path / "during.tar.age")
            home = place.settings.home
            assert found_in_files([home, tmp_path / "during.tar.age"], needles) == []
            gate.opened.set()
            assert (await reached(organisation, run, "ended"))["code"] == 100
            after = await office.export(tmp_path / "after.tar.age")
        assert files_below(organisation.destination) == files
    assert found_in_files([home, tmp_path / "after.tar.age"], needles) == []

    archive = opened(tmp_path / "during.tar.age", office.identity)
    parts = archive.manifest["parts"]
    assert {part["outcome"] for part in parts} == {"sealed"}
    assert {part["place"] for part in parts} == {"memory", "disk"}
    for (path, offset), content in archive.contents().items():
        assert content == files[path][offset : offset + len(content)]
    whole = {path for (path, _), content in archive.contents().items() if content == files[path]}
    assert whole == {"/small", "/folder/medium"}
    assert {path for path, _ in archive.contents()} == set(files)
    assert max(offset for path, offset in archive.contents() if path == "/in parts") > 0
    assert {(one["path"], one["state"]) for one in archive.lines("items") if one["kind"] == "file"} == {
        (path, "sending") for path in files
    }
    assert during.result["parts"] == len(parts) >= 8

    assert after.result["nothing_held"]
    archive = opened(tmp_path / "after.tar.age", office.identity)
    assert archive.manifest["held"]["sentence"] == "Nothing is held: no run in scope was under way."
    assert archive.manifest["parts"] == []
    assert {(one["path"], one["state"]) for one in archive.lines("items") if one["kind"] == "file"} == {
        (path, "copied") for path in files
    }


async def test_what_a_killed_runner_held_is_lost_and_its_silence_is_named(service: Service, tmp_path: Path):
    organisation = await Organisation.make(service.place, tmp_path / "both")
    put(organisation.source, {"/file": (CANARY.encode() * 1_000_000)[: 40 * MIB]})
    office = await Office.order(service.place, tmp_path, organisation.id)
    mover = Mover(
        tmp_path / "runner",
        MOVER_HOME=str(service.place.settings.home),
        MOVER_DATABASE_URL=service.place.settings.database_url.reveal(),
        MOVER_TEMPORAL_ADDRESS=service.temporal.address,
        MOVER_LOCAL_FOLDERS=str(tmp_path),
        MOVER_RUNNER_SILENCE_S="3600",  # or its run would be taken from it before the export
    )
    running = mover.start("runner")
    try:
        (run,) = await organisation.start("/", options='{"bandwidth": "1M"}')
        await service.orchestration.nudge(organisation.id)
        await received(
            organisation, run, 3 * MIB
        )  # three parts of 8 MiB at once: none of them is whole as yet
        alive = await office.export(tmp_path / "alive.tar.age")
        assert (await organisation.run(run))["state"] in {"scanning", "running"}
    finally:
        running.kill()
    dead = await office.export(tmp_path / "dead.tar.age", wait_s=1, code=1)

    content = opened(tmp_path / "alive.tar.age", office.identity).contents()
    assert alive.result["bytes"] == sum(map(len, content.values())) > 0
    assert all(CANARY.encode() in held for held in content.values())
    assert not any(
        part["received_in_full"]
        for part in opened(tmp_path / "alive.tar.age", office.identity).manifest["parts"]
    )
    assert [one["answer"] for one in dead.result["no_full_answer"]] == ["did not answer"]
    assert not dead.result["nothing_held"]
    assert dead.result["held"].startswith("Nothing was handed over. 1 runner gave no full answer")
    needles = [Needle.of("content", CANARY)]
    places = [service.place.settings.home, tmp_path / "alive.tar.age", tmp_path / "dead.tar.age"]
    assert found_in_files(places, needles) == []
