"""The queue of folders, and folders that need something at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Exists, func, or_, select, update

from mover.entries import EntryKind
from mover.ledger import rows
from mover.ledger.records import FolderTask
from mover.ledger.states import MOVED, ItemState
from mover.ledger.tables import arrivals, folders, items


def pending_folders(
    connection: Connection, run_id: int, limit: int, after_id: int, *, known: bool
) -> list[FolderTask]:
    """Folders that wait to be listed, in the order in which they were found; with `known` those, too, that did not change."""
    waiting = ["pending", rows.KNOWN] if known else ["pending"]
    query = (
        select(folders)
        .where(folders.c.run_id == run_id, folders.c.state.in_(waiting), folders.c.id > after_id)
        .order_by(folders.c.id)
        .limit(limit)
    )
    return [rows.folder_from(row) for row in connection.execute(query)]


def update_folder(connection: Connection, folder_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a folder."""
    connection.execute(update(folders).where(folders.c.id == folder_id).values(**values))


def failed_folders(connection: Connection, run_id: int) -> int:
    """Count folders whose listing failed: what is in them was not seen."""
    query = select(func.count()).where(folders.c.run_id == run_id, folders.c.state != "listed")
    return int(connection.execute(query).scalar_one())


def folders_with_unsettled(
    connection: Connection, run_id: int, pair_id: int, limit: int, after_id: int
) -> list[FolderTask]:
    """Folders into which this run moved files whose version at the destination is not known yet.

    Folder by folder, item by item, each by an index. As a join PostgreSQL, which at first knows nothing of how many rows
    a new run has, looked at every arrival for every item: quadratic in the size of the run.
    """
    unsettled = select(arrivals.c.id).where(
        arrivals.c.pair_id == pair_id,
        arrivals.c.source_key == items.c.source_key,
        arrivals.c.destination_version.is_(None),
    )
    hit = (
        select(items.c.id)
        .where(
            items.c.folder_id == folders.c.id,
            items.c.state.in_([state.value for state in MOVED]),
            items.c.kind != EntryKind.FOLDER.value,
            unsettled.scalar_subquery().is_not(None),
        )
        .limit(1)  # with it, it stays a question of its own for each folder
    )
    query = select(folders).where(
        folders.c.run_id == run_id, folders.c.id > after_id, hit.scalar_subquery().is_not(None)
    )
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


def _moved_in_folder() -> Exists:
    moved = [state.value for state in MOVED]
    return select(items.c.id).where(items.c.folder_id == folders.c.id, items.c.state.in_(moved)).exists()
