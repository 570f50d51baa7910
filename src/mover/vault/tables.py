"""Tables of the vault. `format` is the version of the ciphertext's layout, see `envelope.py`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, SmallInteger, String, Table

from mover.database.base import metadata

person_keys = Table(
    "person_keys",
    metadata,
    Column("person", String(255), primary_key=True),
    Column("key_id", String(32), nullable=False, unique=True),
    Column("global_key_id", String(64), nullable=False),
    Column("format", SmallInteger, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("person", ForeignKey(person_keys.c.person), primary_key=True),
    Column("owner", String(255), primary_key=True, index=True),
    Column("field", String(255), primary_key=True),
    Column("key_id", String(32), nullable=False),  # of the person's key that sealed it
    Column("format", SmallInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

current_global_key = Table(
    "current_global_key",
    metadata,
    Column(
        "single", SmallInteger, primary_key=True, autoincrement=False
    ),  # always SINGLE: the table has one row, or none yet
    Column("key_id", String(64), nullable=False),  # what wraps new keys, for all processes alike
    Column("since_ns", BigInteger, nullable=False),
)
SINGLE = 1

refresh_leases = Table(
    "refresh_leases",
    metadata,
    Column("person", String(255), primary_key=True),
    Column("owner", String(255), primary_key=True, index=True),
    Column("lease_id", String(32), nullable=False),  # of the one process that refreshes
    Column("until_ns", BigInteger, nullable=False),
)
