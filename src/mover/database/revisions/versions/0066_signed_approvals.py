"""Approvals are signed and sessions of the staff sealed. Who was signed in signs in anew, and what was approved is asked anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("staff_approvals", sa.Column("signature", sa.String(88)))
    op.add_column("staff_sessions", sa.Column("seal", sa.String(64)))
    op.add_column("staff_requests", sa.Column("bound", sa.String(64)))
