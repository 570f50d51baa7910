"""What stands below the source's root, where a service tells it all at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"


def upgrade() -> None:
    """Add the tables."""
    identity = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "trees",
        sa.Column("run_id", identity, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("feed", sa.Text()),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_trees_run_id_runs", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name="pk_trees"),
    )
    op.create_table(
        "tree_entries",
        sa.Column("run_id", identity, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("above", sa.Text()),
        sa.Column("folder_id", sa.Text()),
        sa.Column("is_folder", sa.Boolean(), nullable=False),
        sa.Column("is_doubtful", sa.Boolean(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="fk_tree_entries_run_id_runs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "place", name="pk_tree_entries"),
    )
    op.create_index("ix_tree_entries_above", "tree_entries", ["run_id", "above"])
    op.create_index("ix_tree_entries_folder", "tree_entries", ["run_id", "folder_id"])
