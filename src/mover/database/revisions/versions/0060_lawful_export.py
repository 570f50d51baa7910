"""Lawful exports; and who added connections and migrations, since an order may be about one person alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0055"

_IDENTITY = sa.BigInteger().with_variant(
    sa.Integer(), "sqlite"
)  # SQLite numbers rows only in an INTEGER column


def upgrade() -> None:
    """Make the tables, and add the columns."""
    op.add_column("connections", sa.Column("added_by", sa.String(32)))
    op.add_column("migrations", sa.Column("created_by", sa.String(32)))
    op.create_table(
        "legal_orders",
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_legal_orders"),
    )
    op.create_index("ix_legal_orders_organisation_id", "legal_orders", ["organisation_id"])
    op.create_table(
        "legal_collections",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("most_bytes", sa.BigInteger(), nullable=False),
        sa.Column("opened_ns", sa.BigInteger(), nullable=False),
        sa.Column("deadline_ns", sa.BigInteger(), nullable=False),
        sa.Column("closed_ns", sa.BigInteger()),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_legal_collections"),
        sa.UniqueConstraint("request_id", name="uq_legal_collections_request_id"),
    )
    op.create_index("ix_legal_collections_expires", "legal_collections", ["expires_ns"])
    op.create_index("ix_legal_collections_organisation_id", "legal_collections", ["organisation_id"])
    op.create_table(
        "legal_answers",
        sa.Column("collection_id", sa.String(32), nullable=False),
        sa.Column("runner", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("begun_ns", sa.BigInteger()),
        sa.Column("ended_ns", sa.BigInteger()),
        _of_collection("legal_answers"),
        sa.PrimaryKeyConstraint("collection_id", "runner", name="pk_legal_answers"),
    )
    op.create_index("ix_legal_answers_runner", "legal_answers", ["runner", "state"])
    op.create_table(
        "legal_parts",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("collection_id", sa.String(32), nullable=False),
        sa.Column("runner", sa.String(200), nullable=False),
        sa.Column("pair_id", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("held_bytes", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("place", sa.String(8), nullable=False),
        sa.Column("since_ns", sa.BigInteger(), nullable=False),
        sa.Column("looked_ns", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("sealed_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sealed_sha256", sa.String(64), nullable=False),
        _of_collection("legal_parts"),
        sa.PrimaryKeyConstraint("id", name="pk_legal_parts"),
    )
    op.create_index("ix_legal_parts_collection", "legal_parts", ["collection_id", "id"])
    op.create_table(
        "legal_pieces",
        sa.Column("part_id", _IDENTITY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["part_id"], ["legal_parts.id"], name="fk_legal_pieces_part_id_legal_parts", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("part_id", "number", name="pk_legal_pieces"),
    )


def _of_collection(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["collection_id"],
        ["legal_collections.id"],
        name=f"fk_{table}_collection_id_legal_collections",
        ondelete="CASCADE",
    )
