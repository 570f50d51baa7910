"""What happens by itself: sessions that ended go, and organisations are told what they may know by now."""

from __future__ import annotations

import pytest
from tests.accounts.house import CLIENT
from tests.staff.office import DAY_NS, StaffOffice

from mover.accounts.audit_log import AuditLog
from mover.staff.records import RequestKind
from mover.staff.sessions import StaffSessions
from mover.staff.tables import staff_sessions
from mover.staff.upkeep import StaffUpkeep

pytestmark = pytest.mark.promise("P9", "P10")


async def test_it_ends_when_nothing_is_left(office: StaffOffice) -> None:
    house = office.house
    audit = AuditLog(house.database)
    upkeep = StaffUpkeep(house.database, house.vault, audit, now=house.clock)
    sessions = StaffSessions(house.database, house.vault, audit, now=house.clock)
    new = await sessions.prepare(office.sam.id, CLIENT, second_factor=True)
    await house.database.write(lambda transaction: sessions.begin(transaction, new))
    asked = await office.ask(RequestKind.LEGAL_EXPORT)
    await office.disclosures.set(office.tess, asked.id, house.clock.ns + DAY_NS)
    assert await upkeep.step() == 0
    assert len(await house.rows(staff_sessions)) == 1

    house.clock.at += 86_400

    assert [await upkeep.step(), await upkeep.step()] == [2, 0]
    assert await house.rows(staff_sessions) == []
    assert [row.action for row in await office.log()][-1] == "exception.disclosed"
