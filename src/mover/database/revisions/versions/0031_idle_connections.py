"""When a connection's secrets were destroyed because nobody used it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Add the column."""
    op.add_column("connections", sa.Column("deauthorised_ns", sa.BigInteger()))
