"""Tables of keys that people give for runs. All that is in them is sealed, or a public key."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from mover.database.base import metadata

runner_keys = Table(
    "runner_keys",  # the private halves are in the memory of the runners alone
    metadata,
    Column("id", String(32), primary_key=True),  # hash of the public key
    Column("runner", String(200), nullable=False),
    Column("queue", String(63), nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
    Column("proof", LargeBinary, nullable=False),
)
Index("ix_runner_keys_queue", runner_keys.c.queue, runner_keys.c.until_ns)

given_boxes = Table(
    "given_boxes",  # the key of a giving, once for each runner that may open it
    metadata,
    Column("giving_id", String(32), primary_key=True),
    Column("runner_key_id", ForeignKey("runner_keys.id", ondelete="CASCADE"), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False),
    Column("queue", String(63), nullable=False),
    Column("box", LargeBinary, nullable=False),
)
Index("ix_given_boxes_runner_key", given_boxes.c.runner_key_id)
Index("ix_given_boxes_organisation", given_boxes.c.organisation_id)

given_keys = Table(
    "given_keys",  # what was given for a run, sealed with the key of the giving; until the run has ended
    metadata,
    Column("run_id", ForeignKey("pair_runs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False),
    Column("giving_id", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
Index("ix_given_keys_giving", given_keys.c.giving_id)
Index("ix_given_keys_organisation", given_keys.c.organisation_id)
