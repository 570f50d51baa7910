"""Tables of the audit log. Times are nanoseconds since 1970 UTC, hashes SHA-256 in hexadecimal digits, signatures base64."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, Table, Text

from mover.database.base import metadata

_NUMBERED = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite numbers rows by itself only in INTEGER columns

audit_events = Table(
    "audit_events",  # written with the act; sealed once; only a person's deletion changes words after that
    metadata,
    Column("id", _NUMBERED, primary_key=True),
    Column(
        "organisation_id", String(32), nullable=False
    ),  # names the chain; empty: nobody's. Outlives its organisation
    Column("happened_ns", BigInteger, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor_id", String(64), nullable=False),
    Column("actor_name", String(254), nullable=False),
    Column("action", String(48), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("salt", String(32)),  # in the digest of the words; goes when these are redacted
    Column("number", BigInteger),  # in its chain, from 1; NULL: not sealed yet
    Column("hash", String(64)),
    Column("position", BigInteger),  # among all sealed events of the installation
    Column("redaction", Text),  # JSON, signed: the words are not those that were sealed
)
Index("ix_audit_events_organisation", audit_events.c.organisation_id, audit_events.c.id)
Index("uq_audit_events_number", audit_events.c.organisation_id, audit_events.c.number, unique=True)
Index("uq_audit_events_position", audit_events.c.position, unique=True)

audit_heads = Table(
    "audit_heads",  # the newest signed checkpoint of each chain
    metadata,
    Column("organisation_id", String(32), primary_key=True),
    Column("cut_number", BigInteger, nullable=False),  # events up to this one were removed, as they were old
    Column("cut_hash", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),  # of the last one
    Column("hash", String(64), nullable=False),
    Column("closed", Boolean, nullable=False),  # its organisation was deleted
    Column("signed_ns", BigInteger, nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("signature", String(88), nullable=False),
)

audit_roster = Table(
    "audit_roster",  # one row: which chains and which keys there are, signed
    metadata,
    Column("single", SmallInteger, primary_key=True, autoincrement=False),
    Column("chains", Integer, nullable=False),
    Column("chains_digest", String(64), nullable=False),
    Column("keys_digest", String(64), nullable=False),
    Column("position", BigInteger, nullable=False),  # of the last sealed event
    Column("forgotten", BigInteger),  # sealed events of chains that are gone; NULL: nobody counted
    Column("signed_ns", BigInteger, nullable=False),
    Column("key_id", String(32), nullable=False),
    Column("signature", String(88), nullable=False),
)
SINGLE = 1

audit_keys = Table(
    "audit_keys",  # public halves; the private ones are in the vault of `audit`
    metadata,
    Column("id", String(32), primary_key=True),
    Column("public_key", String(64), nullable=False),  # base64
    Column("created_ns", BigInteger, nullable=False),
    Column("retired_ns", BigInteger),
)
audit_forgetting = Table(
    "audit_forgetting",  # people who were deleted, until no event names them any more
    metadata,
    Column("person_id", String(32), primary_key=True),
    Column("names", Text, nullable=False),  # JSON list
    Column("since_ns", BigInteger, nullable=False),
)

audit_streams = Table(
    "audit_streams",  # how far copies elsewhere have come
    metadata,
    Column("name", String(32), primary_key=True),
    Column("position", BigInteger, nullable=False),  # of the last event that was taken there
    Column("sent_ns", BigInteger, nullable=False),  # when that was
    Column("trouble", Text, nullable=False),  # why the next one was not taken; empty: no trouble
    Column("failures", Integer, nullable=False),  # in a row
    Column("due_ns", BigInteger, nullable=False),  # not tried again before
)
