"""What lets a run follow the one before by change feeds, and the times of creation of items."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0040"


def upgrade() -> None:
    """Add columns, the table of folders that must be listed again, and indexes to find entries by their ids."""
    for name in ("basis", "source_from", "source_cursor", "destination_cursor"):
        op.add_column("runs", sa.Column(name, sa.Text()))
    op.add_column("runs", sa.Column("base_id", sa.BigInteger()))
    op.add_column("runs", sa.Column("carries", sa.Boolean()))
    op.add_column("folders", sa.Column("earlier_id", sa.BigInteger()))
    op.add_column("items", sa.Column("created_ns", sa.BigInteger()))
    op.create_table(
        "changed_folders",
        sa.Column("folder_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("deep", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["folder_id"], ["folders.id"], name="fk_changed_folders_folder_id_folders", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("folder_id", name="pk_changed_folders"),
    )
    op.create_index("ix_folders_parent", "folders", ["parent_id"])
    op.create_index("ix_folders_source", "folders", ["run_id", "source_id"])
    op.create_index("ix_folders_destination", "folders", ["run_id", "destination_id"])
    op.create_index("ix_arrivals_destination_id", "arrivals", ["pair_id", "destination_id"])
