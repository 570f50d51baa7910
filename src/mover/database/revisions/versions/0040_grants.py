"""Permissions: what the source has, what became of it at the destination, and what Mover itself has permitted there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0033"

_IDENTITY = sa.BigInteger().with_variant(
    sa.Integer(), "sqlite"
)  # SQLite numbers rows only in an INTEGER column


def upgrade() -> None:
    """Make the tables, and let folders say who may see what is in them."""
    op.add_column("folders", sa.Column("access_id", sa.BigInteger()))
    op.create_index("ix_folders_item", "folders", ["item_id"])
    op.create_table(
        "accesses",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("run_id", _IDENTITY, nullable=False),
        sa.Column("access", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_accesses_run_id_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_accesses"),
    )
    op.create_index("ix_accesses_run", "accesses", ["run_id"])
    op.create_table(
        "grants",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("run_id", _IDENTITY, nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text()),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("role", sa.Text()),
        sa.Column("service_role", sa.Text(), nullable=False),
        sa.Column("target_kind", sa.Text()),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_role", sa.Text()),
        sa.Column("before_role", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("side", sa.Text()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_grants_run_id_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
    )
    op.create_index("ix_grants_item", "grants", ["run_id", "source_key"])
    op.create_index("ix_grants_queue", "grants", ["run_id", "state", "id"])
    op.create_index("ix_grants_run", "grants", ["run_id", "id"])
    op.create_table(
        "granted",
        sa.Column("pair_id", _IDENTITY, nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("asked_role", sa.Text(), nullable=False),
        sa.Column("before_role", sa.Text()),
        sa.Column("destination_path", sa.Text(), nullable=False),
        sa.Column("destination_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["pair_id"], ["pairs.id"], name="fk_granted_pair_id_pairs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pair_id", "source_key", "kind", "identity", name="pk_granted"),
    )
