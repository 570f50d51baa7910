"""The ledger's SQL: functions of a connection, set-based, one subject a function."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Exists,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from mover.database.upsert import insert_missing, upsert
from mover.entries import Entry, EntryKind, join_path, parent_path
from mover.ledger import rows
from mover.ledger.records import (
    Arrival,
    FolderTask,
    Item,
    NewItem,
    Outcome,
    Pair,
    PairKey,
    PartRecord,
    ReportItem,
    Run,
    Tally,
    UploadRecord,
)
from mover.ledger.states import MOVED, OPEN, Action, Code, ItemState, RunMode, Verification
from mover.ledger.tables import arrivals, folders, items, listings, pairs, parts, runs, uploads

_IN_LIST = 500  # values in one IN (...): well under SQLite's limit of parameters

_OUTCOME = (
    update(items)
    .where(items.c.id == bindparam("item"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "state",
                "reason",
                "side",
                "message",
                "verification",
                "content_hash",
                "sent_bytes",
                "attempts",
                "started_ns",
                "ended_ns",
            )
        }
    )
)


def pair(connection: Connection, key: PairKey) -> Pair:
    """Find a pair, or add it."""
    where = (
        pairs.c.source == key.source,
        pairs.c.source_path == key.source_path,
        pairs.c.destination == key.destination,
        pairs.c.destination_path == key.destination_path,
    )
    values = {**msgspec.structs.asdict(key), "token": secrets.token_hex(8)}
    connection.execute(insert_missing(connection, pairs, list(msgspec.structs.asdict(key))), [values])
    row = connection.execute(select(pairs).where(*where)).one()
    return Pair(row.id, row.token, key)


def add_run(connection: Connection, values: Mapping[str, Any]) -> Run:
    """Start a run."""
    row = connection.execute(insert(runs).values(**values).returning(runs)).one()
    return rows.run_from(row)


def run(connection: Connection, run_id: int) -> Run | None:
    """Find a run."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    return rows.run_from(row) if row else None


def latest_run(connection: Connection, pair_id: int, mode: RunMode, *, dry_run: bool) -> Run | None:
    """The newest run of a pair in that mode."""
    found = connection.execute(
        select(runs)
        .where(runs.c.pair_id == pair_id, runs.c.mode == mode.value, runs.c.dry_run == dry_run)
        .order_by(runs.c.id.desc())
        .limit(1)
    ).one_or_none()
    return rows.run_from(found) if found else None


def all_runs(connection: Connection, limit: int) -> list[Run]:
    """The newest runs first."""
    return [
        rows.run_from(row) for row in connection.execute(select(runs).order_by(runs.c.id.desc()).limit(limit))
    ]


def reopen_run(connection: Connection, run_id: int) -> None:
    """Go on with a run that did not finish: what was being sent is planned again, marked as interrupted.

    Folders that could not be listed get another chance, and so do items that failed.
    """
    connection.execute(
        update(items)
        .where(items.c.run_id == run_id, items.c.state == ItemState.SENDING.value)
        .values(state=ItemState.PLANNED.value, interrupted=True)
    )
    connection.execute(
        update(items)
        .where(
            items.c.run_id == run_id,
            items.c.state == ItemState.FAILED.value,
            items.c.action != Action.NONE.value,
        )
        .values(
            state=ItemState.PLANNED.value, interrupted=True, reason=None, side=None, message="", ended_ns=None
        )
    )
    connection.execute(
        update(folders).where(folders.c.run_id == run_id, folders.c.state == "failed").values(state="pending")
    )
    connection.execute(
        update(runs).where(runs.c.id == run_id).values(code=Code.RUNNING.value, ended_ns=None, message="")
    )


def update_run(connection: Connection, run_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a run."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def add_root(connection: Connection, run_id: int, *, source_id: str | None, destination_exists: bool) -> None:
    """Queue the root folder, unless the run has it already."""
    if connection.execute(select(folders.c.id).where(folders.c.run_id == run_id).limit(1)).first() is None:
        connection.execute(
            insert(folders).values(
                run_id=run_id,
                path="/",
                source_id=source_id,
                destination_path="/",
                destination_exists=destination_exists,
                state="pending",
            )
        )


def pending_folders(connection: Connection, run_id: int, limit: int, after_id: int) -> list[FolderTask]:
    """Folders that wait to be listed, in the order in which they were found."""
    query = (
        select(folders)
        .where(folders.c.run_id == run_id, folders.c.state == "pending", folders.c.id > after_id)
        .order_by(folders.c.id)
        .limit(limit)
    )
    return [rows.folder_from(row) for row in connection.execute(query)]


def update_folder(connection: Connection, folder_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a folder."""
    connection.execute(update(folders).where(folders.c.id == folder_id).values(**values))


def add_items(
    connection: Connection,
    run_id: int,
    folder: FolderTask,
    new: Sequence[NewItem],
    cursor: str | None,
    now_ns: int,
) -> None:
    """Keep one page of a listing: its items, the folders among them that are to be walked, and the cursor."""
    plain = [rows.item_row(run_id, folder.id, item, now_ns) for item in new if not _to_walk(item)]
    walked = [item for item in new if _to_walk(item)]
    key = ["run_id", "source_key"]
    if plain:
        connection.execute(insert_missing(connection, items, key), plain)
    if walked:
        statement = insert_missing(connection, items, key).returning(items.c.id, items.c.source_key)
        added = connection.execute(
            statement, [rows.item_row(run_id, folder.id, item, now_ns) for item in walked]
        )
        ids = {row.source_key: row.id for row in added}
        queue = [
            _folder_row(run_id, folder, item, ids[item.source_key])
            for item in walked
            if item.source_key in ids
        ]
        if queue:
            connection.execute(insert(folders), queue)
    if cursor is not None:
        update_folder(connection, folder.id, {"cursor": cursor})


def _to_walk(item: NewItem) -> bool:
    return item.entry.kind is EntryKind.FOLDER and item.state in {ItemState.PLANNED, ItemState.UNCHANGED}


def _folder_row(run_id: int, parent: FolderTask, item: NewItem, item_id: int) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "item_id": item_id,
        "parent_id": parent.id,
        "path": join_path(parent.path, item.entry.name),
        "source_id": item.entry.id,
        "destination_path": join_path(parent.destination_path, item.destination_name),
        "destination_id": item.destination_id,
        "destination_parent_id": parent.destination_id,
        "destination_exists": item.destination_exists,
        "modified_ns": item.entry.modified_ns,
        "state": "pending",
    }


def arrivals_of(connection: Connection, pair_id: int, source_keys: Sequence[str]) -> dict[str, Arrival]:
    """Earlier arrivals of these entries, by source key."""
    found: dict[str, Arrival] = {}
    for some in _slices(source_keys):
        query = select(arrivals).where(arrivals.c.pair_id == pair_id, arrivals.c.source_key.in_(some))
        found.update((row.source_key, rows.arrival_from(row)) for row in connection.execute(query))
    return found


def has_arrivals(connection: Connection, pair_id: int) -> bool:
    """Whether an earlier run of the pair moved anything."""
    return (
        connection.execute(select(arrivals.c.id).where(arrivals.c.pair_id == pair_id).limit(1)).first()
        is not None
    )


def arrivals_at(connection: Connection, pair_id: int, destination_path_keys: Sequence[str]) -> dict[str, str]:
    """Source keys of the arrivals that hold these destination paths, by path key."""
    found: dict[str, str] = {}
    for some in _slices(destination_path_keys):
        query = select(arrivals.c.destination_path_key, arrivals.c.source_key).where(
            arrivals.c.pair_id == pair_id, arrivals.c.destination_path_key.in_(some)
        )
        found.update((row.destination_path_key, row.source_key) for row in connection.execute(query))
    return found


def names_taken(connection: Connection, folder_id: int, destination_keys: Sequence[str]) -> dict[str, str]:
    """Source keys of the items of a folder that hold these names at the destination, by name key."""
    found: dict[str, str] = {}
    for some in _slices(destination_keys):
        query = select(items.c.destination_key, items.c.source_key).where(
            items.c.folder_id == folder_id,
            items.c.destination_key.in_(some),
            items.c.state.not_in([ItemState.EXCLUDED.value, ItemState.UNSUPPORTED.value]),
        )
        found.update((row.destination_key, row.source_key) for row in connection.execute(query))
    return found


def renamed_candidates(
    connection: Connection, run_id: int, pair_id: int, fingerprints: Sequence[str]
) -> dict[str, Arrival]:
    """Arrivals with these contents whose source entry this run has not seen: what may have been renamed."""
    seen = (
        select(items.c.id)
        .where(items.c.run_id == run_id, items.c.source_key == arrivals.c.source_key)
        .exists()
    )
    found: dict[str, Arrival] = {}
    for some in _slices(fingerprints):
        query = select(arrivals).where(arrivals.c.pair_id == pair_id, arrivals.c.fingerprint.in_(some), ~seen)
        for row in connection.execute(query.order_by(arrivals.c.id)):
            found.setdefault(row.fingerprint, rows.arrival_from(row))
    return found


def known_fingerprints(connection: Connection, pair_id: int, fingerprints: Sequence[str]) -> set[str]:
    """Those of these contents that some arrival of the pair has."""
    found: set[str] = set()
    for some in _slices(fingerprints):
        query = select(arrivals.c.fingerprint).where(
            arrivals.c.pair_id == pair_id, arrivals.c.fingerprint.in_(some)
        )
        found.update(connection.execute(query).scalars())
    return found


def _planned_items() -> Select[Any]:
    return select(
        items,
        folders.c.path,
        folders.c.source_id.label("folder_source_id"),
        folders.c.destination_path,
        folders.c.destination_id,
    ).join(folders, folders.c.id == items.c.folder_id)


def claim(connection: Connection, run_id: int, *, large: bool, limit: int) -> list[Item]:
    """Take planned files for sending: their state says so before anything is sent."""
    query = (
        _planned_items()
        .where(
            items.c.run_id == run_id,
            items.c.state == ItemState.PLANNED.value,
            items.c.large == large,
            items.c.kind != EntryKind.FOLDER.value,
        )
        .order_by(items.c.id)
        .limit(limit)
    )
    taken = [rows.item_from(row) for row in connection.execute(query)]
    if taken:
        connection.execute(
            update(items)
            .where(items.c.id.in_([item.id for item in taken]))
            .values(state=ItemState.SENDING.value)
        )
    return taken


def held_items(connection: Connection, run_id: int, limit: int) -> list[Item]:
    """Items that wait for the end of the scan."""
    query = _planned_items().where(items.c.run_id == run_id, items.c.state == ItemState.HELD.value)
    return [rows.item_from(row) for row in connection.execute(query.order_by(items.c.id).limit(limit))]


def plan_items(connection: Connection, item_ids: Sequence[int]) -> None:
    """Let held items be copied; a rename that was interrupted may have brought them already, so look first."""
    for some in _slices(item_ids):
        connection.execute(
            update(items).where(items.c.id.in_(some)).values(state=ItemState.PLANNED.value, interrupted=True)
        )


def finish_items(connection: Connection, pair_id: int, outcomes: Sequence[Outcome]) -> None:
    """Write how items ended, and what arrived; uploads in parts of arrived items are done with."""
    connection.execute(_OUTCOME, [rows.outcome_row(outcome) for outcome in outcomes])
    keep_arrivals(connection, pair_id, [outcome.arrival for outcome in outcomes if outcome.arrival])


def keep_arrivals(connection: Connection, pair_id: int, arrived: Sequence[Arrival]) -> None:
    """Add or overwrite arrivals."""
    if arrived:
        statement = upsert(connection, arrivals, ["pair_id", "source_key"])
        connection.execute(statement, [rows.arrival_row(pair_id, arrival) for arrival in arrived])


def forget_arrivals(connection: Connection, pair_id: int, source_keys: Sequence[str]) -> None:
    """Drop arrivals whose entry goes by another key now."""
    for some in _slices(source_keys):
        connection.execute(
            delete(arrivals).where(arrivals.c.pair_id == pair_id, arrivals.c.source_key.in_(some))
        )


def tally(connection: Connection, run_id: int) -> list[Tally]:
    """Count items by kind and state."""
    query = (
        select(
            items.c.kind,
            items.c.state,
            func.count().label("number"),
            func.coalesce(func.sum(items.c.size), 0).label("size"),
            func.coalesce(func.sum(items.c.sent_bytes), 0).label("sent"),
        )
        .where(items.c.run_id == run_id)
        .group_by(items.c.kind, items.c.state)
    )
    return [
        Tally(EntryKind(row.kind), rows.state_from(row.state), row.number, int(row.size), int(row.sent))
        for row in connection.execute(query)
    ]


def report_items(
    connection: Connection, run_id: int, *, states: Sequence[ItemState] | None, limit: int, after_id: int
) -> list[ReportItem]:
    """Items of a run with ids above `after_id`, ascending; those in certain states only, if given."""
    query = _planned_items().where(items.c.run_id == run_id, items.c.id > after_id)
    if states is not None:
        query = query.where(items.c.state.in_([state.value for state in states]))
    return [rows.report_item_from(row) for row in connection.execute(query.order_by(items.c.id).limit(limit))]


def verifications(connection: Connection, run_id: int) -> dict[Verification, int]:
    """Count files by how their arrival was verified."""
    query = (
        select(items.c.verification, func.count().label("number"))
        .where(
            items.c.run_id == run_id,
            items.c.kind != EntryKind.FOLDER.value,
            items.c.verification.is_not(None),
        )
        .group_by(items.c.verification)
    )
    return {Verification(row.verification): row.number for row in connection.execute(query)}


def failed_folders(connection: Connection, run_id: int) -> int:
    """Count folders whose listing failed: what is in them was not seen."""
    query = select(func.count()).where(folders.c.run_id == run_id, folders.c.state != "listed")
    return int(connection.execute(query).scalar_one())


def seen_paths(connection: Connection, run_id: int, paths: Sequence[str]) -> set[str]:
    """Those of these paths at which the run has seen an entry."""
    found: set[str] = set()
    places = [(parent_path(path), path.rpartition("/")[2]) for path in paths]
    for some in _slices(places):
        query = (
            select(folders.c.path, items.c.name)
            .join(folders, folders.c.id == items.c.folder_id)
            .where(items.c.run_id == run_id, tuple_(folders.c.path, items.c.name).in_(some))
        )
        found.update(join_path(row.path, row.name) for row in connection.execute(query))
    return found


def failures_by_side(connection: Connection, run_id: int) -> dict[tuple[str | None, str | None], int]:
    """Count problems by the side and reason they happened with."""
    query = (
        select(items.c.side, items.c.reason, func.count().label("number"))
        .where(
            items.c.run_id == run_id, items.c.state.in_([ItemState.FAILED.value, ItemState.CONFLICT.value])
        )
        .group_by(items.c.side, items.c.reason)
    )
    return {(row.side, row.reason): row.number for row in connection.execute(query)}


def open_items(connection: Connection, run_id: int) -> int:
    """How many files have no final state yet."""
    query = select(func.count()).where(
        items.c.run_id == run_id, items.c.state.in_([state.value for state in OPEN])
    )
    return int(connection.execute(query.where(items.c.kind != EntryKind.FOLDER.value)).scalar_one())


def unsettled_arrivals(
    connection: Connection, pair_id: int, destination_path_keys: Sequence[str]
) -> list[Arrival]:
    """Arrivals at these paths whose destination told no version when it took them."""
    found: list[Arrival] = []
    for some in _slices(destination_path_keys):
        query = select(arrivals).where(
            arrivals.c.pair_id == pair_id,
            arrivals.c.destination_path_key.in_(some),
            arrivals.c.destination_version.is_(None),
        )
        found += [rows.arrival_from(row) for row in connection.execute(query)]
    return found


def _moved_in_folder() -> Exists:
    moved = [state.value for state in MOVED]
    return select(items.c.id).where(items.c.folder_id == folders.c.id, items.c.state.in_(moved)).exists()


def folders_with_unsettled(
    connection: Connection, run_id: int, pair_id: int, limit: int, after_id: int
) -> list[FolderTask]:
    """Folders into which this run moved files whose version at the destination is not known yet."""
    hit = (
        select(items.c.id)
        .join(arrivals, items.c.source_key == arrivals.c.source_key)
        .where(
            items.c.folder_id == folders.c.id,
            items.c.state.in_([state.value for state in MOVED]),
            items.c.kind != EntryKind.FOLDER.value,
            arrivals.c.pair_id == pair_id,
            arrivals.c.destination_version.is_(None),
        )
        .exists()
    )
    query = select(folders).where(folders.c.run_id == run_id, folders.c.id > after_id, hit)
    return [rows.folder_from(row) for row in connection.execute(query.order_by(folders.c.id).limit(limit))]


def folders_to_date(connection: Connection, run_id: int, limit: int, before_id: int) -> list[FolderTask]:
    """Folders whose modified time this run has disturbed, each before the one that holds it."""
    own = (
        select(items.c.id)
        .where(items.c.id == folders.c.item_id, items.c.state == ItemState.CREATED.value)
        .exists()
    )
    query = (
        select(folders)
        .where(
            folders.c.run_id == run_id,
            folders.c.state == "listed",
            folders.c.id < before_id,
            folders.c.modified_ns.is_not(None),
            or_(own, _moved_in_folder()),
        )
        .order_by(folders.c.id.desc())
        .limit(limit)
    )
    return [rows.folder_from(row) for row in connection.execute(query)]


def keep_listing(connection: Connection, folder_id: int, entries: Mapping[str, Entry]) -> None:
    """Keep entries of a folder of the destination, by name key; the first of a key stays."""
    statement = insert_missing(connection, listings, ["folder_id", "key"])
    connection.execute(statement, [rows.listing_row(folder_id, key, entry) for key, entry in entries.items()])


def listed(connection: Connection, folder_id: int, keys: Sequence[str]) -> dict[str, Entry]:
    """Those entries of a kept listing that have these keys."""
    found: dict[str, Entry] = {}
    for some in _slices(keys):
        query = select(listings).where(listings.c.folder_id == folder_id, listings.c.key.in_(some))
        found.update((row.key, rows.entry_from(row.entry)) for row in connection.execute(query))
    return found


def drop_listing(connection: Connection, folder_id: int) -> None:
    """Forget a kept listing."""
    connection.execute(delete(listings).where(listings.c.folder_id == folder_id))


def upload(connection: Connection, pair_id: int, source_key: str) -> UploadRecord | None:
    """The upload in parts that was begun for an entry."""
    row = connection.execute(
        select(uploads).where(uploads.c.pair_id == pair_id, uploads.c.source_key == source_key)
    ).one_or_none()
    if row is None:
        return None
    query = select(parts).where(parts.c.upload_id == row.id).order_by(parts.c.number)
    known = tuple(rows.part_from(part) for part in connection.execute(query))
    return UploadRecord(row.id, row.token, row.part_size, row.evidence, known)


def add_upload(
    connection: Connection, pair_id: int, source_key: str, *, token: str, part_size: int, evidence: str
) -> UploadRecord:
    """Keep an upload that was just begun, in place of any earlier one of the same entry."""
    drop_upload(connection, pair_id, source_key)
    upload_id = connection.execute(
        insert(uploads)
        .values(pair_id=pair_id, source_key=source_key, token=token, part_size=part_size, evidence=evidence)
        .returning(uploads.c.id)
    ).scalar_one()
    return UploadRecord(upload_id, token, part_size, evidence, ())


def drop_upload(connection: Connection, pair_id: int, source_key: str) -> None:
    """Forget an upload and its parts."""
    connection.execute(
        delete(uploads).where(uploads.c.pair_id == pair_id, uploads.c.source_key == source_key)
    )


def keep_parts(connection: Connection, sent: Sequence[tuple[int, PartRecord]]) -> None:
    """Keep parts that the destination has; pairs of upload id and part."""
    statement = upsert(connection, parts, ["upload_id", "number"])
    connection.execute(statement, [rows.part_row(upload_id, part) for upload_id, part in sent])


def forget_part(connection: Connection, upload_id: int, numbers: Iterable[int]) -> None:
    """Drop parts that the destination turned out not to have."""
    connection.execute(delete(parts).where(parts.c.upload_id == upload_id, parts.c.number.in_(list(numbers))))


def _slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _IN_LIST):
        yield values[start : start + _IN_LIST]
