"""Approvals are rows; whoever writes to the tables, as their owner even, cannot write one that counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from tests.staff.office import DAY_NS, StaffOffice

from mover.accounts.audit_log import AuditLog
from mover.accounts.refusals import NotPossible
from mover.staff.exceptions import Exceptions, Target
from mover.staff.records import Request, RequestKind, Scope
from mover.staff.requests import NotApproved
from mover.staff.tables import staff_approvals, staff_requests

pytestmark = pytest.mark.promise("P9")

_r = staff_requests.c
_a = staff_approvals.c


async def changed(office: StaffOffice, *statements: Any) -> None:
    def work(connection: Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    await office.house.database.write(work)


async def row_of_approval(office: StaffOffice, request: Request) -> Mapping[str, Any]:
    query = select(staff_approvals).where(_a.request_id == request.id)
    return await office.house.database.read(lambda c: dict(c.execute(query).mappings().one()))


async def use(office: StaffOffice) -> object:
    """Look at a person in full, as Sam."""
    exceptions = Exceptions(
        office.house.database, office.requests, AuditLog(office.house.database), now=office.house.clock
    )
    person_id = office.house.founded.owner.id
    return await exceptions.use(office.sam, office.organisation_id, Target(person_id=person_id), "person")


def approved(request: Request) -> Any:
    return update(staff_requests).where(_r.id == request.id).values(state="approved", approved_ns=1)


async def test_what_was_approved_can_be_used(office: StaffOffice) -> None:
    request = await office.ask()
    await office.requests.approve(office.tess, request)

    assert await use(office)


async def test_a_row_that_somebody_wrote_approves_nothing(office: StaffOffice) -> None:
    request = await office.ask()
    row = {"request_id": request.id, "staff_id": office.tess.id, "email": office.tess.email, "approved_ns": 1}
    await changed(office, insert(staff_approvals).values(row), approved(request))

    with pytest.raises(NotApproved):
        await use(office)
    with pytest.raises(NotApproved, match="waits for the approval of one other person"):
        await office.requests.standing(request.id)


async def test_an_approval_of_something_else_approves_nothing(office: StaffOffice) -> None:
    other = await office.ask(scope=Scope(organisation_id=office.organisation_id, pair_id=None), days=0.01)
    await office.requests.approve(office.tess, other)
    row = await row_of_approval(office, other)
    request = await office.ask(days=3)
    await changed(
        office, insert(staff_approvals).values({**row, "request_id": request.id}), approved(request)
    )
    office.house.clock.at += 86_400

    with pytest.raises(NotApproved):
        await use(office)


CHANGES: Mapping[str, Callable[[StaffOffice], dict[str, Any]]] = {
    "whose": lambda office: {"asked_by": office.sam.id, "asked_by_email": office.sam.email},
    "what": lambda _: {"connection_id": None},
    "when": lambda office: {"expires_ns": office.house.clock.ns + 90 * DAY_NS},
    "why": lambda _: {"reason": "Whatever the owners would rather read than this"},
    "kind": lambda _: {"kind": RequestKind.LEGAL_EXPORT.value},
    "where": lambda _: {"organisation_id": "d" * 32},
    "recipients": lambda _: {"bound": "e" * 64},
}


@pytest.mark.parametrize("what", CHANGES)
async def test_nothing_of_what_was_approved_can_be_changed_afterwards(office: StaffOffice, what: str) -> None:
    by = office.uma if what == "whose" else office.sam
    request = await office.ask(by=by)
    await office.requests.approve(office.tess, request)
    if what == "what":
        await changed(office, update(staff_requests).values(connection_id="c" * 32))
        with pytest.raises(NotApproved):
            await office.requests.standing(request.id)
        await changed(office, update(staff_requests).values(connection_id=None))
        assert (await office.requests.standing(request.id)).approvals
        return
    await changed(office, update(staff_requests).values(CHANGES[what](office)))

    with pytest.raises(NotApproved):
        await use(office)
    with pytest.raises(NotApproved):
        await office.requests.standing(request.id)


@pytest.mark.parametrize("what", CHANGES)
async def test_nor_between_the_look_and_the_approval(office: StaffOffice, what: str) -> None:
    shown = await office.ask(by=office.uma if what == "whose" else office.sam)
    change = {"connection_id": "c" * 32} if what == "what" else CHANGES[what](office)
    await changed(office, update(staff_requests).values(change))

    with pytest.raises(NotPossible, match="not what you were shown"):
        await office.requests.approve(office.tess, shown)
    assert (await office.requests.find(shown.id)).approvals == ()


@pytest.mark.parametrize("how", ["refused", "withdrawn"])
async def test_what_was_ended_is_not_brought_back_by_a_word(office: StaffOffice, how: str) -> None:
    request = await office.ask()
    await office.requests.approve(office.tess, request)
    if how == "refused":
        ended = await office.requests.refuse(office.uma, request.id, "in doubt")
    else:
        ended = await office.requests.withdraw(office.sam, request.id)
    assert [one.email for one in ended.approvals] == [office.tess.email], "who approved it stays known"
    await changed(office, approved(request))

    with pytest.raises(NotApproved):
        await use(office)
    with pytest.raises(NotApproved, match="waits for the approval"):
        await office.requests.standing(request.id)


async def test_nor_who_approved_it(office: StaffOffice) -> None:
    request = await office.ask()
    await office.requests.approve(office.tess, request)
    await changed(office, update(staff_approvals).values(staff_id=office.uma.id, email=office.uma.email))

    with pytest.raises(NotApproved):
        await use(office)


async def test_a_row_that_somebody_wrote_does_not_stand_in_the_way_of_an_approval(
    office: StaffOffice,
) -> None:
    request = await office.ask()
    row = {"request_id": request.id, "staff_id": office.tess.id, "email": office.tess.email, "approved_ns": 1}
    await changed(office, insert(staff_approvals).values(row))

    assert (await office.requests.approve(office.tess, request)).missing == 0
    assert await use(office)


async def test_a_forged_row_is_not_counted_with_a_true_one(office: StaffOffice) -> None:
    request = await office.ask(RequestKind.LEGAL_EXPORT)
    row = {"request_id": request.id, "staff_id": "f" * 32, "email": "zoe@staff.example", "approved_ns": 1}
    await changed(office, insert(staff_approvals).values(row))

    after = await office.requests.approve(office.tess, request)

    assert after.missing == 1
    with pytest.raises(NotApproved):
        await office.requests.standing(request.id)


async def test_a_key_that_was_taken_away_approves_nothing(office: StaffOffice) -> None:
    request = await office.ask()
    await office.requests.approve(office.tess, request)
    await office.house.vault.destroy("approvals:public")
    with pytest.raises(NotApproved):
        await use(office)

    await changed(office, delete(staff_approvals))
    await changed(office, update(staff_requests).values(state="open", approved_ns=None))
    await office.requests.approve(office.tess, request)

    assert await use(office)
