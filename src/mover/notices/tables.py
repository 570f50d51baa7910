"""Tables of the notices: webhooks, their deliveries with every attempt, and mail that waits to be sent.

Deliveries and mails are written in the transaction of what they tell about. Secrets are in the vault of
`organisation:<id>`, at the owner `webhook:<id>`. Times are nanoseconds since 1970 UTC.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from mover.database.base import metadata

_NUMBERED = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite numbers rows by itself only in INTEGER columns

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),  # their names, by commas
    Column("note", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("stopped_reason", Text, nullable=False),  # why Mover itself stopped it; empty if it did not
    Column("previous_until_ns", BigInteger),  # until then the secret before the present one signs as well
    Column("version", Integer, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", _NUMBERED, primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("webhook_id", ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", String(48), nullable=False),  # the same for every attempt: receivers know it again
    Column("event", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String(12), nullable=False),  # waiting, delivered, failed
    Column("attempts", Integer, nullable=False),
    Column("status", Integer),  # of the last answer; NULL: there was none
    Column("message", Text, nullable=False),  # what went wrong last
    Column("created_ns", BigInteger, nullable=False),
    Column("give_up_ns", BigInteger, nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("claim", String(32)),  # who sends it now, until `claimed_until_ns`
    Column("claimed_until_ns", BigInteger, nullable=False),
)
Index("ix_webhook_deliveries_due", webhook_deliveries.c.state, webhook_deliveries.c.due_ns)
Index("ix_webhook_deliveries_webhook", webhook_deliveries.c.webhook_id, webhook_deliveries.c.id)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", _NUMBERED, primary_key=True),
    Column(
        "delivery_id", ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("at_ns", BigInteger, nullable=False),
    Column("took_ns", BigInteger, nullable=False),
    Column("status", Integer),
    Column("message", Text, nullable=False),
)

run_mails = Table(
    "run_mails",
    metadata,
    Column("id", _NUMBERED, primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column(
        "person_id", String(32), nullable=False
    ),  # whether they still belong there is looked at when it is sent
    Column("subject", Text, nullable=False),
    Column("paragraphs", Text, nullable=False),  # JSON list
    Column("page", Text),  # path of the page that it leads to
    Column("page_label", Text),  # what is done there
    Column("state", String(12), nullable=False),  # waiting, delivered, failed
    Column("attempts", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("claim", String(32)),
    Column("claimed_until_ns", BigInteger, nullable=False),
)
Index("ix_run_mails_due", run_mails.c.state, run_mails.c.due_ns)
