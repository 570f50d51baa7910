"""Accounts of the staff, their sessions, and the exceptions that need two of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0050"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "staff_people",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("password_given_ns", sa.BigInteger()),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_sign_in_ns", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_staff_people"),
        sa.UniqueConstraint("email", name="uq_staff_people_email"),
    )
    op.create_table(
        "staff_totp",
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("setup_id", sa.String(32), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_ns", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff_people.id"],
            name="fk_staff_totp_staff_id_staff_people",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("staff_id", name="pk_staff_totp"),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("second_factor_ns", sa.BigInteger()),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("device", sa.String(200), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ns", sa.BigInteger(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff_people.id"],
            name="fk_staff_sessions_staff_id_staff_people",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_staff_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_staff_sessions_token_hash"),
    )
    op.create_index("ix_staff_sessions_staff_id", "staff_sessions", ["staff_id"])
    op.create_index("ix_staff_sessions_expires_ns", "staff_sessions", ["expires_ns"])
    op.create_table(
        "staff_requests",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("organisation_name", sa.String(200), nullable=False),
        sa.Column("person_id", sa.String(32)),
        sa.Column("connection_id", sa.String(32)),
        sa.Column("pair_id", sa.String(32)),
        sa.Column("from_ns", sa.BigInteger()),
        sa.Column("until_ns", sa.BigInteger()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("case_name", sa.String(100), nullable=False),
        sa.Column("asked_by", sa.String(32), nullable=False),
        sa.Column("asked_by_email", sa.String(254), nullable=False),
        sa.Column("asked_ns", sa.BigInteger(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("approved_ns", sa.BigInteger()),
        sa.Column("ended_by_email", sa.String(254)),
        sa.Column("ended_ns", sa.BigInteger()),
        sa.Column("ended_why", sa.Text(), nullable=False),
        sa.Column("disclosed_ns", sa.BigInteger()),
        sa.Column("told_ns", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_staff_requests"),
    )
    op.create_index("ix_staff_requests_organisation_id", "staff_requests", ["organisation_id"])
    op.create_index("ix_staff_requests_state", "staff_requests", ["state", "asked_ns"])
    op.create_table(
        "staff_approvals",
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("approved_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["staff_requests.id"],
            name="fk_staff_approvals_request_id_staff_requests",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("request_id", "staff_id", name="pk_staff_approvals"),
    )
