"""Things that were begun: kept under the hash of their ticket, taken once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from mover.accounts.tables import tickets


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was begun; `details` are its purpose's own."""

    token_hash: str
    purpose: str
    person_id: str | None
    organisation_id: str | None
    details: Mapping[str, Any]
    created_ns: int
    expires_ns: int


def add(transaction: Connection, ticket: Ticket) -> None:
    """Keep a ticket."""
    values = msgspec.structs.asdict(ticket) | {"details": json.dumps(ticket.details)}
    transaction.execute(insert(tickets), values)


def find(transaction: Connection, token_hash: str, purpose: str, now_ns: int) -> Ticket | None:
    """Find a ticket that is still good."""
    query = select(tickets).where(
        tickets.c.token_hash == token_hash, tickets.c.purpose == purpose, tickets.c.expires_ns > now_ns
    )
    row = transaction.execute(query).mappings().one_or_none()
    return None if row is None else Ticket(**{**row, "details": json.loads(row["details"])})


def take(transaction: Connection, token_hash: str, purpose: str, now_ns: int) -> Ticket | None:
    """Use a ticket up; of two transactions at once, one gets it."""
    ticket = find(transaction, token_hash, purpose, now_ns)
    if ticket is None:
        return None
    gone = transaction.execute(delete(tickets).where(tickets.c.token_hash == token_hash))
    return ticket if gone.rowcount == 1 else None


def change_details(transaction: Connection, token_hash: str, details: Mapping[str, Any]) -> None:
    """Keep other details."""
    transaction.execute(
        update(tickets).where(tickets.c.token_hash == token_hash).values(details=json.dumps(details))
    )


def remove(transaction: Connection, token_hash: str) -> None:
    """Forget a ticket."""
    transaction.execute(delete(tickets).where(tickets.c.token_hash == token_hash))


def remove_of_person(transaction: Connection, person_id: str) -> None:
    """Forget all that a person has begun."""
    transaction.execute(delete(tickets).where(tickets.c.person_id == person_id))
