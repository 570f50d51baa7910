"""A run that follows another one: which run that can be, which of its folders changed, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, literal, select, tuple_, update

from mover.database.upsert import insert_missing, upsert
from mover.entries import Entry
from mover.errors import Reason
from mover.ledger import rows
from mover.ledger.grants import GrantState
from mover.ledger.queries.slicing import slices
from mover.ledger.records import Base, Follows, KnownFolder, KnownItem, SettledItem
from mover.ledger.states import MOVED, OPEN, Action, ItemState, RunMode, Verification
from mover.ledger.tables import accesses, changed_folders, folders, grants, items, runs

_AGAIN = sorted(state.value for state in OPEN | {ItemState.FAILED, ItemState.CONFLICT})
_SETTLED = sorted(state.value for state in MOVED | {ItemState.UNCHANGED, ItemState.ALREADY_THERE})
_SHARING_AGAIN = [
    state.value for state in (GrantState.PLANNED, GrantState.FAILED, GrantState.NOT_THERE, GrantState.WIDER)
]


def base_for(
    connection: Connection,
    pair_id: int,
    run_id: int,
    basis: str,
    *,
    last: bool = False,
    source_is_listed: bool = False,
) -> Base | None:
    """The newest run of a pair that a run with this basis can follow.

    With `last` only the last one that copied at all; with `source_is_listed` by the destination's feed alone.
    """
    copied = and_(
        runs.c.pair_id == pair_id,
        runs.c.id != run_id,
        runs.c.mode == RunMode.COPY.value,
        runs.c.dry_run.is_(False),
    )
    cursor = runs.c.destination_cursor if source_is_listed else runs.c.source_cursor
    fits = and_(runs.c.finished, runs.c.basis == basis, cursor.is_not(None))
    query = select(runs).where(copied, fits).order_by(runs.c.id.desc()).limit(1)
    if last:
        query = query.where(runs.c.id == select(func.max(runs.c.id)).where(copied).scalar_subquery())
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Base(
        run=row.id,
        source_from=row.source_from,
        source_cursor=row.source_cursor,
        destination_cursor=row.destination_cursor,
    )


def follow(connection: Connection, run_id: int, follows: Follows) -> None:
    """Note what a run keeps for the next one, and which one it follows."""
    values = {
        "basis": follows.basis,
        "base_id": follows.base,
        "carries": follows.carries,
        "source_from": follows.source_from,
        "source_cursor": follows.source_cursor,
        "destination_cursor": follows.destination_cursor,
    }
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def is_there(connection: Connection, base_id: int) -> bool:
    """Whether a run can still be followed: what is old is removed one day."""
    query = select(runs.c.id).where(runs.c.id == base_id, runs.c.basis.is_not(None))
    return connection.execute(query).first() is not None


def root_of(connection: Connection, run_id: int) -> int | None:
    """The root folder of a run; None if it has none yet."""
    query = select(folders.c.id).where(folders.c.run_id == run_id, folders.c.path == "/")
    return connection.execute(query.order_by(folders.c.id).limit(1)).scalar_one_or_none()


# Which folders changed.


def mark(connection: Connection, found: Mapping[int, bool]) -> None:
    """Note folders that must be listed again, each with whether all below it must be, too."""
    for deep, statement in (
        (True, upsert(connection, changed_folders, ["folder_id"])),
        (False, insert_missing(connection, changed_folders, ["folder_id"])),
    ):
        some = [{"folder_id": folder, "deep": deep} for folder, is_deep in found.items() if is_deep == deep]
        if some:
            connection.execute(statement, some)


def mark_unsettled(connection: Connection, run_id: int) -> None:
    """Note the folders of a run in which something is to be tried again, and those that were not listed.

    What the entry itself or the options decided, without a try, is decided the same way again.
    """
    tried = and_(
        items.c.state == ItemState.UNSUPPORTED.value,
        items.c.action != Action.NONE.value,
        items.c.reason != Reason.UNSUPPORTED_TYPE.value,
    )
    again = select(items.c.folder_id).where(items.c.run_id == run_id, items.c.state.in_(_AGAIN) | tried)
    unlisted = select(folders.c.id).where(folders.c.run_id == run_id, folders.c.state != "listed")
    _mark_all(connection, again.distinct())
    _mark_all(connection, unlisted)


def mark_unsettled_sharing(connection: Connection, run_id: int) -> None:
    """Likewise those with permissions that could not be given or taken back, or with what would be open to too many.

    What the destination has no way to permit is not tried again.
    """
    held = select(items.c.folder_id).where(
        items.c.run_id == run_id, items.c.reason == Reason.WOULD_BE_WIDER.value
    )
    open_lines = (
        select(items.c.folder_id)
        .join(grants, and_(grants.c.run_id == items.c.run_id, grants.c.source_key == items.c.source_key))
        .where(items.c.run_id == run_id, grants.c.state.in_(_SHARING_AGAIN))
    )
    _mark_all(connection, held.distinct())
    _mark_all(connection, open_lines.distinct())


def mark_begun(connection: Connection, run_id: int, others: Iterable[int]) -> None:
    """Note the folders of a run about whose entries anything was decided, and `others`."""
    has_items = select(items.c.id).where(items.c.folder_id == folders.c.id).exists()
    waiting = folders.c.state.in_(["pending", rows.KNOWN])
    _mark_all(connection, select(folders.c.id).where(folders.c.run_id == run_id, ~waiting | has_items))
    mark(connection, dict.fromkeys(others, False))


def number_of_folders(connection: Connection, run_id: int) -> int:
    """How many folders a run has seen."""
    query = select(func.count()).select_from(folders).where(folders.c.run_id == run_id)
    return int(connection.execute(query).scalar_one())


def mark_opened(connection: Connection, run_id: int, item_ids: Sequence[int]) -> None:
    """Have the next run list these folders once more, with all below them: they are open to others than they were.

    A service may need a while until what is in a folder has inherited that, and not tell when.
    """
    for some in slices(item_ids):
        query = select(folders.c.id).where(folders.c.run_id == run_id, folders.c.item_id.in_(some))
        mark(connection, dict.fromkeys(connection.scalars(query), True))


def with_lines(connection: Connection, run_id: int, source_keys: Sequence[str]) -> set[str]:
    """Those of these entries about whose permissions a run has something to say."""
    return {
        key
        for some in slices(source_keys)
        for key in connection.scalars(
            select(grants.c.source_key)
            .where(grants.c.run_id == run_id, grants.c.source_key.in_(some))
            .distinct()
        )
    }


def mark_with_strangers(connection: Connection, run_id: int) -> None:
    """Note the folders of a run in which files of others were found that are the same as at the source.

    Nothing is known of those files that would tell which one a change feed means when it calls one removed.
    """
    query = select(items.c.folder_id).where(
        items.c.run_id == run_id,
        items.c.state == ItemState.ALREADY_THERE.value,
        items.c.action == Action.NONE.value,
    )
    _mark_all(connection, query.distinct())


def _mark_all(connection: Connection, ids: Select[Any]) -> None:
    found = ids.subquery()
    rows_ = select(found.c[0], literal(value=False)).where(found.c[0].is_not(None))
    statement = insert_missing(connection, changed_folders, ["folder_id"])
    connection.execute(statement.from_select(["folder_id", "deep"], rows_))


def known_items(connection: Connection, run_id: int, source_keys: Sequence[str]) -> dict[str, KnownItem]:
    """Items of a run by source key."""
    found: dict[str, KnownItem] = {}
    for some in slices(source_keys):
        query = (
            select(
                items,
                folders.c.path.label("folder_path"),
                folders.c.source_id.label("folder_source_id"),
                folders.c.destination_id.label("folder_destination_id"),
            )
            .join(folders, folders.c.id == items.c.folder_id)
            .where(items.c.run_id == run_id, items.c.source_key.in_(some))
        )
        for row in connection.execute(query):
            found[row.source_key] = KnownItem(
                source_key=row.source_key,
                entry=rows.item_entry_from(row),
                folder=row.folder_id,
                folder_path=row.folder_path,
                folder_source_id=row.folder_source_id,
                folder_destination_id=row.folder_destination_id,
            )
    return found


def folders_by_source_id(connection: Connection, run_id: int, ids: Sequence[str]) -> list[KnownFolder]:
    """Folders of a run that have these ids at the source."""
    return [
        _known_folder(row)
        for some in slices(ids)
        for row in connection.execute(
            _folders().where(folders.c.run_id == run_id, folders.c.source_id.in_(some))
        )
    ]


def folders_by_destination_id(connection: Connection, run_id: int, ids: Sequence[str]) -> list[KnownFolder]:
    """Folders of a run that have these ids at the destination."""
    return [
        _known_folder(row)
        for some in slices(ids)
        for row in connection.execute(
            _folders().where(folders.c.run_id == run_id, folders.c.destination_id.in_(some))
        )
    ]


def folders_below(connection: Connection, parents: Sequence[int]) -> list[KnownFolder]:
    """Folders that these of a run hold."""
    return [
        _known_folder(row)
        for some in slices(parents)
        for row in connection.execute(_folders().where(folders.c.parent_id.in_(some)))
    ]


def folders_by_destination_key(
    connection: Connection, places: Sequence[tuple[int, str]]
) -> list[tuple[KnownFolder, str]]:
    """Folders at places, each given by the folder that holds it and the key of its name to the destination; with the key."""
    return [
        (_known_folder(row), row.destination_key)
        for some in slices(places)
        for row in connection.execute(
            _folders(items.c.destination_key).where(
                tuple_(items.c.folder_id, items.c.destination_key).in_(some)
            )
        )
    ]


def settled_items(
    connection: Connection, base_id: int, folder_id: int, source_keys: Sequence[str]
) -> list[SettledItem]:
    """Those items of one folder of a run that stood at the destination when it ended, by source key."""
    found: list[SettledItem] = []
    for some in slices(source_keys):
        query = (
            select(items, folders.c.destination_id, folders.c.destination_exists)
            .outerjoin(folders, and_(folders.c.item_id == items.c.id, folders.c.run_id == base_id))
            .where(
                items.c.run_id == base_id,
                items.c.source_key.in_(some),
                items.c.folder_id == folder_id,
                items.c.state.in_(_SETTLED),
            )
        )
        found += [
            SettledItem(
                source_key=row.source_key,
                entry=rows.item_entry_from(row),
                state=ItemState(row.state),
                destination_key=row.destination_key,
                destination_id=row.destination_id if row.destination_exists else None,
                verification=Verification(row.verification) if row.verification else None,
            )
            for row in connection.execute(query)
        ]
    return found


def page_of_folders(connection: Connection, run_id: int, limit: int, after_id: int) -> list[KnownFolder]:
    """Folders of a run with ids above `after_id`, ascending."""
    query = _folders().where(folders.c.run_id == run_id, folders.c.id > after_id)
    query = query.order_by(folders.c.id).limit(limit)
    return [_known_folder(row) for row in connection.execute(query)]


def _folders(*more: ColumnElement[Any]) -> Select[Any]:
    above = folders.alias("above")
    return (
        select(
            folders,
            above.c.path.label("parent_path"),
            above.c.destination_id.label("parent_destination"),
            items.c.source_key,
            *more,
        )
        .outerjoin(above, above.c.id == folders.c.parent_id)
        .outerjoin(items, items.c.id == folders.c.item_id)
    )


def _known_folder(row: Any) -> KnownFolder:
    return KnownFolder(
        id=row.id,
        path=row.path,
        source_id=row.source_id,
        destination_path=row.destination_path,
        destination_id=row.destination_id,
        parent=row.parent_id,
        parent_path=row.parent_path,
        parent_destination_id=row.parent_destination,
        source_key=row.source_key,
    )


# What stands in folders that did not change.


def earlier_folders(
    connection: Connection, earlier_parent: int, ids: Iterable[str], *, at_destination: bool = False
) -> Iterator[tuple[Any, bool]]:
    """Folders that stood in a folder of the run before and have not changed with all below them, each as a row.

    The ids are those of the source, or of the destination. The boolean tells whether the folder itself is as it was.
    """
    column = folders.c.destination_id if at_destination else folders.c.source_id
    for some in slices(list(ids)):
        query = (
            select(
                folders,
                changed_folders.c.folder_id.label("marked"),
                changed_folders.c.deep,
                accesses.c.access,
            )
            .outerjoin(changed_folders, changed_folders.c.folder_id == folders.c.id)
            .outerjoin(accesses, accesses.c.id == folders.c.access_id)
            .where(folders.c.parent_id == earlier_parent, column.in_(some))
        )
        for row in connection.execute(query):
            if not row.deep:
                yield row, row.marked is None and row.state == "listed"


def add_root(
    connection: Connection,
    run_id: int,
    *,
    base_id: int | None,
    source_id: str | None,
    destination_id: str | None,
    destination_exists: bool,
    destination_path: str = "/",
) -> None:
    """Queue the root folder, unless the run has it already."""
    if root_of(connection, run_id) is not None:
        return
    earlier = root_of(connection, base_id) if base_id is not None else None
    marked = select(changed_folders.c.deep).where(changed_folders.c.folder_id == earlier)
    deep = connection.execute(marked).scalar_one_or_none() if earlier is not None else None
    connection.execute(
        insert(folders).values(
            run_id=run_id,
            path="/",
            source_id=source_id,
            destination_path=destination_path,
            destination_id=destination_id,
            destination_exists=destination_exists,
            state=rows.KNOWN if earlier is not None and deep is None else "pending",
            earlier_id=None if deep else earlier,
        )
    )


def entries_of(
    connection: Connection, earlier_folder: int, limit: int, after_id: int
) -> tuple[list[Entry], int | None]:
    """Entries that stood in a folder of the run before and are to be decided about, and the id of the last one.

    Those that were kept out whatever the destination has are not among them: see `carrying`.
    """
    query = (
        select(items)
        .where(
            items.c.folder_id == earlier_folder,
            items.c.state.not_in([ItemState.EXCLUDED.value, ItemState.UNSUPPORTED.value]),
            items.c.id > after_id,
        )
        .order_by(items.c.id)
        .limit(limit)
    )
    found = connection.execute(query).all()
    return [rows.item_entry_from(row) for row in found], found[-1].id if found else None
