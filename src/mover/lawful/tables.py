"""Tables of the lawful exports. Times are nanoseconds since 1970 UTC, sizes bytes. All but orders are gone after the export."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from mover.database.base import metadata
from mover.ledger.tables import IDENTITY

legal_orders = Table(
    "legal_orders",  # what a request for a lawful export says besides what every request says
    metadata,
    Column("request_id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False, index=True),
    Column("recipients", Text, nullable=False),  # JSON: public age keys that everything is sealed to
)

legal_collections = Table(
    "legal_collections",  # one call to all runners in scope: at most one of a request at a time
    metadata,
    Column("id", String(32), primary_key=True),
    Column("request_id", String(32), nullable=False),
    Column("organisation_id", String(32), nullable=False, index=True),
    Column("most_bytes", BigInteger, nullable=False),  # of parts, in all
    Column("opened_ns", BigInteger, nullable=False),
    Column("deadline_ns", BigInteger, nullable=False),
    Column("closed_ns", BigInteger),  # since then no answer is taken
    Column("expires_ns", BigInteger, nullable=False),  # then it is removed, exported or not
    UniqueConstraint("request_id"),
)
Index("ix_legal_collections_expires", legal_collections.c.expires_ns)

legal_answers = Table(
    "legal_answers",  # of runners that had runs in scope when the call went out
    metadata,
    Column("collection_id", ForeignKey("legal_collections.id", ondelete="CASCADE"), primary_key=True),
    Column("runner", String(200), primary_key=True),
    Column("state", String(10), nullable=False),  # records.AnswerState
    Column("message", Text, nullable=False),
    Column("begun_ns", BigInteger),
    Column("ended_ns", BigInteger),
)
Index("ix_legal_answers_runner", legal_answers.c.runner, legal_answers.c.state)

legal_parts = Table(
    "legal_parts",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("collection_id", ForeignKey("legal_collections.id", ondelete="CASCADE"), nullable=False),
    Column("runner", String(200), nullable=False),
    Column("pair_id", BigInteger, nullable=False),
    Column("item_id", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),  # in the file
    Column("held_bytes", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),  # else it was still being received
    Column("place", String(8), nullable=False),  # memory, disk
    Column("since_ns", BigInteger, nullable=False),
    Column("looked_ns", BigInteger, nullable=False),
    Column("outcome", String(10), nullable=False),  # records.Outcome
    Column("read_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),  # of what was read
    Column("sealed_bytes", BigInteger, nullable=False),
    Column("sealed_sha256", String(64), nullable=False),
)
Index("ix_legal_parts_collection", legal_parts.c.collection_id, legal_parts.c.id)

legal_pieces = Table(
    "legal_pieces",  # of an age file, in order
    metadata,
    Column("part_id", ForeignKey("legal_parts.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
