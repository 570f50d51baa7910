"""What was permitted is found by where it was: a folder that is made anew at the source takes over what stands in its place."""

from __future__ import annotations

from alembic import op

revision = "0082"
down_revision = "0079"


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_granted_destination", "granted", ["pair_id", "destination_id"])
