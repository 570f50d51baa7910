"""Values that go into and come out of the ledger."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mover.entries import NO_HASHES, Entry, EntryKind, EntryRef, HashName, join_path
from mover.ledger.estimates import Estimate
from mover.ledger.states import MOVED, OPEN, PROBLEMS, SKIPPED, Action, Code, ItemState, RunMode, Verification
from mover.vault.secret import Secret


class PairKey(msgspec.Struct, frozen=True):
    """What makes a pair the same pair: both accounts and both paths."""

    source: str
    source_path: str
    destination: str
    destination_path: str


class Pair(msgspec.Struct, frozen=True):
    """A pair in the ledger. `token` is random and names its temporary objects."""

    id: int
    token: str
    key: PairKey


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a pair."""

    id: int
    pair_id: int
    mode: RunMode
    dry_run: bool
    source_label: str
    destination_label: str
    fingerprint: str
    options: Mapping[str, object]
    code: Code
    finished: bool
    scanned: bool
    started_ns: int
    ended_ns: int | None
    active_ns: int
    message: str
    unencrypted: tuple[str, ...] = ()  # sides whose content could be read on its way: source, destination
    base_id: int | None = None  # the run that it follows: see `Base`
    carries: bool = False
    source_cursor: str | None = None
    destination_cursor: str | None = None
    estimate: Estimate | None = None  # of a scan that came to its end
    resumed: bool = False  # this process goes on with what another one began

    @property
    def lists_source(self) -> bool:
        """It follows another run by the destination's feed alone: folders that did not change are so at the destination."""
        return self.base_id is not None and self.source_cursor is None


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run that another one can follow: what the services' change feeds do not name is as it was then.

    Attributes:
        run: Its number.
        source_from: The cursor from which it read the source's feed itself; None if it listed everything.
        source_cursor: The source's cursor as it was before it listed anything; None without a feed.
        destination_cursor: The destination's, up to which its changes are known; None without a feed. It has one of both.
    """

    run: int
    source_from: str | None
    source_cursor: str | None
    destination_cursor: str | None


class Follows(msgspec.Struct, frozen=True, kw_only=True):
    """What a run keeps for the next one, and which run it follows itself, if any.

    Attributes:
        basis: Equal for runs that may follow each other.
        base: The number of the run that it follows; None: it lists everything.
        carries: What did not change is taken over without a look at the destination: its feed told of all changes there.
        source_from, source_cursor, destination_cursor: As of `Base`.
    """

    basis: str
    base: int | None = None
    carries: bool = False
    source_from: str | None = None
    source_cursor: str | None = None
    destination_cursor: str | None = None


class KnownItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a run, and the folder in which it was seen. `folder_path` is relative to the pair's root."""

    source_key: str
    entry: Entry
    folder: int
    folder_path: str
    folder_source_id: str | None
    folder_destination_id: str | None


class SettledItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item of a run that stood at the destination when the run ended: it was moved, or found there.

    `destination_id` is that of a folder.
    """

    source_key: str
    entry: Entry
    state: ItemState
    destination_key: str
    destination_id: str | None
    verification: Verification | None


class KnownFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that a run walked, with the one that holds it. Paths are relative to the pair's roots."""

    id: int
    path: str
    source_id: str | None
    destination_path: str
    destination_id: str | None
    parent: int | None
    parent_path: str | None
    parent_destination_id: str | None
    source_key: str | None = None  # of its item; the root has none


class FolderTask(msgspec.Struct, frozen=True, kw_only=True):
    """A folder whose listing is due, or done. Paths are relative to the pair's roots."""

    id: int
    item_id: int | None
    path: str
    source_id: str | None
    destination_path: str
    destination_id: str | None
    destination_parent_id: str | None
    destination_exists: bool
    modified_ns: int | None
    cursor: str | None
    access_id: int | None = None  # who may see what is in it, where permissions are looked at
    earlier_id: int | None = None  # the same folder in the run that this one follows
    known: bool = False  # nothing in it changed at the source since


class TreeReading(msgspec.Struct, frozen=True, kw_only=True):
    """How far the reading of all below the source's root has come.

    Attributes:
        is_given_up: It is not gone on with in this run.
        cursor: After the last page that was kept; None: nothing was kept yet.
        feed: It is complete: the cursor of the change feed that goes on from it.
    """

    is_given_up: bool = False
    cursor: str | None = None
    feed: str | None = None


class NewItem(msgspec.Struct, frozen=True, kw_only=True):
    """An entry just seen, with what was decided about it."""

    source_key: str
    entry: Entry
    destination_name: str
    destination_key: str
    state: ItemState
    action: Action = Action.NONE
    large: bool = False
    interrupted: bool = False
    reason: str | None = None
    side: str | None = None
    message: str = ""
    verification: Verification | None = None
    content_hash: str | None = None
    destination_exists: bool = False  # folders: whether it stands at the destination already
    destination_id: str | None = None  # folders: its id there
    access_id: int | None = None  # folders: who may see what is in it


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A planned item, with all that is needed to move it. Paths are relative to the pair's roots."""

    id: int
    source_key: str
    folder_path: str
    folder_source_id: str | None
    destination_folder_path: str
    destination_folder_id: str | None
    entry: Entry
    destination_name: str
    destination_key: str
    action: Action
    large: bool
    interrupted: bool
    note: str  # what was said about it when it was planned

    @property
    def path(self) -> str:
        """Path at the source."""
        return join_path(self.folder_path, self.entry.name)

    @property
    def destination_path(self) -> str:
        """Path at the destination."""
        return join_path(self.destination_folder_path, self.destination_name)


class ReportItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item as a report shows it. Paths are relative to the pair's roots; times in nanoseconds since 1970 UTC."""

    id: int
    kind: EntryKind
    path: str
    destination_path: str
    size: int | None
    modified_ns: int | None
    state: ItemState
    action: Action
    verification: Verification | None
    content_hash: str | None
    sent_bytes: int
    attempts: int
    reason: str | None
    side: str | None
    message: str
    started_ns: int | None
    ended_ns: int | None

    @property
    def renamed(self) -> bool:
        """Its name at the destination is another one."""
        return self.path.rpartition("/")[2] != self.destination_path.rpartition("/")[2]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an entry that was verified at the destination: the evidence for the next run.

    The `source` fields describe the source when it was read, the `destination` fields the file that was left there.
    """

    source_key: str
    path: str
    size: int | None
    modified_ns: int | None
    version: str | None
    hashes: Mapping[HashName, str] = NO_HASHES
    destination_path: str
    destination_path_key: str
    destination_id: str | None = None
    destination_size: int | None = None
    destination_modified_ns: int | None = None
    destination_version: str | None = None
    destination_hashes: Mapping[HashName, str] = NO_HASHES
    content_hash: str | None = None
    verification: Verification


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an item ended."""

    item_id: int
    state: ItemState
    reason: str | None = None
    side: str | None = None
    message: str = ""
    verification: Verification | None = None
    content_hash: str | None = None
    sent_bytes: int = 0
    attempts: int = 1
    started_ns: int
    ended_ns: int
    arrival: Arrival | None = None


class PartRecord(msgspec.Struct, frozen=True):
    """A part that the destination has, with the hashes of what was sent."""

    number: int
    size: int
    receipt: str
    hashes: Mapping[HashName, str]


class SealedUpload(msgspec.Struct, frozen=True):
    """An upload in parts as the database has it."""

    id: int
    sealed_token: bytes
    part_size: int
    evidence: str
    parts: tuple[PartRecord, ...]


class UploadRecord(msgspec.Struct, frozen=True):
    """An upload in parts that was begun."""

    id: int
    token: Secret
    part_size: int
    evidence: str
    parts: tuple[PartRecord, ...]

    @classmethod
    def of(cls, sealed: SealedUpload, token: Secret) -> UploadRecord:
        """The same, with its token."""
        return cls(sealed.id, token, sealed.part_size, sealed.evidence, sealed.parts)


class Tally(msgspec.Struct, frozen=True):
    """How many items of one kind stand in one state, and their sizes in bytes (unknown sizes count as 0)."""

    kind: EntryKind
    state: ItemState
    count: int
    size: int
    sent: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over a run. `files_seen` equals the sum of the four file groups; the report proves it.

    Files are all entries that are not folders. Sizes and bytes in bytes.
    """

    files_seen: int
    files_moved: int
    files_skipped: int
    files_problem: int
    files_open: int
    folders_seen: int
    folders_created: int
    folders_existing: int
    folders_problem: int
    bytes_seen: int
    bytes_moved: int
    bytes_sent: int

    @classmethod
    def of(cls, tallies: list[Tally]) -> Totals:
        """Add up."""

        def files(states: frozenset[ItemState]) -> int:
            return sum(t.count for t in tallies if t.kind is not EntryKind.FOLDER and t.state in states)

        def folders(states: frozenset[ItemState]) -> int:
            return sum(t.count for t in tallies if t.kind is EntryKind.FOLDER and t.state in states)

        not_folders = [t for t in tallies if t.kind is not EntryKind.FOLDER]
        return cls(
            files_seen=sum(t.count for t in not_folders),
            files_moved=files(MOVED),
            files_skipped=files(SKIPPED),
            files_problem=files(PROBLEMS),
            files_open=files(OPEN),
            folders_seen=sum(t.count for t in tallies if t.kind is EntryKind.FOLDER),
            folders_created=folders(MOVED),
            folders_existing=folders(SKIPPED) + folders(OPEN),
            folders_problem=folders(PROBLEMS),
            bytes_seen=sum(t.size for t in not_folders),
            bytes_moved=sum(t.size for t in not_folders if t.state in MOVED),
            bytes_sent=sum(t.sent for t in not_folders),
        )


def child_ref(root: str, path: str, id: str | None) -> EntryRef:  # noqa: A002 - the field's own word
    """Address an entry at a service from its path relative to a pair's root."""
    if path == "/":
        return EntryRef(root, id)
    return EntryRef(root.rstrip("/") + path, id)
