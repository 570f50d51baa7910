"""Tables of the ledger. Paths are relative to the pair's roots and start with `/`; times are nanoseconds since 1970 UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from mover.database.base import metadata

IDENTITY = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite numbers rows by itself only in an INTEGER column

pairs = Table(
    "pairs",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("token", Text, nullable=False),  # random: names this pair's temporary objects at the destination
    Column("source", Text, nullable=False),  # an account: "file", or the id of a connection
    Column("source_path", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("destination_path", Text, nullable=False),
    Column("turn", BigInteger, nullable=False, server_default="0"),  # grows with each start: see RunLedger
    UniqueConstraint("source", "source_path", "destination", "destination_path"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("pair_id", ForeignKey("pairs.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("source_label", Text, nullable=False),  # as a person wrote it: nas:/docs
    Column("destination_label", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),  # of the options that decide what is moved and how
    Column("options", Text, nullable=False),  # JSON, for people
    Column("code", Integer, nullable=False),
    Column("finished", Boolean, nullable=False),  # false: the same command goes on with it
    Column("scanned", Boolean, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("active_ns", BigInteger, nullable=False),  # time spent, over all interruptions
    Column("message", Text, nullable=False, default=""),
    Column(
        "estimate", Text
    ),  # JSON: what the move will cost, where a scan has come to its end: see estimates.py
    Column(
        "unencrypted", Text
    ),  # sides without encryption in transit, by commas; NULL: it was not noted then
    # What lets the next run follow this one by change feeds, and whether this one followed another: see following.py.
    Column("basis", Text),  # equal for runs that may follow each other; NULL: nobody may follow this one
    Column("base_id", BigInteger),  # the run that this one follows
    Column("carries", Boolean),  # unchanged folders are taken over without a look at the destination
    Column("source_from", Text),  # cursor of the source's change feed from which this run read it
    Column("source_cursor", Text),  # the one that stood before the first listing
    Column("destination_cursor", Text),  # of the destination's; all before it is in `changed_folders`
)
Index("ix_runs_pair", runs.c.pair_id, runs.c.id)

folders = Table(
    "folders",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("item_id", BigInteger),  # of the folder itself; the root has none
    Column("parent_id", BigInteger),
    Column("path", Text, nullable=False),
    Column("source_id", Text),
    Column("destination_path", Text, nullable=False),
    Column("destination_id", Text),
    Column("destination_parent_id", Text),
    Column("destination_exists", Boolean, nullable=False),
    Column("modified_ns", BigInteger),
    Column("state", Text, nullable=False),  # pending, known (from the run before), listed, failed
    Column("cursor", Text),  # of the last page that was kept, where the service has such
    Column("access_id", BigInteger),  # who may see what is in it; its own, or that of a folder above
    Column("earlier_id", BigInteger),  # the same folder in the run that this one follows
)
Index("ix_folders_parent", folders.c.parent_id)
Index("ix_folders_source", folders.c.run_id, folders.c.source_id)
Index("ix_folders_destination", folders.c.run_id, folders.c.destination_id)
Index("ix_folders_queue", folders.c.run_id, folders.c.state, folders.c.id)
Index("ix_folders_item", folders.c.item_id)

items = Table(
    "items",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("folder_id", ForeignKey("folders.id", ondelete="CASCADE"), nullable=False),
    Column("source_key", Text, nullable=False),  # "id:..." where the service has stable ids, else the path
    Column("name", Text, nullable=False),
    Column("source_id", Text),
    Column("kind", Text, nullable=False),
    Column("size", BigInteger),
    Column("modified_ns", BigInteger),
    Column("created_ns", BigInteger),
    Column("version", Text),
    Column("hashes", Text),  # JSON; as the source publishes them
    Column("media_type", Text),
    Column("destination_name", Text, nullable=False),
    Column("destination_key", Text, nullable=False),  # as the destination compares names
    Column("state", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("large", Boolean, nullable=False),
    Column("interrupted", Boolean, nullable=False, default=False),
    Column("reason", Text),
    Column("side", Text),  # of a failure: source or destination
    Column("message", Text, nullable=False, default=""),
    Column("verification", Text),
    Column("content_hash", Text),  # "sha256:..." of what was moved
    Column("sent_bytes", BigInteger, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("started_ns", BigInteger),
    Column("ended_ns", BigInteger),
    UniqueConstraint("run_id", "source_key"),
)
Index("ix_items_queue", items.c.run_id, items.c.state, items.c.large, items.c.id)
Index("ix_items_folder", items.c.folder_id, items.c.destination_key)

changed_folders = Table(
    "changed_folders",  # folders that a run that follows theirs must list again
    metadata,
    Column("folder_id", ForeignKey("folders.id", ondelete="CASCADE"), primary_key=True),
    Column("deep", Boolean, nullable=False),  # with all that is below
)

listings = Table(
    "listings",  # what stands in one folder of the destination while it is compared; only folders too large for memory
    metadata,
    Column("folder_id", ForeignKey("folders.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("entry", Text, nullable=False),  # JSON
)

trees = Table(
    "trees",  # how far the reading of all below the source's root has come, where a service tells that at once
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("state", Text, nullable=False),  # reading, complete, given up
    Column("cursor", Text),  # of the last page that was kept
    Column("feed", Text),  # the cursor of the change feed that goes on from a complete one
)

tree_entries = Table(
    "tree_entries",  # what such a reading told of folders that have not been scanned yet
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Text, primary_key=True),  # below the root, as the service compares paths; "" is the root
    Column("above", Text),  # the place of the folder that holds it
    Column("folder_id", Text),  # of a folder: its id at the source
    Column("is_folder", Boolean, nullable=False),
    Column("is_doubtful", Boolean, nullable=False),  # something below it has no known folder: it is listed
    Column("entry", Text, nullable=False),  # JSON
)
Index("ix_tree_entries_above", tree_entries.c.run_id, tree_entries.c.above)
Index("ix_tree_entries_folder", tree_entries.c.run_id, tree_entries.c.folder_id)

arrivals = Table(
    "arrivals",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("pair_id", ForeignKey("pairs.id", ondelete="CASCADE"), nullable=False),
    Column("source_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger),
    Column("modified_ns", BigInteger),
    Column("version", Text),
    Column("hashes", Text),
    Column(
        "fingerprint", Text
    ),  # size and best listed hash of the source, to recognise it under another name
    Column("destination_path", Text, nullable=False),
    Column("destination_path_key", Text, nullable=False),
    Column("destination_id", Text),
    Column("destination_size", BigInteger),
    Column("destination_modified_ns", BigInteger),
    Column("destination_version", Text),
    Column("destination_hashes", Text),
    Column("content_hash", Text),
    Column("verification", Text, nullable=False),
    UniqueConstraint("pair_id", "source_key"),
)
Index("ix_arrivals_fingerprint", arrivals.c.pair_id, arrivals.c.fingerprint)
Index("ix_arrivals_destination", arrivals.c.pair_id, arrivals.c.destination_path_key)
Index("ix_arrivals_destination_id", arrivals.c.pair_id, arrivals.c.destination_id)

uploads = Table(
    "uploads",
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("pair_id", ForeignKey("pairs.id", ondelete="CASCADE"), nullable=False),
    Column("source_key", Text, nullable=False),
    Column(
        "sealed_token", LargeBinary, nullable=False
    ),  # under the pair's key in the vault: it may be a right in itself
    Column("part_size", BigInteger, nullable=False),
    Column("evidence", Text, nullable=False),  # of the source: parts of another version are worthless
    UniqueConstraint("pair_id", "source_key"),
)

parts = Table(
    "upload_parts",
    metadata,
    Column("upload_id", ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("hashes", Text, nullable=False),  # JSON; of what was sent
)

accesses = Table(
    "accesses",  # who may do what in a folder, on both sides: what its entries inherit
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("access", Text, nullable=False),  # JSON
)
Index("ix_accesses_run", accesses.c.run_id)

grants = Table(
    "grants",  # permissions of the source, and what became of each at the destination
    metadata,
    Column("id", IDENTITY, primary_key=True),
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("source_key", Text, nullable=False),  # of the item; "/" for the root
    Column("action", Text, nullable=False),
    Column("kind", Text),
    Column("identity", Text, nullable=False),
    Column("role", Text),
    Column("service_role", Text, nullable=False),
    Column("target_kind", Text),
    Column("target", Text, nullable=False),
    Column("target_role", Text),
    Column("before_role", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("side", Text),
    Column("message", Text, nullable=False),
)
Index("ix_grants_queue", grants.c.run_id, grants.c.state, grants.c.id)
Index("ix_grants_run", grants.c.run_id, grants.c.id)
Index("ix_grants_item", grants.c.run_id, grants.c.source_key)

granted = Table(
    "granted",  # what Mover has permitted at the destination, or was about to: all that it may take back
    metadata,
    Column("pair_id", ForeignKey("pairs.id", ondelete="CASCADE"), primary_key=True),
    Column("source_key", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("role", Text, nullable=False),  # as it was given
    Column("asked_role", Text, nullable=False),  # as the source has it: a destination may lack such a role
    Column("before_role", Text),
    Column("destination_path", Text, nullable=False),
    Column("destination_id", Text),
)
Index("ix_granted_destination", granted.c.pair_id, granted.c.destination_id)

archives = Table(
    "archives",  # what a run that archives puts its files into
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1
    Column("name", Text, nullable=False),
    Column("members", BigInteger, nullable=False),
    Column("content_size", BigInteger, nullable=False),  # in bytes, up to the directory
    Column("directory_size", BigInteger, nullable=False),  # in bytes, if nothing is left out
    Column("size", BigInteger, nullable=False),  # in bytes
    Column("verification", Text),  # how its arrival was verified; NULL: it has not arrived
)

archive_members = Table(
    "archive_members",  # where each entry stands in its archive, and what was read of it, until that has arrived
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("item_id", BigInteger, primary_key=True),
    Column("number", Integer, nullable=False),  # of the archive
    Column("position", BigInteger, nullable=False),  # in it, of its header, in bytes
    Column("name", Text, nullable=False),  # in it
    Column("room", BigInteger, nullable=False),  # for its content, in bytes
    Column("size", BigInteger),  # that was read; NULL with `reason` NULL, too: it was not read to its end
    Column("crc32", BigInteger),
    Column("content_hash", Text),  # "sha256:..."; "crc32:..." of what was read in two goes
    Column("modified_ns", BigInteger),  # as the reading told it
    Column("reason", Text),  # why it was left out
    Column("message", Text),
)
Index(
    "ix_archive_members_place", archive_members.c.run_id, archive_members.c.number, archive_members.c.position
)

archive_marks = Table(
    "archive_marks",  # sums of the beginnings of large files, so that reading goes on in the middle
    metadata,
    Column("run_id", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("item_id", BigInteger, primary_key=True),
    Column("bytes_read", BigInteger, primary_key=True),
    Column("crc32", BigInteger, nullable=False),  # of these bytes
)
