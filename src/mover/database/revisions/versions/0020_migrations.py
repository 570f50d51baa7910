"""Migrations: pairs, runs, imports, schedules, maps, views and signing keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0015"

_IDENTITY = sa.BigInteger().with_variant(
    sa.Integer(), "sqlite"
)  # SQLite numbers rows only in an INTEGER column


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "migrations",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source_connection_id", sa.String(32), nullable=False),
        sa.Column("destination_connection_id", sa.String(32), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("queue", sa.String(63), nullable=False),
        sa.Column("user_map_id", sa.String(32)),
        sa.Column("permission_map_id", sa.String(32)),
        sa.Column("mail", sa.String(12), nullable=False),
        sa.Column("mail_to", sa.Text(), nullable=False),
        sa.Column("pairs_at_once", sa.Integer(), nullable=False),
        sa.Column("pairs_now", sa.Integer(), nullable=False),
        sa.Column("lowered_ns", sa.BigInteger(), nullable=False),
        sa.Column("raised_ns", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), nullable=False),
        sa.Column("removed_ns", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_migrations_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_migrations"),
    )
    op.create_index("ix_migrations_organisation", "migrations", ["organisation_id", "created_ns"])
    op.create_table(
        "migration_pairs",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("migration_id", sa.String(32), nullable=False),
        sa.Column("source_connection_id", sa.String(32), nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("destination_connection_id", sa.String(32), nullable=False),
        sa.Column("destination_path", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("queue", sa.String(63), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("source_folded", sa.Text(), nullable=False),
        sa.Column("destination_folded", sa.Text(), nullable=False),
        sa.Column("tags_folded", sa.Text(), nullable=False),
        sa.Column("notes_folded", sa.Text(), nullable=False),
        sa.Column("paths_key", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("open_run", sa.String(32)),
        sa.Column("last_run_id", sa.BigInteger()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("started_ns", sa.BigInteger()),
        sa.Column("ended_ns", sa.BigInteger()),
        sa.Column("files_seen", sa.BigInteger(), nullable=False),
        sa.Column("files_copied", sa.BigInteger(), nullable=False),
        sa.Column("files_skipped", sa.BigInteger(), nullable=False),
        sa.Column("files_failed", sa.BigInteger(), nullable=False),
        sa.Column("folders_seen", sa.BigInteger(), nullable=False),
        sa.Column("folders_created", sa.BigInteger(), nullable=False),
        sa.Column("folders_failed", sa.BigInteger(), nullable=False),
        sa.Column("bytes_seen", sa.BigInteger(), nullable=False),
        sa.Column("bytes_copied", sa.BigInteger(), nullable=False),
        sa.Column("bytes_skipped", sa.BigInteger(), nullable=False),
        sa.Column("bytes_failed", sa.BigInteger(), nullable=False),
        sa.Column("bytes_received", sa.BigInteger(), nullable=False),
        sa.Column("throttled", sa.BigInteger(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("first_started_ns", sa.BigInteger()),
        sa.Column("active_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_active_ns", sa.BigInteger(), nullable=False),
        sa.Column("total_files_copied", sa.BigInteger(), nullable=False),
        sa.Column("total_bytes_copied", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), nullable=False),
        sa.Column("removed_ns", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["migration_id"],
            ["migrations.id"],
            name="fk_migration_pairs_migration_id_migrations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_migration_pairs_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_migration_pairs"),
    )
    op.create_index("ix_migration_pairs_migration", "migration_pairs", ["migration_id", "id"])
    op.create_index("ix_migration_pairs_open_run", "migration_pairs", ["open_run"])
    op.create_index("ix_migration_pairs_organisation", "migration_pairs", ["organisation_id"])
    op.create_index("ix_migration_pairs_paths", "migration_pairs", ["migration_id", "paths_key"])
    op.create_table(
        "migration_runs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("migration_id", sa.String(32), nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("trigger", sa.String(12), nullable=False),
        sa.Column("started_by", sa.String(200), nullable=False),
        sa.Column("pairs", sa.Integer(), nullable=False),
        sa.Column("open_pairs", sa.Integer(), nullable=False),
        sa.Column("started_ns", sa.BigInteger(), nullable=False),
        sa.Column("ended_ns", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["migration_id"],
            ["migrations.id"],
            name="fk_migration_runs_migration_id_migrations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_migration_runs_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_migration_runs"),
    )
    op.create_index("ix_migration_runs_migration", "migration_runs", ["migration_id", "started_ns"])
    op.create_index("ix_migration_runs_organisation", "migration_runs", ["organisation_id"])
    op.create_table(
        "pair_runs",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("migration_id", sa.String(32), nullable=False),
        sa.Column("migration_run_id", sa.String(32), nullable=False),
        sa.Column("pair_id", _IDENTITY, nullable=False),
        sa.Column("ledger_run_id", _IDENTITY),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("trigger", sa.String(12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retry_of", sa.BigInteger()),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("wish", sa.String(8), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("queue", sa.String(63), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("options", sa.Text()),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("bytes_per_s", sa.BigInteger()),
        sa.Column("runner", sa.String(200), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("queued_ns", sa.BigInteger(), nullable=False),
        sa.Column("not_before_ns", sa.BigInteger(), nullable=False),
        sa.Column("given_way_ns", sa.BigInteger(), nullable=False),
        sa.Column("started_ns", sa.BigInteger()),
        sa.Column("ended_ns", sa.BigInteger()),
        sa.Column("heartbeat_ns", sa.BigInteger()),
        sa.Column("taken_ns", sa.BigInteger()),
        sa.Column("active_ns", sa.BigInteger(), nullable=False),
        sa.Column("sampled", sa.BigInteger(), nullable=False),
        sa.Column("sample_step", sa.Integer(), nullable=False),
        sa.Column("files_seen", sa.BigInteger(), nullable=False),
        sa.Column("files_copied", sa.BigInteger(), nullable=False),
        sa.Column("files_skipped", sa.BigInteger(), nullable=False),
        sa.Column("files_failed", sa.BigInteger(), nullable=False),
        sa.Column("folders_seen", sa.BigInteger(), nullable=False),
        sa.Column("folders_created", sa.BigInteger(), nullable=False),
        sa.Column("folders_failed", sa.BigInteger(), nullable=False),
        sa.Column("bytes_seen", sa.BigInteger(), nullable=False),
        sa.Column("bytes_copied", sa.BigInteger(), nullable=False),
        sa.Column("bytes_skipped", sa.BigInteger(), nullable=False),
        sa.Column("bytes_failed", sa.BigInteger(), nullable=False),
        sa.Column("bytes_received", sa.BigInteger(), nullable=False),
        sa.Column("throttled", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ledger_run_id"], ["runs.id"], name="fk_pair_runs_ledger_run_id_runs", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["migration_id"],
            ["migrations.id"],
            name="fk_pair_runs_migration_id_migrations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["migration_run_id"],
            ["migration_runs.id"],
            name="fk_pair_runs_migration_run_id_migration_runs",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_pair_runs_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["pair_id"],
            ["migration_pairs.id"],
            name="fk_pair_runs_pair_id_migration_pairs",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_pair_runs"),
    )
    op.create_index("ix_pair_runs_ledger_run_id", "pair_runs", ["ledger_run_id"])
    op.create_index("ix_pair_runs_migration", "pair_runs", ["migration_id", "id"])
    op.create_index("ix_pair_runs_migration_run", "pair_runs", ["migration_run_id", "state"])
    op.create_index("ix_pair_runs_organisation", "pair_runs", ["organisation_id", "id"])
    op.create_index("ix_pair_runs_pair", "pair_runs", ["pair_id", "id"])
    op.create_index("ix_pair_runs_queue", "pair_runs", ["state", "queue", "not_before_ns"])
    op.create_index(
        "ix_pair_runs_open",
        "pair_runs",
        ["migration_id"],
        sqlite_where=sa.text("state != 'ended'"),
        postgresql_where=sa.text("state != 'ended'"),
    )
    op.create_index(
        "uq_pair_runs_open",
        "pair_runs",
        ["pair_id"],
        unique=True,
        sqlite_where=sa.text("state != 'ended'"),
        postgresql_where=sa.text("state != 'ended'"),
    )
    op.create_table(
        "run_samples",
        sa.Column("pair_run_id", _IDENTITY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pair_run_id"], ["pair_runs.id"], name="fk_run_samples_pair_run_id_pair_runs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pair_run_id", "number", name="pk_run_samples"),
    )
    op.create_table(
        "pair_imports",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("migration_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("applied_ns", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["migration_id"],
            ["migrations.id"],
            name="fk_pair_imports_migration_id_migrations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_pair_imports_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_pair_imports"),
    )
    op.create_index("ix_pair_imports_migration", "pair_imports", ["migration_id"])
    op.create_index("ix_pair_imports_organisation", "pair_imports", ["organisation_id"])
    op.create_table(
        "pair_import_rows",
        sa.Column("import_id", sa.String(32), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.BigInteger()),
        sa.Column("source_path", sa.Text()),
        sa.Column("destination_path", sa.Text()),
        sa.Column("source_folded", sa.Text()),
        sa.Column("destination_folded", sa.Text()),
        sa.Column("paths_key", sa.String(32)),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("tags_folded", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("duplicate_of", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["pair_imports.id"],
            name="fk_pair_import_rows_import_id_pair_imports",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name="pk_pair_import_rows"),
    )
    op.create_index("ix_pair_import_rows_pair", "pair_import_rows", ["import_id", "pair_id"])
    op.create_index("ix_pair_import_rows_paths", "pair_import_rows", ["import_id", "paths_key"])
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("migration_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("bytes_per_s", sa.BigInteger()),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("next_ns", sa.BigInteger()),
        sa.Column("last_ns", sa.BigInteger()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["migration_id"],
            ["migrations.id"],
            name="fk_schedules_migration_id_migrations",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_schedules_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
    )
    op.create_index("ix_schedules_migration", "schedules", ["migration_id"])
    op.create_index("ix_schedules_next", "schedules", ["active", "next_ns"])
    op.create_index("ix_schedules_organisation", "schedules", ["organisation_id"])
    op.create_table(
        "user_maps",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_user_maps_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_user_maps"),
    )
    op.create_index("ix_user_maps_organisation", "user_maps", ["organisation_id"])
    op.create_table(
        "user_map_rows",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("map_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_folded", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["map_id"], ["user_maps.id"], name="fk_user_map_rows_map_id_user_maps", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_user_map_rows"),
        sa.UniqueConstraint("map_id", "source_folded", name="uq_user_map_rows_map_id_source_folded"),
    )
    op.create_table(
        "user_map_changes",
        sa.Column("id", _IDENTITY, nullable=False),
        sa.Column("map_id", sa.String(32), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(12), nullable=False),
        sa.Column("actor_id", sa.String(32), nullable=False),
        sa.Column("actor_name", sa.String(200), nullable=False),
        sa.Column("action", sa.String(12), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.ForeignKeyConstraint(
            ["map_id"], ["user_maps.id"], name="fk_user_map_changes_map_id_user_maps", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_user_map_changes"),
    )
    op.create_index("ix_user_map_changes_map_id", "user_map_changes", ["map_id"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("person_id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("sort", sa.String(32), nullable=False),
        sa.Column("descending", sa.Boolean(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_saved_views_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_saved_views"),
        sa.UniqueConstraint(
            "organisation_id", "person_id", "name", name="uq_saved_views_organisation_id_person_id_name"
        ),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.String(32), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("retired_ns", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name="fk_signing_keys_organisation_id_organisations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
    op.create_index("ix_signing_keys_organisation", "signing_keys", ["organisation_id"])
    op.create_index(
        "uq_signing_keys_present",
        "signing_keys",
        ["organisation_id"],
        unique=True,
        sqlite_where=sa.text("retired_ns IS NULL"),
        postgresql_where=sa.text("retired_ns IS NULL"),
    )
