"""Requests that may be sent twice and happen once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0020"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "idempotent_requests",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("credential", sa.LargeBinary, nullable=False),
        sa.Column("begun_ns", sa.BigInteger, nullable=False),
        sa.Column("until_ns", sa.BigInteger, nullable=False),
        sa.Column("expires_ns", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_idempotent_requests"),
    )
    op.create_index("ix_idempotent_requests_organisation_id", "idempotent_requests", ["organisation_id"])
    op.create_index("ix_idempotent_requests_expires_ns", "idempotent_requests", ["expires_ns"])
