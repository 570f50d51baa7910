"""Orders: what a request for a lawful export says besides what every request says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, insert, select

from mover.lawful.tables import legal_orders
from mover.ledger.queries.slicing import slices
from mover.staff.records import RequestKind
from mover.staff.tables import staff_requests


def add(connection: Connection, request_id: str, organisation_id: str, recipients: Iterable[str]) -> None:
    """Keep to whom an export is sealed."""
    connection.execute(
        insert(legal_orders).values(
            request_id=request_id,
            organisation_id=organisation_id,
            recipients=msgspec.json.encode(list(recipients)).decode(),
        )
    )


def recipients_of(connection: Connection, request_ids: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """To whom exports are sealed, by request."""
    found: dict[str, tuple[str, ...]] = {}
    for some in slices(sorted(request_ids)):
        query = select(legal_orders).where(legal_orders.c.request_id.in_(some))
        for row in connection.execute(query):
            found[row.request_id] = tuple(msgspec.json.decode(row.recipients, type=list[str]))
    return found


def of_case(connection: Connection, case: str, limit: int) -> list[str]:
    """Ids of requests of a case, the newest first."""
    query = (
        select(staff_requests.c.id)
        .where(staff_requests.c.kind == RequestKind.LEGAL_EXPORT.value, staff_requests.c.case_name == case)
        .order_by(staff_requests.c.asked_ns.desc(), staff_requests.c.id)
        .limit(limit)
    )
    return list(connection.scalars(query))
