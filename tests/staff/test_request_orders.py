"""Requests that several people, in several processes, act upon in any order."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from tests.accounts.house import House
from tests.database_url import fresh, on_both
from tests.staff.office import StaffOffice, requests_on

from mover.accounts.refusals import NotPossible
from mover.database.database import Database
from mover.errors import MoverError
from mover.staff.records import Request, RequestKind
from mover.staff.requests import NotApproved

pytestmark = [*on_both, pytest.mark.promise("P9")]


async def test_of_two_processes_that_decide_at_once_one_wins(
    tmp_path: Path, house: House, office: StaffOffice
) -> None:
    """Approved and refused, or approved twice by one person from two places: one happens, the other is told so."""
    other = await Database.open(fresh(tmp_path / "state"))
    try:
        there = requests_on(house, other)
        for _ in range(4):
            asked = await office.ask(RequestKind.LEGAL_EXPORT)
            twice = await asyncio.gather(
                office.requests.approve(office.tess, asked),
                there.approve(office.tess, asked),
                return_exceptions=True,
            )
            assert sorted(type(one).__name__ for one in twice) == ["NotPossible", "Request"]
            ends = await asyncio.gather(
                office.requests.approve(office.uma, asked),
                there.refuse(office.tess, asked.id, "in doubt"),
                office.requests.withdraw(office.sam, asked.id),
                return_exceptions=True,
            )
            assert all(isinstance(one, Request | NotPossible) for one in ends)
            found = await office.requests.find(asked.id)
            assert found.state.is_over  # one of the two that end it came through, whatever was before
            with pytest.raises(NotApproved):
                await office.requests.standing(asked.id)
            assert sum(isinstance(one, Request) for one in ends[1:]) == 1
    finally:
        await other.close()


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_done_in_whatever_order_nothing_stands_without_enough_others(
    office: StaffOffice, seed: int
) -> None:
    """A random walk: what stands was approved by enough people other than its asker, in time, and was not ended."""
    dice = random.Random(seed)
    asked: dict[str, Request] = {}
    approved: dict[str, set[str]] = {}
    ended: set[str] = set()
    for _ in range(60):
        who = dice.choice(office.everybody)
        chosen = dice.choice(list(asked.values())) if asked else None
        try:
            match dice.choice(("ask", "approve", "approve", "approve", "refuse", "withdraw", "later")):
                case "ask":
                    made = await office.ask(
                        dice.choice(list(RequestKind)), by=who, days=dice.random() * 2.9 + 0.01
                    )
                    asked[made.id], approved[made.id] = made, set()
                case "approve" if chosen:
                    await office.requests.approve(who, chosen)
                    assert who.id != chosen.asked_by
                    assert chosen.id not in ended
                    approved[chosen.id].add(who.id)
                case "refuse" if chosen:
                    await office.requests.refuse(who, chosen.id, "in doubt")
                    ended.add(chosen.id)
                case "withdraw" if chosen:
                    await office.requests.withdraw(who, chosen.id)
                    ended.add(chosen.id)
                case _:
                    office.house.clock.at += dice.random() * 20_000
        except MoverError:
            pass  # refused: the model does not change
    assert asked
    for request in asked.values():
        may = (
            len(approved[request.id]) >= request.kind.approvals
            and request.id not in ended
            and office.house.clock.ns < request.expires_ns
        )
        if may:
            await office.requests.standing(request.id)
        else:
            with pytest.raises(NotApproved):
                await office.requests.standing(request.id)
