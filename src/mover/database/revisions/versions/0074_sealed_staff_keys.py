"""Keys of the staff's API are sealed. Those of before open nothing; their owners make new ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0074"
down_revision = "0070"


def upgrade() -> None:
    """Add the column."""
    op.add_column("staff_keys", sa.Column("seal", sa.String(64)))
