"""What requests with an Idempotency-Key ask of the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from mover.api.idempotency.tables import idempotent_requests as requests
from mover.database.upsert import insert_missing


def begin(connection: Connection, row: dict[str, Any]) -> bool:
    """Note that a request begins; False if there is one of its id."""
    # By the row that it gives back: what a driver calls the number of rows of such an insert is not the same everywhere.
    added = insert_missing(connection, requests, ["id"]).returning(requests.c.id)
    return connection.execute(added, row).first() is not None


def find(connection: Connection, request_id: str) -> RowMapping | None:
    """Find a request."""
    return connection.execute(select(requests).where(requests.c.id == request_id)).mappings().one_or_none()


def end(connection: Connection, request_id: str, status: int, answer: bytes | None) -> None:
    """Note how a request ended."""
    connection.execute(
        update(requests).where(requests.c.id == request_id).values(status=status, answer=answer)
    )


def interrupt(connection: Connection, request_id: str) -> None:
    """Note that nobody knows how a request ended."""
    connection.execute(update(requests).where(requests.c.id == request_id).values(until_ns=0))


def forget(connection: Connection, request_id: str) -> None:
    """Let a request be made anew."""
    connection.execute(delete(requests).where(requests.c.id == request_id))


def forget_expired(connection: Connection, now_ns: int, *, limit: int) -> int:
    """Remove at most `limit` requests whose time is over; returns how many."""
    old = select(requests.c.id).where(requests.c.expires_ns <= now_ns).limit(limit)
    return connection.execute(delete(requests).where(requests.c.id.in_(old.scalar_subquery()))).rowcount


def forget_organisation(connection: Connection, organisation_id: str, limit: int) -> int:
    """Remove at most `limit` requests of an organisation; returns how many. A `Remover` of the accounts."""
    some = select(requests.c.id).where(requests.c.organisation_id == organisation_id).limit(limit)
    return connection.execute(delete(requests).where(requests.c.id.in_(some.scalar_subquery()))).rowcount
