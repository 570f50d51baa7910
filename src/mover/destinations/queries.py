"""What the list of destinations asks of the database. No secret is read, and nothing that is about files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from mover.accounts.tables import single_sign_on
from mover.connections.tables import connections
from mover.notices.tables import webhooks


class Stored(msgspec.Struct, frozen=True):
    """Of one connection: its id, its service, and what was filled in that is no secret."""

    id: str
    service: str
    config: Mapping[str, Any]


def connections_in_use(transaction: Connection) -> list[Stored]:
    """All connections that still have their secrets, of everybody."""
    columns = connections.c.id, connections.c.service, connections.c.config
    query = select(*columns).where(connections.c.deauthorised_ns.is_(None)).order_by(connections.c.id)
    return [Stored(*row) for row in transaction.execute(query)]


def webhook_urls(transaction: Connection) -> list[str]:
    """Where notices are sent, of everybody."""
    query = select(webhooks.c.url).where(webhooks.c.active).distinct().order_by(webhooks.c.url)
    return list(transaction.execute(query).scalars())


def issuers(transaction: Connection) -> list[str]:
    """Who signs people in to organisations."""
    query = select(single_sign_on.c.issuer).distinct().order_by(single_sign_on.c.issuer)
    return list(transaction.execute(query).scalars())
