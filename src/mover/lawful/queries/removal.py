"""Removing what was handed over: after the export, when its time is over, when it was stopped, and with its organisation."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, exists, or_, select

from mover.database.removal import Step, remove_in_order, step
from mover.lawful.tables import legal_answers, legal_collections, legal_orders, legal_parts, legal_pieces
from mover.staff.records import RequestState
from mover.staff.tables import staff_requests

_c = legal_collections.c


def remove_organisation(connection: Connection, organisation_id: str, limit: int) -> int:
    """Remove at most `limit` rows of an organisation; returns how many. A `Remover` of the accounts."""
    return remove_in_order(connection, _of_organisation(organisation_id), limit)


def remove_collection(connection: Connection, collection_id: str, limit: int) -> int:
    """Remove at most `limit` rows of what was handed over for one export; returns how many."""
    return remove_in_order(connection, _collections(_c.id == collection_id), limit)


def remove_over(connection: Connection, now_ns: int, limit: int) -> int:
    """Remove at most `limit` rows of what nobody may export any more: expired, refused, withdrawn; returns how many."""
    standing = exists().where(
        staff_requests.c.id == _c.request_id,
        staff_requests.c.state == RequestState.APPROVED.value,
        staff_requests.c.expires_ns > now_ns,
    )
    return remove_in_order(connection, _collections(or_(_c.expires_ns <= now_ns, ~standing)), limit)


def _of_organisation(organisation_id: str) -> Iterator[Step]:
    yield from _collections(_c.organisation_id == organisation_id)
    yield step(legal_orders, legal_orders.c.organisation_id == organisation_id)


def _collections(which: ColumnElement[bool]) -> Iterator[Step]:
    ids = select(_c.id).where(which)
    of_them = legal_parts.c.collection_id.in_(ids)
    yield step(legal_pieces, legal_pieces.c.part_id.in_(select(legal_parts.c.id).where(of_them)))
    yield step(legal_parts, of_them)
    yield step(legal_answers, legal_answers.c.collection_id.in_(ids))
    yield step(legal_collections, which)
