"""What chains and signs the audit log. Events that are there already are sealed, in their order, by the first sealing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0045"


def upgrade() -> None:
    """Add places in chains to events, and the tables of checkpoints, keys and copies."""
    for name, kind in (
        ("salt", sa.String(32)),
        ("number", sa.BigInteger()),
        ("hash", sa.String(64)),
        ("position", sa.BigInteger()),
        ("redaction", sa.Text()),
    ):
        op.add_column("audit_events", sa.Column(name, kind))
    op.create_index("uq_audit_events_position", "audit_events", ["position"], unique=True)
    op.create_index("uq_audit_events_number", "audit_events", ["organisation_id", "number"], unique=True)
    op.create_table(
        "audit_heads",
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("cut_number", sa.BigInteger, nullable=False),
        sa.Column("cut_hash", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("signed_ns", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("signature", sa.String(88), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name="pk_audit_heads"),
    )
    op.create_table(
        "audit_roster",
        sa.Column("single", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("chains", sa.Integer, nullable=False),
        sa.Column("chains_digest", sa.String(64), nullable=False),
        sa.Column("keys_digest", sa.String(64), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("signed_ns", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("signature", sa.String(88), nullable=False),
        sa.PrimaryKeyConstraint("single", name="pk_audit_roster"),
    )
    op.create_table(
        "audit_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("retired_ns", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_audit_keys"),
    )
    op.create_table(
        "audit_forgetting",
        sa.Column("person_id", sa.String(32), nullable=False),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_audit_forgetting"),
    )
    op.create_table(
        "audit_streams",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("sent_ns", sa.BigInteger, nullable=False),
        sa.Column("trouble", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("due_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_audit_streams"),
    )
    op.create_table(
        "api_key_networks",
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("network", sa.String(49), nullable=False),
        sa.Column("first_ns", sa.BigInteger, nullable=False),
        sa.Column("last_ns", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name="fk_api_key_networks_key_id_api_keys", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", "network", name="pk_api_key_networks"),
    )
