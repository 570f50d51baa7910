"""The vault's keys and secrets, and the connections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "person_keys",
        sa.Column("person", sa.String(255), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("global_key_id", sa.String(64), nullable=False),
        sa.Column("format", sa.SmallInteger, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_person_keys"),
        sa.UniqueConstraint("key_id", name="uq_person_keys_key_id"),
    )
    op.create_table(
        "secrets",
        sa.Column("person", sa.String(255), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("field", sa.String(255), nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("format", sa.SmallInteger, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("person", "owner", "field", name="pk_secrets"),
        sa.ForeignKeyConstraint(["person"], ["person_keys.person"], name="fk_secrets_person_person_keys"),
    )
    op.create_index("ix_secrets_owner", "secrets", ["owner"])
    op.create_table(
        "connections",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("person", sa.String(255), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("service", sa.String(63), nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("last_used_ns", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.UniqueConstraint("person", "name", name="uq_connections_person_name"),
    )
