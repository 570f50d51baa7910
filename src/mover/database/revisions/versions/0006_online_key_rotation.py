"""Which global key wraps new keys, and who refreshes a token at the moment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables. Until now all keys were under one global key: that is the current one."""
    current = op.create_table(
        "current_global_key",
        sa.Column("single", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("single", name="pk_current_global_key"),
    )
    keys = sa.table("person_keys", sa.column("global_key_id"), sa.column("created_ns"))
    oldest = sa.select(
        sa.literal(1), sa.func.min(keys.c.global_key_id), sa.func.min(keys.c.created_ns)
    ).having(sa.func.count() > 0)
    op.execute(sa.insert(current).from_select(["single", "key_id", "since_ns"], oldest))
    op.create_table(
        "refresh_leases",
        sa.Column("person", sa.String(255), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("lease_id", sa.String(32), nullable=False),
        sa.Column("until_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person", "owner", name="pk_refresh_leases"),
    )
    op.create_index("ix_refresh_leases_owner", "refresh_leases", ["owner"])
