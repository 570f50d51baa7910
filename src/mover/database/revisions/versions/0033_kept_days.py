"""How long an organisation keeps what has ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Add the column."""
    op.add_column("organisations", sa.Column("kept_days", sa.Integer(), nullable=False, server_default="90"))
