"""A mail may lead to a page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"


def upgrade() -> None:
    """Mails that wait lead nowhere, as they were meant."""
    for name in ("page", "page_label"):
        op.add_column("run_mails", sa.Column(name, sa.Text()))
