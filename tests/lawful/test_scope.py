"""Exactly what the order is about: no other organisation, person, connection, pair or time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.database_url import on_both
from tests.lawful.court import NS, Court, UnderWay

pytestmark = [*on_both, pytest.mark.promise("P10"), pytest.mark.slow]

BOB = "0" * 32


async def test_nothing_outside_of_the_scope_is_handed_out(court: Court) -> None:
    ann = court.office.house.founded.owner.id
    then = court.now_ns()
    elsewhere = await court.another_organisation()
    async with court.station("one") as one, court.station("two") as two:
        await court.under_way(
            "", name="old", person_id=ann, state="ended", started_ns=then - 900 * NS, ended_ns=then - 600 * NS
        )
        hers = await court.under_way("one", name="hers", person_id=ann)
        runs = {
            "hers": hers,
            "bob's": await court.under_way("one", name="bob's", person_id=BOB, added_by=BOB),
            "bob's, by her account": await court.under_way(
                "one", name="bob's, by her account", person_id=BOB, added_by=ann
            ),
            "nobody's": await court.under_way("one", name="nobody's", source_id=hers.source_id),
            "elsewhere": await court.under_way("one", name="elsewhere", organisation_id=elsewhere),
        }
        for name, run in runs.items():
            await one.hold(run, name.encode())
        # One that has a run of the same name in the database, but is another runner's.
        await two.hold(hers, b"what another runner had before it lost the run")
        court.office.house.clock.at += 600
        late = await court.under_way("one", name="late", person_id=ann, started_ns=court.now_ns())
        await one.hold(late, b"late")

        async def found(**scope: Any) -> tuple[set[str], set[str]]:
            """Of which files there is content, and of which there are names; they have to be the same in all files."""
            order = await court.approved(**scope)
            file = court.folder / f"{order.request.id}.tar.age"
            exported = await court.export(order, one, two, output=file)
            archive = court.open(file)
            contents = archive.contents()
            assert all(path == f"/folder/{held.decode()}" for (path, _), held in contents.items())
            assert len(exported.findings.parts) == len(contents)
            assert bool(archive.manifest["left_out"]) == ("person_id" in scope)
            named = [line["path"].removeprefix("/folder/") for line in archive.lines("items")]
            assert len(archive.lines("pairs")) == len(named)
            return {held.decode() for held in contents.values()}, set(named)

        held = {"hers", "bob's", "bob's, by her account", "nobody's", "late"}
        assert await found() == (held, held | {"old"})
        assert await found(organisation_id=elsewhere) == ({"elsewhere"}, {"elsewhere"})
        of_ann = {"hers", "bob's, by her account", "late"}
        assert await found(person_id=ann) == (of_ann, of_ann | {"old"})
        assert await found(connection_id=hers.source_id) == ({"hers", "nobody's"}, {"hers", "nobody's"})
        assert await found(connection_id=hers.destination_id) == ({"hers"}, {"hers"})
        assert await found(pair_id=str(hers.pair_id)) == ({"hers"}, {"hers"})
        assert await found(until_ns=then + 300 * NS) == (held - {"late"}, held - {"late"} | {"old"})
        assert await found(from_ns=then - 300 * NS) == (held, held)
        only_old = {"from_ns": then - 700 * NS, "until_ns": then - 500 * NS}
        assert await found(**only_old) == (set(), {"old"})
        assert await found(**only_old, connection_id=hers.source_id) == (set(), set())


async def test_a_period_that_is_to_come_has_nothing_yet(court: Court) -> None:
    async with court.station("one") as one:
        run: UnderWay = await court.under_way("one")
        await one.hold(run, b"now")
        exported = await court.export(await court.approved(from_ns=court.now_ns() + 60 * NS), one)
    assert exported.findings.parts == []
    assert court.open().lines("items") == []


async def test_what_was_approved_counts_and_not_what_a_row_said_a_moment_ago(court: Court) -> None:
    async with court.station("one") as one:
        hers, other = await court.under_way("one", name="hers"), await court.under_way("one", name="other")
        for run, content in ((hers, b"hers"), (other, b"other")):
            await one.hold(run, content)
        order = await court.approved(pair_id=str(hers.pair_id))
        wider = replace(order.request, scope=replace(order.request.scope, pair_id=None))
        await court.export(replace(order, request=wider), one)
    archive = court.open()
    assert set(archive.contents().values()) == {b"hers"}
    assert [line["path"] for line in archive.lines("items")] == ["/folder/hers"]
    assert archive.manifest["scope"]["pair"] == str(hers.pair_id)
