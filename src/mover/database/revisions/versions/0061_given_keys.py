"""Keys that people give for one run: public keys of runners, and what is sealed for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"

_NUMBER = sa.BigInteger().with_variant(
    sa.Integer(), "sqlite"
)  # as the runs are numbered, which these rows belong to


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runner_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("runner", sa.String(200), nullable=False),
        sa.Column("queue", sa.String(63), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("until_ns", sa.BigInteger(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runner_keys"),
    )
    op.create_index("ix_runner_keys_queue", "runner_keys", ["queue", "until_ns"])
    op.create_table(
        "given_boxes",
        sa.Column("giving_id", sa.String(32), nullable=False),
        sa.Column("runner_key_id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("queue", sa.String(63), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["runner_key_id"],
            ["runner_keys.id"],
            name="fk_given_boxes_runner_key_id_runner_keys",
            ondelete="CASCADE",
        ),
        _of_organisation("given_boxes"),
        sa.PrimaryKeyConstraint("giving_id", "runner_key_id", name="pk_given_boxes"),
    )
    op.create_index("ix_given_boxes_runner_key", "given_boxes", ["runner_key_id"])
    op.create_index("ix_given_boxes_organisation", "given_boxes", ["organisation_id"])
    op.create_table(
        "given_keys",
        sa.Column("run_id", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("giving_id", sa.String(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["pair_runs.id"], name="fk_given_keys_run_id_pair_runs", ondelete="CASCADE"
        ),
        _of_organisation("given_keys"),
        sa.PrimaryKeyConstraint("run_id", name="pk_given_keys"),
    )
    op.create_index("ix_given_keys_giving", "given_keys", ["giving_id"])
    op.create_index("ix_given_keys_organisation", "given_keys", ["organisation_id"])


def _of_organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"],
        ["organisations.id"],
        name=f"fk_{table}_organisation_id_organisations",
        ondelete="CASCADE",
    )
