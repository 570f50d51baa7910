"""Runs that only looked keep what the move will cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0075"


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("estimate", sa.Text()))
