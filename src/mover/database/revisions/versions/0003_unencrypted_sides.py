"""Which sides of a run were not encrypted in transit; of earlier runs that was not noted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("unencrypted", sa.Text()))
