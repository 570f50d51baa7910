"""Taking over what did not change: a folder's items from the run before, many folders in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
    update,
)

from mover.database.upsert import insert_missing
from mover.entries import EntryKind
from mover.ledger import rows
from mover.ledger.queries.carrying_sharing import carry_sharing
from mover.ledger.queries.following import is_there
from mover.ledger.records import FolderTask, Tally
from mover.ledger.states import Action, ItemState, Verification
from mover.ledger.tables import changed_folders, folders, items

_KEPT_OUT = (ItemState.EXCLUDED.value, ItemState.UNSUPPORTED.value)
_KEY = ["run_id", "source_key"]


def carry(
    connection: Connection, run_id: int, base_id: int, *, limit: int, note: str, now_ns: int
) -> tuple[int, list[Tally]]:
    """Take over the items of known folders, and queue the folders in them. Returns how many folders, and what they held.

    Args:
        connection: Inside a transaction.
        run_id: The run.
        base_id: The one that it follows; if that is gone meanwhile, the folders are to be listed after all.
        limit: At most so many folders.
        note: What is said of an entry that has another name at the destination.
        now_ns: The time.
    """
    if not is_there(connection, base_id):
        give_up(connection, run_id)
        return 0, []
    known = select(folders.c.id).where(folders.c.run_id == run_id, folders.c.state == rows.KNOWN)
    ids = list(connection.scalars(known.order_by(folders.c.id).limit(limit)))
    if not ids:
        return 0, []
    _carry_items(connection, run_id, folders.c.id.in_(ids), true(), note, now_ns)
    _queue_folders(connection, run_id, ids)
    carry_sharing(connection, run_id, base_id, ids)
    connection.execute(update(folders).where(folders.c.id.in_(ids)).values(state="listed"))
    return len(ids), _tallies(connection, items.c.folder_id.in_(ids))


def carry_kept_out(connection: Connection, run_id: int, folder: FolderTask, now_ns: int) -> list[Tally]:
    """Take over those items of a folder that were kept out whatever the destination has, and count them."""
    _carry_items(connection, run_id, folders.c.id == folder.id, items.c.state.in_(_KEPT_OUT), "", now_ns)
    return _tallies(connection, and_(items.c.folder_id == folder.id, items.c.state.in_(_KEPT_OUT)))


def _tallies(connection: Connection, which: ColumnElement[bool]) -> list[Tally]:
    query = (
        select(
            items.c.kind,
            items.c.state,
            func.count().label("number"),
            func.coalesce(func.sum(items.c.size), 0).label("size"),
        )
        .where(which)
        .group_by(items.c.kind, items.c.state)
    )
    return [
        Tally(EntryKind(row.kind), ItemState(row.state), row.number, int(row.size), 0)
        for row in connection.execute(query)
    ]


def give_up(connection: Connection, run_id: int) -> None:
    """Have everything listed that was not yet taken over."""
    connection.execute(
        update(folders)
        .where(folders.c.run_id == run_id, folders.c.state == rows.KNOWN)
        .values(state="pending", earlier_id=None)
    )
    connection.execute(update(folders).where(folders.c.run_id == run_id).values(earlier_id=None))


def _carry_items(
    connection: Connection,
    run_id: int,
    which: ColumnElement[bool],
    what: ColumnElement[bool],
    note: str,
    now_ns: int,
) -> None:
    moved = [s.value for s in (ItemState.COPIED, ItemState.REPLACED, ItemState.RENAMED, ItemState.CREATED)]
    found_same = and_(items.c.state == ItemState.ALREADY_THERE.value, items.c.action != Action.NONE.value)
    settled = or_(items.c.state.in_(moved), found_same)
    unchanged = or_(settled, items.c.state == ItemState.UNCHANGED.value)
    is_folder = items.c.kind == EntryKind.FOLDER.value
    earlier = case((is_folder, Verification.EXISTS.value), else_=Verification.EARLIER.value)
    named = case((items.c.name != items.c.destination_name, note), else_="")
    values: dict[str, ColumnElement[Any]] = {
        "run_id": literal(run_id),
        "folder_id": folders.c.id,
        **{
            name: items.c[name]
            for name in (
                "source_key",
                "name",
                "source_id",
                "kind",
                "size",
                "modified_ns",
                "created_ns",
                "version",
                "hashes",
                "media_type",
                "destination_name",
                "destination_key",
                "large",
                "reason",
                "side",
                "content_hash",
            )
        },
        "state": case((settled, ItemState.UNCHANGED.value), else_=items.c.state),
        "action": literal(Action.NONE.value),
        "interrupted": literal(value=False),
        "message": case((unchanged, named), else_=items.c.message),
        "verification": case((unchanged, earlier), else_=items.c.verification),
        "sent_bytes": literal(0),
        "attempts": literal(0),
        "started_ns": cast(null(), BigInteger),
        "ended_ns": literal(now_ns),
    }
    query = (
        select(*(value.label(name) for name, value in values.items()))
        .select_from(items.join(folders, folders.c.earlier_id == items.c.folder_id))
        .where(which, what)
        .order_by(items.c.id)
    )
    connection.execute(insert_missing(connection, items, _KEY).from_select(list(values), query))


def _queue_folders(connection: Connection, run_id: int, ids: Sequence[int]) -> None:
    """Queue what the folders before these held: known again, unless they changed."""
    before, was, now = folders.alias("before"), items.alias("was"), items.alias("now")
    known = and_(changed_folders.c.folder_id.is_(None), before.c.state == "listed")
    values: dict[str, ColumnElement[Any]] = {
        "run_id": literal(run_id),
        "item_id": now.c.id,
        "parent_id": folders.c.id,
        "path": before.c.path,
        "source_id": before.c.source_id,
        "destination_path": before.c.destination_path,
        "destination_id": before.c.destination_id,
        "destination_parent_id": before.c.destination_parent_id,
        "destination_exists": literal(value=True),
        "modified_ns": now.c.modified_ns,
        "access_id": before.c.access_id,
        "state": case((known, rows.KNOWN), else_="pending"),
        "earlier_id": case((changed_folders.c.deep, cast(null(), BigInteger)), else_=before.c.id),
    }
    query = (
        select(*(value.label(name) for name, value in values.items()))
        .select_from(
            folders.join(before, before.c.parent_id == folders.c.earlier_id)
            .join(was, was.c.id == before.c.item_id)
            .join(now, and_(now.c.run_id == run_id, now.c.source_key == was.c.source_key))
            .outerjoin(changed_folders, changed_folders.c.folder_id == before.c.id)
        )
        .where(folders.c.id.in_(ids), now.c.folder_id == folders.c.id)
        .order_by(before.c.id)
    )
    connection.execute(folders.insert().from_select(list(values), query, include_defaults=False))
