"""Whose turn it is with a pair: what an earlier process that lost the pair writes afterwards is refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Add the column."""
    op.add_column("pairs", sa.Column("turn", sa.BigInteger(), nullable=False, server_default="0"))
