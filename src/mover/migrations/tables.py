"""Tables of the migrations. Times are nanoseconds since 1970 UTC, sizes bytes, paths begin with `/`.

No foreign key leads to `connections`: a pair outlives its connection, and says so when it is run (code 423).
What is removed by a person is marked with `removed_ns`, and taken away in small steps by `Retention`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from mover.database.base import metadata
from mover.ledger.tables import IDENTITY

COUNTS = (
    "files_seen",
    "files_copied",
    "files_skipped",
    "files_failed",
    "folders_seen",
    "folders_created",
    "folders_failed",
    "bytes_seen",
    "bytes_copied",
    "bytes_skipped",
    "bytes_failed",
    "bytes_received",
    "throttled",
)
"""What is counted of a run; columns of `pair_runs`, and of `migration_pairs` for its last one."""


def _organisation() -> Column[str]:
    return Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False)


def _counts() -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in COUNTS]


migrations = Table(
    "migrations",
    metadata,
    Column("id", String(32), primary_key=True),
    _organisation(),
    Column("name", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("source_connection_id", String(32), nullable=False),
    Column("destination_connection_id", String(32), nullable=False),
    Column("options", Text, nullable=False),  # JSON: PairOptions
    Column("queue", String(63), nullable=False),
    Column("user_map_id", String(32)),
    Column("permission_map_id", String(32)),
    Column("mail", String(12), nullable=False),  # completion, errors, never
    Column("mail_to", Text, nullable=False),  # JSON: ids of people
    Column("pairs_at_once", Integer, nullable=False),  # as a person wants it
    Column("pairs_now", Integer, nullable=False),  # as the services bear it
    Column("lowered_ns", BigInteger, nullable=False),
    Column("raised_ns", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Column("removed_ns", BigInteger),
    Column("created_by", String(32)),  # the person who did; NULL: nobody is known
)
Index("ix_migrations_organisation", migrations.c.organisation_id, migrations.c.created_ns)

migration_pairs = Table(
    "migration_pairs",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    _organisation(),
    Column("migration_id", ForeignKey("migrations.id", ondelete="CASCADE"), nullable=False),
    Column("source_connection_id", String(32), nullable=False),
    Column("source_path", Text, nullable=False),
    Column("destination_connection_id", String(32), nullable=False),
    Column("destination_path", Text, nullable=False),
    Column("tags", Text, nullable=False),  # JSON list
    Column("notes", Text, nullable=False),
    Column("options", Text, nullable=False),  # JSON: PairOptions, over those of the migration
    Column("queue", String(63), nullable=False),  # empty: that of the migration
    Column("priority", Integer, nullable=False),
    # For searching without regard to case, the same in every database; made by `folding.py`.
    Column("source_folded", Text, nullable=False),
    Column("destination_folded", Text, nullable=False),
    Column("tags_folded", Text, nullable=False),
    Column("notes_folded", Text, nullable=False),
    Column("paths_key", String(32), nullable=False),  # hash of both paths: they are too long for an index
    # The last run, or the one under way.
    Column("status", String(16), nullable=False),  # states.Status
    Column("code", Integer, nullable=False),  # 0: never run
    Column("open_run", String(32)),  # token of the start whose run is under way: at most one
    Column("last_run_id", BigInteger),
    Column("message", Text, nullable=False),
    Column("started_ns", BigInteger),
    Column("ended_ns", BigInteger),
    *_counts(),
    # Over all runs that ended.
    Column("runs", Integer, nullable=False),
    Column("first_started_ns", BigInteger),
    Column("active_ns", BigInteger, nullable=False),
    Column("last_active_ns", BigInteger, nullable=False),
    Column("total_files_copied", BigInteger, nullable=False),
    Column("total_bytes_copied", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
    Column("removed_ns", BigInteger),
)
Index("ix_migration_pairs_migration", migration_pairs.c.migration_id, migration_pairs.c.id)
Index("ix_migration_pairs_paths", migration_pairs.c.migration_id, migration_pairs.c.paths_key)
Index("ix_migration_pairs_organisation", migration_pairs.c.organisation_id)
Index("ix_migration_pairs_open_run", migration_pairs.c.open_run)

migration_runs = Table(
    "migration_runs",  # pairs that were started together; ended when all of them have, automatic re-runs included
    metadata,
    Column("id", String(32), primary_key=True),
    _organisation(),
    Column("migration_id", ForeignKey("migrations.id", ondelete="CASCADE"), nullable=False),
    Column("mode", String(8), nullable=False),
    Column("trigger", String(12), nullable=False),
    Column("started_by", String(200), nullable=False),
    Column("pairs", Integer, nullable=False),
    Column("open_pairs", Integer, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
)
Index("ix_migration_runs_migration", migration_runs.c.migration_id, migration_runs.c.started_ns)
Index("ix_migration_runs_organisation", migration_runs.c.organisation_id)

pair_runs = Table(
    "pair_runs",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    _organisation(),
    Column("migration_id", ForeignKey("migrations.id", ondelete="CASCADE"), nullable=False),
    Column("migration_run_id", ForeignKey("migration_runs.id", ondelete="CASCADE"), nullable=False),
    Column("pair_id", ForeignKey("migration_pairs.id", ondelete="CASCADE"), nullable=False),
    Column("ledger_run_id", ForeignKey("runs.id", ondelete="SET NULL"), index=True),
    Column("mode", String(8), nullable=False),
    Column("trigger", String(12), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("retry_of", BigInteger),  # the pair run whose failed items alone are tried
    Column("state", String(10), nullable=False),
    Column("wish", String(8), nullable=False),
    Column("code", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("queue", String(63), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("options", Text),  # JSON: the effective options, fixed when it is taken for the first time
    Column("window", Text, nullable=False),  # JSON: Window of the schedule; empty: that of the options
    Column("bytes_per_s", BigInteger),  # limit of the schedule
    Column("runner", String(200), nullable=False),
    Column("losses", Integer, nullable=False),  # runners that fell silent since files last moved
    Column("queued_ns", BigInteger, nullable=False),
    Column("not_before_ns", BigInteger, nullable=False),
    Column("given_way_ns", BigInteger, nullable=False),
    Column("started_ns", BigInteger),
    Column("ended_ns", BigInteger),
    Column("heartbeat_ns", BigInteger),
    Column("taken_ns", BigInteger),  # since when the present runner has it
    Column("active_ns", BigInteger, nullable=False),
    Column("sampled", BigInteger, nullable=False),  # number of the last sample
    Column("sample_step", Integer, nullable=False),
    *_counts(),
)
Index("ix_pair_runs_queue", pair_runs.c.state, pair_runs.c.queue, pair_runs.c.not_before_ns)
Index("ix_pair_runs_pair", pair_runs.c.pair_id, pair_runs.c.id)
Index("ix_pair_runs_migration", pair_runs.c.migration_id, pair_runs.c.id)
Index("ix_pair_runs_migration_run", pair_runs.c.migration_run_id, pair_runs.c.state)
Index("ix_pair_runs_organisation", pair_runs.c.organisation_id, pair_runs.c.id)
Index(
    "uq_pair_runs_open",  # two runs of one pair are never open at once, whatever goes wrong above
    pair_runs.c.pair_id,
    unique=True,
    sqlite_where=text("state != 'ended'"),
    postgresql_where=text("state != 'ended'"),
)

Index(
    "ix_pair_runs_open",
    pair_runs.c.migration_id,
    sqlite_where=text("state != 'ended'"),
    postgresql_where=text("state != 'ended'"),
)
IS_OPEN = pair_runs.c.state != literal_column("'ended'")
"""A run that has not ended, written as the indexes of open runs have it: the few among all that a migration ever had."""

run_samples = Table(
    "run_samples",
    metadata,
    Column("pair_run_id", ForeignKey("pair_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True),  # tens of seconds since the run was queued
    Column("at_ns", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

pair_imports = Table(
    "pair_imports",  # CSV files that were read and wait to be applied
    metadata,
    Column("id", String(32), primary_key=True),
    _organisation(),
    Column("migration_id", ForeignKey("migrations.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(8), nullable=False),  # add, update
    Column("complete", Boolean, nullable=False),  # read to its end
    Column("lines", Integer, nullable=False),
    Column("problem", Text, nullable=False),  # of the file as a whole
    Column("created_ns", BigInteger, nullable=False),
    Column("applied_ns", BigInteger),
)
Index("ix_pair_imports_migration", pair_imports.c.migration_id)
Index("ix_pair_imports_organisation", pair_imports.c.organisation_id)

pair_import_rows = Table(
    "pair_import_rows",
    metadata,
    Column("import_id", ForeignKey("pair_imports.id", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("pair_id", BigInteger),
    Column("source_path", Text),  # NULL: unchanged
    Column("destination_path", Text),
    Column("source_folded", Text),
    Column("destination_folded", Text),
    Column("paths_key", String(32)),  # of new pairs
    Column("tags", Text, nullable=False),
    Column("tags_folded", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("duplicate_of", Text, nullable=False),  # "pair 12", "line 5"; empty: none
)
Index("ix_pair_import_rows_paths", pair_import_rows.c.import_id, pair_import_rows.c.paths_key)
Index("ix_pair_import_rows_pair", pair_import_rows.c.import_id, pair_import_rows.c.pair_id)

schedules = Table(
    "schedules",
    metadata,
    Column("id", String(32), primary_key=True),
    _organisation(),
    Column("migration_id", ForeignKey("migrations.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("timing", Text, nullable=False),  # JSON: timetable.Timing
    Column("filter", Text, nullable=False),  # which pairs; empty: all
    Column("mode", String(8), nullable=False),
    Column("window", Text, nullable=False),  # JSON: timetable.Window; empty: that of the options
    Column("bytes_per_s", BigInteger),
    Column("active", Boolean, nullable=False),
    Column("next_ns", BigInteger),  # NULL: never again
    Column("last_ns", BigInteger),
    Column("version", Integer, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
)
Index("ix_schedules_migration", schedules.c.migration_id)
Index("ix_schedules_organisation", schedules.c.organisation_id)
Index("ix_schedules_next", schedules.c.active, schedules.c.next_ns)

user_maps = Table(
    "user_maps",
    metadata,
    Column("id", String(32), primary_key=True),
    _organisation(),
    Column("name", String(200), nullable=False),
    Column("kind", String(12), nullable=False),  # users, permissions
    Column("version", Integer, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
)
Index("ix_user_maps_organisation", user_maps.c.organisation_id)

user_map_rows = Table(
    "user_map_rows",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("map_id", ForeignKey("user_maps.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(8), nullable=False),  # person, group, domain
    Column("source", Text, nullable=False),
    Column("source_folded", Text, nullable=False),
    Column("destination", Text, nullable=False),  # empty: dropped
    UniqueConstraint("map_id", "source_folded"),
)

user_map_changes = Table(
    "user_map_changes",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("map_id", ForeignKey("user_maps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("actor_kind", String(12), nullable=False),
    Column("actor_id", String(32), nullable=False),
    Column("actor_name", String(200), nullable=False),
    Column("action", String(12), nullable=False),  # added, changed, removed
    Column("source", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", String(32), primary_key=True),
    _organisation(),
    Column("person_id", String(32), nullable=False),  # whose it is; empty: everybody's in the organisation
    Column("name", String(200), nullable=False),
    Column("filter", Text, nullable=False),
    Column("sort", String(32), nullable=False),
    Column("descending", Boolean, nullable=False),
    Column("columns", Text, nullable=False),  # JSON list
    Column("created_ns", BigInteger, nullable=False),
    UniqueConstraint("organisation_id", "person_id", "name"),
)

signing_keys = Table(
    "signing_keys",  # public halves; the private ones are in the vault of `organisation:<id>`
    metadata,
    Column("id", String(32), primary_key=True),
    _organisation(),
    Column("public_key", String(64), nullable=False),  # base64
    Column("created_ns", BigInteger, nullable=False),
    Column("retired_ns", BigInteger),
)
Index("ix_signing_keys_organisation", signing_keys.c.organisation_id)
Index(
    "uq_signing_keys_present",
    signing_keys.c.organisation_id,
    unique=True,
    sqlite_where=text("retired_ns IS NULL"),
    postgresql_where=text("retired_ns IS NULL"),
)
