"""What is held is handed out to those whom an approved order names, and to nobody else."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pyrage  # type: ignore[import-untyped] # no stubs are published
import pytest
from sqlalchemy import Connection, insert, select, update
from tests.database_url import on_both
from tests.lawful.court import CASE, REASON, Court, Station, some_bytes
from tests.staging.streams import MIB

from mover.errors import PermissionDenied
from mover.lawful.exporting import Exporter, Limits
from mover.lawful.output import Output
from mover.lawful.queries import calls
from mover.lawful.records import AnswerState, Call, Order, Outcome, Whose
from mover.lawful.refusals import CallClosed, ExportUnderWay, OutputRefused
from mover.lawful.tables import legal_answers, legal_collections, legal_orders, legal_parts
from mover.staff.requests import NotApproved
from mover.staff.tables import staff_approvals, staff_requests

pytestmark = [*on_both, pytest.mark.promise("P10")]


async def test_what_two_runners_hold_in_memory_and_on_disk_is_in_the_archive_byte_for_byte(
    court: Court,
) -> None:
    async with court.station("one") as one, court.station("two", on_disk=True) as two:
        first = await court.under_way("one", name="a.bin")
        second = await court.under_way("two", name="b.bin")
        third = await court.under_way("two", name="ü / half.bin")
        wanted = {
            (first.path, 0): some_bytes(3 * MIB + 7, 1),
            (first.path, 8 * MIB): b"",
            (second.path, 5 * MIB): some_bytes(2 * MIB, 2),
            ("/folder/ü \uff0f half.bin", 0): some_bytes(MIB + 300_000, 3),
        }
        await one.hold(first, wanted[first.path, 0])
        await one.hold(first, b"", offset=8 * MIB)
        await two.hold(second, wanted[second.path, 5 * MIB], offset=5 * MIB)
        half = await two.hold_half(third, wanted["/folder/ü \uff0f half.bin", 0])
        exported = await court.export(await court.approved(), one, two)
        half.cancel()
        await asyncio.gather(half, return_exceptions=True)

    archive = court.open()
    assert archive.contents() == wanted
    assert not exported.findings.silent
    assert exported.sha256 == hashlib.sha256(court.output.read_bytes()).hexdigest()
    assert court.output.stat().st_mode & 0o777 == 0o600
    manifest = archive.manifest
    assert manifest["case"] == CASE
    assert manifest["reason"] == REASON
    assert manifest["asked"]["by"] == "sam@staff.example"
    assert [one["by"] for one in manifest["approved"]] == ["tess@staff.example", "uma@staff.example"]
    assert manifest["recipients"] == [court.recipient]
    assert [(one["runner"], one["answer"]) for one in manifest["runners"]] == [
        ("one", "answered"),
        ("two", "answered"),
    ]
    assert manifest["held"]["parts"] == 4
    assert manifest["held"]["bytes"] == sum(map(len, wanted.values()))
    assert {(p["path"], p["place"], p["received_in_full"]) for p in manifest["parts"]} == {
        (first.path, "memory", True),
        (second.path, "disk", True),
        ("/folder/ü \uff0f half.bin", "disk", False),
    }
    for part in manifest["parts"]:
        content = wanted[part["path"], part["offset"]]
        assert part["size"] == part["held_bytes"] == len(content)
        assert part["sha256"] == hashlib.sha256(content).hexdigest()
    assert {one["path"] for one in archive.lines("items")} == {
        first.path,
        second.path,
        "/folder/ü \uff0f half.bin",
    }
    assert {one["pair"] for one in archive.lines("pairs")} == {first.pair_id, second.pair_id, third.pair_id}
    assert await court.rows_left() == 0


async def test_a_silent_runner_is_named_and_nobody_claims_that_nothing_is_held(court: Court) -> None:
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), b"held")
        await court.under_way("dead")
        exported = await court.export(await court.approved(), one)
    assert [answer.runner for answer in exported.findings.silent] == ["dead"]
    manifest = court.open().manifest
    assert {one["runner"]: one["answer"] for one in manifest["runners"]} == {
        "dead": "did not answer",
        "one": "answered",
    }
    assert "not known" in manifest["held"]["sentence"]
    used = [event for event in await court.office.staff_log() if event.action == "exception.used"]
    assert '"no_full_answer": "dead"' in used[-1].details


async def test_a_runner_that_dies_while_it_answers_did_not_finish(court: Court) -> None:
    content = some_bytes(3 * MIB)
    async with court.station("one") as one, court.station("two") as two:
        await one.hold(await court.under_way("one", name="kept"), b"kept")
        held = await court.under_way("two", name="lost")
        await two.hold(held, content)
        order = await court.approved()
        exporting = asyncio.create_task(court.export(order, one, patient=True))
        await _answer_until_it_seals(two)
        await _has_answered(court, "one")
        court.office.house.clock.at += 100  # nobody waits for it any longer
        exported = await exporting
    assert [(a.runner, a.state) for a in exported.findings.silent] == [("two", AnswerState.ANSWERING)]
    manifest = court.open().manifest
    assert {p["path"]: (p["outcome"], p["sealed"] is None) for p in manifest["parts"]} == {
        "/folder/kept": ("sealed", False),
        held.path: ("the runner did not finish with it", True),
    }
    assert court.open().contents() == {("/folder/kept", 0): b"kept"}
    assert await court.rows_left() == 0


async def test_an_order_that_is_stopped_while_it_is_carried_out_leaves_no_archive_and_nothing_sealed(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Exporter._write

    async def stopped_meanwhile(self: Exporter, *arguments: Any) -> Any:
        sealed = await written(self, *arguments)
        await court.orders.stop(court.office.tess, order, "it was about another account")
        return sealed

    monkeypatch.setattr(Exporter, "_write", stopped_meanwhile)
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), b"held")
        order = await court.approved()
        with pytest.raises(PermissionDenied, match="refused"):
            await court.export(order, one)
    assert list(court.folder.glob("*export*")) == []
    assert await court.rows_left() == 0
    log = [event.action for event in await court.office.staff_log()]
    assert log[-2:] == ["exception.used", "exception.refused"]  # runners were asked; nothing was exported


async def test_an_order_that_is_stopped_while_the_archive_is_written_is_said_to_be_stopped(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await court.approved()
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), some_bytes(3 * MIB))
        with pytest.raises(OutputRefused):
            await court.export(order, one, output=court.folder / "no" / "folder")
    write = Output.write

    def stop_at_the_first_piece(self: Output, content: bytes) -> None:
        if not stopped:
            stopped.append(asyncio.run_coroutine_threadsafe(stop(), loop))
            stopped[0].result()
        write(self, content)

    async def stop() -> None:
        await court.orders.stop(court.office.tess, order, "lifted")

    loop, stopped = asyncio.get_running_loop(), list[Any]()
    monkeypatch.setattr(Output, "write", stop_at_the_first_piece)
    with pytest.raises(PermissionDenied, match="refused"):
        await court.export(order)
    assert not court.output.exists()
    assert await court.rows_left() == 0


async def _too_few(court: Court) -> Order:
    order = await court.ask()
    return await court.orders.approve(court.office.tess, order)


async def _approved_by_rows(court: Court) -> Order:
    """By somebody who writes to the tables as their owner."""
    order = await court.ask()

    def forge(connection: Connection) -> None:
        for one in (court.office.tess, court.office.uma):
            row = {"request_id": order.request.id, "staff_id": one.id, "email": one.email, "approved_ns": 1}
            connection.execute(insert(staff_approvals), row)
        connection.execute(update(staff_requests).values(state="approved", approved_ns=1))

    await court.database.write(forge)
    return order


async def _for_other_recipients(court: Court) -> Order:
    order = await court.approved()
    thief = json.dumps([str(pyrage.x25519.Identity.generate().to_public())])
    await court.database.write(lambda c: c.execute(update(legal_orders).values(recipients=thief)))
    return order


async def _about_more(court: Court) -> Order:
    pair = await court.under_way("one", name="other.bin")
    order = await court.approved(pair_id=str(pair.pair_id))
    await court.database.write(lambda c: c.execute(update(staff_requests).values(pair_id=None)))
    return order


FORGERIES = [_too_few, _approved_by_rows, _for_other_recipients, _about_more]


@pytest.mark.parametrize("forge", FORGERIES[1:])
async def test_an_order_that_somebody_forged_is_not_carried_out(
    court: Court, forge: Callable[[Court], Awaitable[Order]]
) -> None:
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), b"held")
        forged = await court.orders.find(CASE, (await forge(court)).request.id)
        with pytest.raises(NotApproved):
            await court.export(forged, one)
    assert not court.output.exists()
    assert await court.rows_left() == 0


@pytest.mark.parametrize("forge", FORGERIES)
async def test_a_runner_sees_for_itself_whether_an_order_stands(
    court: Court, forge: Callable[[Court], Awaitable[Order]]
) -> None:
    """Also if somebody had brought the exporter to call it."""
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), b"held")
        order = await forge(court)
        row = {"id": "c" * 32, "request_id": order.request.id, "organisation_id": court.organisation_id}
        moments = {"opened_ns": court.now_ns(), "deadline_ns": court.now_ns(), "expires_ns": 2**62}
        await court.database.write(
            lambda c: c.execute(insert(legal_collections), {**row, **moments, "most_bytes": 1 << 40})
        )
        asked = {"collection_id": row["id"], "runner": "one", "state": "asked", "message": ""}
        await court.database.write(lambda c: c.execute(insert(legal_answers), asked))
        assert await one.answering.look() == 1
        answer = await court.database.read(lambda c: c.execute(select(legal_answers)).one())
        assert (answer.state, answer.message) == (
            "failed",
            "this order does not stand: nothing is handed out",
        )
        assert not await court.database.read(lambda c: c.execute(select(legal_parts)).all())


async def test_a_runner_hands_over_nothing_more_once_somebody_refused(court: Court) -> None:
    """Whoever refuses, and wherever: also at the pages, while a runner is in the middle of a part."""
    async with court.station("one") as one:
        of = await court.under_way("one")
        await one.hold(of, some_bytes(3 * MIB))
        order = await court.approved()
        call = Call(collection_id="c" * 32, order=order, most_bytes=1 << 40)
        moments = {"opened_ns": court.now_ns(), "deadline_ns": 2**62, "expires_ns": 2**62}
        row = {"id": "c" * 32, "request_id": order.request.id, "organisation_id": court.organisation_id}
        await court.database.write(
            lambda c: c.execute(insert(legal_collections), {**row, **moments, "most_bytes": 1 << 40})
        )
        whose = Whose(pair_id=of.pair_id, item_id=of.item_id, path=of.path)
        (shelf,) = one.staging.shelves
        part = one.answering._part(shelf.look(), whose)
        part_id, _ = await court.database.write(lambda c: calls.add_part(c, call, part))
        await court.database.write(lambda c: calls.add_piece(c, call, part_id, 0, b"sealed"))

        await court.office.requests.refuse(court.office.uma, order.request.id, "the court took it back")

        with pytest.raises(CallClosed):
            await court.database.write(lambda c: calls.add_piece(c, call, part_id, 1, b"more"))
        with pytest.raises(CallClosed):
            await court.database.write(lambda c: calls.end_part(c, call, part_id, Outcome.SEALED, None))
        with pytest.raises(CallClosed):
            await court.database.write(lambda c: calls.add_part(c, call, part))


async def test_what_waits_is_removed_when_its_time_is_over(court: Court) -> None:
    order = await court.approved(days=0.5)
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), some_bytes(2 * MIB))
        with pytest.raises(OutputRefused):
            await court.export(order, one, output=court.folder / "no" / "folder")
    assert await court.rows_left() > 3
    assert await court.orders.remove_over() == 0
    court.office.house.clock.at += 43_200
    assert await court.orders.remove_over() > 3
    assert await court.rows_left() == 0


async def test_one_at_a_time(court: Court) -> None:
    order = await court.approved()
    await court.under_way("one")
    first = asyncio.create_task(court.export(order, patient=True))
    answers = select(legal_answers)
    while not await court.database.read(lambda c: c.execute(answers).all()):  # noqa: ASYNC110 - likewise
        await asyncio.sleep(0.001)
    with pytest.raises(ExportUnderWay):
        await court.another_exporter().export(court.office.sam, order, court.folder / "other", Limits())
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    # Broken off, it is gone on with: nobody is asked twice.
    court.office.house.clock.at += 100
    exported = await court.export(order)
    assert exported.resumed
    assert [answer.runner for answer in exported.findings.silent] == ["one"]


async def _has_answered(court: Court, runner: str) -> None:
    """Wait until a runner is done with its answer."""
    done = select(legal_answers.c.runner).where(
        legal_answers.c.runner == runner, legal_answers.c.state == AnswerState.ANSWERED.value
    )
    while not await court.database.read(lambda c: c.execute(done).all()):  # noqa: ASYNC110 - a database sets no events
        await asyncio.sleep(0.001)


async def _answer_until_it_seals(station: Station) -> None:
    """Begin to answer, and be cancelled as soon as the first piece is in the database."""

    async def answer() -> None:
        while not await station.answering.look():  # noqa: ASYNC110 - a database sets no events
            await asyncio.sleep(0.001)

    answering = asyncio.create_task(answer())
    database = station.answering._database
    sealing = select(legal_parts.c.id).where(legal_parts.c.runner == station.name)
    while not await database.read(lambda c: c.execute(sealing).all()):  # noqa: ASYNC110 - likewise
        await asyncio.sleep(0)
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
