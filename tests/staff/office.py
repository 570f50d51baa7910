"""Staff for tests, around the accounts of `tests.accounts.house`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from tests.accounts.house import CHEAP, House

from mover.accounts.audit_log import AuditLog
from mover.accounts.passwords import Passwords
from mover.audit.tables import audit_events
from mover.database.database import Database
from mover.staff.directory import Directory
from mover.staff.disclosures import Disclosures
from mover.staff.records import STAFF_LOG, Request, RequestKind, Scope, StaffMember
from mover.staff.requests import Requests
from mover.vault.secret import Secret

DAY_NS = 86_400 * 1_000_000_000
REASON = "Their runs stand still since noon, and they asked for help"


@dataclass
class StaffOffice:
    """Three people of the staff, and what they work with."""

    house: House
    requests: Requests
    disclosures: Disclosures
    directory: Directory
    sam: StaffMember
    tess: StaffMember
    uma: StaffMember
    passwords: dict[str, Secret]

    @property
    def organisation_id(self) -> str:
        return self.house.founded.organisation.id

    @property
    def everybody(self) -> Sequence[StaffMember]:
        return (self.sam, self.tess, self.uma)

    async def ask(
        self,
        kind: RequestKind = RequestKind.BREAK_GLASS,
        *,
        by: StaffMember | None = None,
        scope: Scope | None = None,
        days: float = 1,
    ) -> Request:
        return await self.requests.ask(
            by or self.sam,
            kind,
            scope or Scope(organisation_id=self.organisation_id),
            REASON,
            "4 Js 17/26",
            self.house.clock.ns + int(days * DAY_NS),
        )

    async def log(self, organisation_id: str | None = None) -> list[Any]:
        """What the audit log of an organisation says, the oldest first; by default that of the founder's."""
        query = (
            select(audit_events)
            .where(audit_events.c.organisation_id == (organisation_id or self.organisation_id))
            .order_by(audit_events.c.id)
        )
        return await self.house.database.read(lambda transaction: list(transaction.execute(query)))

    async def staff_log(self) -> list[Any]:
        return await self.log(STAFF_LOG)


def requests_on(house: House, database: Database | None = None) -> Requests:
    """What another process would have."""
    on = database or house.database
    return Requests(on, house.vault, AuditLog(on), now=house.clock)


async def open_office(house: House) -> StaffOffice:
    """Give three people accounts."""
    audit = AuditLog(house.database)
    requests = requests_on(house)
    directory = Directory(house.database, house.vault, Passwords(CHEAP), requests, audit, now=house.clock)
    made = [await directory.add(f"{name}@staff.example", name.title()) for name in ("sam", "tess", "uma")]
    sam, tess, uma = (one.member for one in made)
    return StaffOffice(
        house,
        requests,
        Disclosures(house.database, audit, now=house.clock),
        directory,
        sam,
        tess,
        uma,
        {one.member.email: one.password for one in made},
    )
