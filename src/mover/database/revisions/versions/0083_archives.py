"""Runs that archive: the archives, what stands where in them, and how far large files were read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0082"

# SQLite numbers rows only in an INTEGER column.
_IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_run(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["run_id"], ["runs.id"], name=f"fk_{table}_run_id_runs", ondelete="CASCADE"
    )


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "archives",
        sa.Column("run_id", _IDENTITY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("content_size", sa.BigInteger(), nullable=False),
        sa.Column("directory_size", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("verification", sa.Text()),
        _of_run("archives"),
        sa.PrimaryKeyConstraint("run_id", "number", name="pk_archives"),
    )
    op.create_table(
        "archive_members",
        sa.Column("run_id", _IDENTITY, nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("room", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger()),
        sa.Column("crc32", sa.BigInteger()),
        sa.Column("content_hash", sa.Text()),
        sa.Column("modified_ns", sa.BigInteger()),
        sa.Column("reason", sa.Text()),
        sa.Column("message", sa.Text()),
        _of_run("archive_members"),
        sa.PrimaryKeyConstraint("run_id", "item_id", name="pk_archive_members"),
    )
    op.create_index("ix_archive_members_place", "archive_members", ["run_id", "number", "position"])
    op.create_table(
        "archive_marks",
        sa.Column("run_id", _IDENTITY, nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("crc32", sa.BigInteger(), nullable=False),
        _of_run("archive_marks"),
        sa.PrimaryKeyConstraint("run_id", "item_id", "bytes_read", name="pk_archive_marks"),
    )
