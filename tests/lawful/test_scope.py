"""Exactly what the order is about: no other organisation, person, connection, pair or time."""

from __future__ import annotations

from typing import Any

import pytest
from tests.database_url import on_both
from tests.lawful.court import NS, Court, UnderWay

pytestmark = [*on_both, pytest.mark.promise("P10")]


@pytest.mark.parametrize("narrowed", ["organisation", "person", "connection", "pair", "until", "from"])
async def test_nothing_outside_of_the_scope_is_handed_out(court: Court, narrowed: str) -> None:
    ann = court.office.house.founded.owner.id
    bob = "0" * 32
    async with court.station("one") as one:
        now = court.now_ns()
        inside = await court.under_way("one", person_id=ann, name="inside")
        outside: list[UnderWay] = []
        scope: dict[str, Any] = {}
        match narrowed:
            case "organisation":
                outside = [await court.under_way("one", organisation_id=await court.another_organisation())]
            case "person":
                outside = [
                    await court.under_way("one", person_id=bob, added_by=bob),
                    await court.under_way("one"),
                ]
                scope = {"person_id": ann}
            case "connection":
                outside = [await court.under_way("one", person_id=ann)]
                scope = {"connection_id": inside.destination_id}
            case "pair":
                outside = [await court.under_way("one", source_id=inside.source_id)]
                scope = {"pair_id": str(inside.pair_id)}
            case "until":
                court.office.house.clock.at += 600
                outside = [await court.under_way("one")]
                scope = {"until_ns": now + 300 * NS}
            case _:
                outside = [
                    await court.under_way(
                        "one", started_ns=now - 900 * NS, ended_ns=now - 600 * NS, state="ended"
                    )
                ]
                scope = {"from_ns": now - 300 * NS}
        if narrowed == "until":  # held since before the period's end
            court.office.house.clock.at -= 600
        await one.hold(inside, b"inside")
        if narrowed == "until":
            court.office.house.clock.at += 600
        for other in outside:
            await one.hold(other, b"outside")
        order = await court.approved(**scope)
        exported = await court.export(order, one)
    archive = court.open()
    assert archive.contents() == {(inside.path, 0): b"inside"}
    assert [line["path"] for line in archive.lines("items")] == [inside.path]
    assert [line["pair"] for line in archive.lines("pairs")] == [inside.pair_id]
    assert len(exported.findings.parts) == 1
    left_out = archive.manifest["left_out"]
    assert bool(left_out) == (narrowed == "person")  # the connections of `inside` have no known owner


async def test_a_connection_that_the_person_added_brings_in_other_peoples_migrations(court: Court) -> None:
    ann = court.office.house.founded.owner.id
    async with court.station("one") as one:
        hers = await court.under_way("one", person_id="0" * 32, added_by=ann, name="hers")
        await one.hold(hers, b"hers")
        await court.export(await court.approved(person_id=ann), one)
    assert court.open().contents() == {(hers.path, 0): b"hers"}


async def test_a_period_that_is_over_has_nothing_of_what_is_held_now(court: Court) -> None:
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), b"now")
        order = await court.approved(from_ns=court.now_ns() - 9000 * NS, until_ns=court.now_ns() - 8000 * NS)
        exported = await court.export(order, one)
    assert exported.findings.nothing_held
    assert court.open().lines("items") == court.open().lines("pairs") == []
