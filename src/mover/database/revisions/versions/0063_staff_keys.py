"""Keys of the staff's API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0061"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "staff_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("staff_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("networks", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ns", sa.BigInteger()),
        sa.Column("last_used_ns", sa.BigInteger()),
        sa.Column("last_used_address", sa.String(45)),
        sa.Column("arrival_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff_people.id"],
            name="fk_staff_keys_staff_id_staff_people",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_staff_keys"),
    )
    op.create_index("ix_staff_keys_staff_id", "staff_keys", ["staff_id"])
    op.create_index("ix_staff_keys_expires_ns", "staff_keys", ["expires_ns"])
