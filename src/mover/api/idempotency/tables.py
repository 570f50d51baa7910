"""Table of the requests that were sent with an Idempotency-Key."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from mover.database.base import metadata

idempotent_requests = Table(
    "idempotent_requests",
    metadata,
    Column("id", String(64), primary_key=True),  # hash of caller, address and key
    Column("organisation_id", String(32), nullable=False, index=True),
    Column(
        "fingerprint", LargeBinary, nullable=False
    ),  # keyed with the caller's credential, as the answer is sealed
    Column("credential", LargeBinary, nullable=False),  # tells whether it is the same credential
    Column("begun_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger, nullable=False),  # still under way until then
    Column("expires_ns", BigInteger, nullable=False, index=True),
    Column("status", Integer),  # NULL until it ended
    Column("answer", LargeBinary),
)
