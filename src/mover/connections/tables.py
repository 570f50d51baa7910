"""Table of the connections. Their secrets are in the vault, at the owner `connection:<id>`."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, String, Table, UniqueConstraint

from mover.database.base import metadata

connections = Table(
    "connections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person", String(255), nullable=False),
    Column("name", String(63), nullable=False),
    Column("service", String(63), nullable=False),
    Column("config", JSON, nullable=False),  # what was filled in and is not secret, by its keys
    Column("created_ns", BigInteger, nullable=False),
    Column("last_used_ns", BigInteger),
    Column("deauthorised_ns", BigInteger),  # its secrets were destroyed, since nobody used it
    Column("added_by", String(32)),  # the person of an organisation who did; NULL: nobody is known
    UniqueConstraint("person", "name"),
)
