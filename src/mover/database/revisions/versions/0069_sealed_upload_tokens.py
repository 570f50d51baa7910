"""Tokens of uploads are sealed. Those that lie in the clear are dropped, since some are rights to write a file.

Files whose upload was interrupted are sent from their beginning; what has arrived is not touched.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0066"


# SQLite numbers rows only in an INTEGER column.
_IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Forget uploads that were begun, overwritten in the file (`secure_delete`), and have room for sealed tokens."""
    op.drop_table("upload_parts")
    op.drop_table("uploads")
    op.create_table(
        "uploads",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("pair_id", _IDENTITY, nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=False),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pair_id"], ["pairs.id"], name="fk_uploads_pair_id_pairs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.UniqueConstraint("pair_id", "source_key", name="uq_uploads_pair_id_source_key"),
    )
    op.create_table(
        "upload_parts",
        sa.Column("upload_id", _IDENTITY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("hashes", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["uploads.id"], name="fk_upload_parts_upload_id_uploads", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("upload_id", "number", name="pk_upload_parts"),
    )
