"""How many sealed audit events are in no chain any more, so that an older state of one chain is missed among the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0063"


def upgrade() -> None:
    """Add the column."""
    op.add_column("audit_roster", sa.Column("forgotten", sa.BigInteger()))
