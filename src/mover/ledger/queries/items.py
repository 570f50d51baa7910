"""Items: added as they are seen, claimed, finished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from mover.database.many import execute_many
from mover.database.upsert import insert_missing
from mover.entries import EntryKind, join_path
from mover.ledger import rows
from mover.ledger.grants import NewGrant
from mover.ledger.queries.arrivals import keep_arrivals
from mover.ledger.queries.folders import update_folder
from mover.ledger.queries.following import earlier_folders, mark_opened
from mover.ledger.queries.grants import access_texts, add_lines
from mover.ledger.queries.slicing import slices
from mover.ledger.records import FolderTask, Item, NewItem, Outcome, Run
from mover.ledger.states import OPEN, Action, ItemState, RunMode
from mover.ledger.tables import folders, items, runs

_EARLIER_RUNS = 10
_HALF_SENT = {ItemState.SENDING.value, ItemState.FAILED.value}

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


def add_items(
    connection: Connection,
    run_id: int,
    folder: FolderTask,
    new: Sequence[NewItem],
    cursor: str | None,
    now_ns: int,
    lines: Sequence[NewGrant] = (),
    *,
    carries: bool = False,
    by_destination: bool = False,
) -> None:
    """Keep one page of a listing: its items, the folders among them that are to be walked, permissions, and the cursor.

    With `carries` a folder is taken for the one of the run before only if it is the same at the destination, too; with
    `by_destination` it is known by its id there alone.
    """
    plain = [rows.item_row(run_id, folder.id, item, now_ns) for item in new if not _to_walk(item)]
    walked = [item for item in new if _to_walk(item)]
    key = ["run_id", "source_key"]
    execute_many(connection, insert_missing(connection, items, key), plain)
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
        opened: list[int] = []
        if folder.earlier_id is not None:
            opened = _recognise(
                connection, folder.earlier_id, queue, carries=carries, by_destination=by_destination
            )
        if queue:
            connection.execute(insert(folders), queue)
        mark_opened(connection, run_id, opened)
    add_lines(connection, run_id, lines)
    if cursor is not None:
        update_folder(connection, folder.id, {"cursor": cursor})


def _recognise(
    connection: Connection,
    earlier_parent: int,
    queue: Sequence[dict[str, Any]],
    *,
    carries: bool,
    by_destination: bool,
) -> list[int]:
    """Say of folders to be queued which of them stood there in the run before, and which are as they were.

    One that is open to others than it was is not: what is in it inherits that. Returns items of such folders.
    """
    opened: list[int] = []
    column = "destination_id" if by_destination else "source_id"
    by_id = {row[column]: row for row in queue if row[column] is not None}
    told = access_texts(connection, {row["access_id"] for row in by_id.values()})
    found = earlier_folders(connection, earlier_parent, by_id, at_destination=by_destination)
    for earlier, unchanged in found:
        row = by_id[getattr(earlier, column)]
        same = earlier.path == row["path"] and earlier.destination_path == row["destination_path"]
        if carries or by_destination:
            same &= row["destination_exists"] and earlier.destination_id == row["destination_id"]
        if same:
            is_open_as_before = earlier.access == told.get(row["access_id"])
            row["earlier_id"] = earlier.id
            row["state"] = rows.KNOWN if unchanged and is_open_as_before else "pending"
            if not is_open_as_before:
                opened.append(row["item_id"])
    return opened


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
        "access_id": item.access_id,
        "state": "pending",
        "earlier_id": None,
    }


def names_taken(connection: Connection, folder_id: int, destination_keys: Sequence[str]) -> dict[str, str]:
    """Source keys of the items of a folder that hold these names at the destination, by name key."""
    found: dict[str, str] = {}
    for some in slices(destination_keys):
        query = select(items.c.destination_key, items.c.source_key).where(
            items.c.folder_id == folder_id,
            items.c.destination_key.in_(some),
            items.c.state.not_in([ItemState.EXCLUDED.value, ItemState.UNSUPPORTED.value]),
        )
        found.update((row.destination_key, row.source_key) for row in connection.execute(query))
    return found


def begun(connection: Connection, run_id: int, pair_id: int, source_keys: Sequence[str]) -> set[str]:
    """Those of these entries that the last run which knew them began to send to where nothing stood, in vain."""
    earlier = (
        select(runs.c.id)
        .where(runs.c.pair_id == pair_id, runs.c.mode == RunMode.COPY.value, runs.c.dry_run.is_(False))
        .where(runs.c.id != run_id)
        .order_by(runs.c.id.desc())
        .limit(_EARLIER_RUNS)
    )
    last: dict[str, bool] = {}
    for some in slices(source_keys):
        query = select(items.c.source_key, items.c.state, items.c.action, items.c.interrupted).where(
            items.c.run_id.in_(earlier),
            items.c.source_key.in_(some),
            items.c.state != ItemState.EXCLUDED.value,
        )
        for row in connection.execute(query.order_by(items.c.run_id.desc())):
            half_sent = row.state in _HALF_SENT or (row.state == ItemState.PLANNED.value and row.interrupted)
            last.setdefault(row.source_key, half_sent and row.action == Action.COPY.value)
    return {key for key, is_begun in last.items() if is_begun}


def placed_items() -> Select[Any]:
    """Select items together with where their folder stands on both sides."""
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
        placed_items()
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
    query = placed_items().where(items.c.run_id == run_id, items.c.state == ItemState.HELD.value)
    return [rows.item_from(row) for row in connection.execute(query.order_by(items.c.id).limit(limit))]


def shortcuts(connection: Connection, run_id: int, limit: int, after_id: int) -> list[Item]:
    """Shortcuts that were not moved, and tell what they point to; with ids above `after_id`, ascending."""
    query = placed_items().where(
        items.c.run_id == run_id,
        items.c.kind == EntryKind.SHORTCUT.value,
        items.c.state == ItemState.UNSUPPORTED.value,
        items.c.version.is_not(None),
        items.c.id > after_id,
    )
    return [rows.item_from(row) for row in connection.execute(query.order_by(items.c.id).limit(limit))]


def plan_items(connection: Connection, item_ids: Sequence[int]) -> None:
    """Let held items be copied; a rename that was interrupted may have brought them already, so look first."""
    for some in slices(item_ids):
        connection.execute(
            update(items).where(items.c.id.in_(some)).values(state=ItemState.PLANNED.value, interrupted=True)
        )


def finish_items(connection: Connection, pair_id: int, outcomes: Sequence[Outcome]) -> None:
    """Write how items ended, and what arrived."""
    execute_many(connection, _OUTCOME, [rows.outcome_row(outcome) for outcome in outcomes])
    keep_arrivals(connection, pair_id, [outcome.arrival for outcome in outcomes if outcome.arrival])


def open_bytes(connection: Connection, run_id: int) -> int:
    """Sizes of the files that are to be sent, added up; without those in folders that are listed once more."""
    query = (
        select(func.coalesce(func.sum(items.c.size), 0))
        .join(folders, folders.c.id == items.c.folder_id)
        .where(
            items.c.run_id == run_id,
            items.c.state.in_([ItemState.PLANNED.value, ItemState.SENDING.value]),
            items.c.action.in_([Action.COPY.value, Action.REPLACE.value]),
            folders.c.state == "listed",
        )
    )
    return int(connection.execute(query).scalar_one())


def scanned_bytes(connection: Connection, run: Run) -> int:
    """Sizes of the files that the run before found missing at the destination; 0 if that was no whole scan."""
    query = select(runs).where(
        runs.c.pair_id == run.pair_id, runs.c.id < run.id, runs.c.mode != RunMode.VERIFY.value
    )
    before = connection.execute(query.order_by(runs.c.id.desc()).limit(1)).one_or_none()
    if before is None or not before.dry_run or not before.finished or before.fingerprint != run.fingerprint:
        return 0
    missing = select(func.coalesce(func.sum(items.c.size), 0)).where(
        items.c.run_id == before.id,
        items.c.state == ItemState.PLANNED.value,
        items.c.action == Action.COPY.value,
    )
    return int(connection.execute(missing).scalar_one())


def take_up_again(connection: Connection, run_id: int) -> int:
    """Plan all files that have no final state, to be looked for before they are sent; returns how many there are."""
    left = (
        update(items)
        .where(items.c.run_id == run_id, items.c.state.in_([state.value for state in OPEN]))
        .where(items.c.kind != EntryKind.FOLDER.value)
    )
    return connection.execute(left.values(state=ItemState.PLANNED.value, interrupted=True)).rowcount
