"""What a scan planned, in the groups that its costs are worked out from; and what earlier runs achieved.

Sums are of floating point: sizes come from outside, and whole numbers would overflow.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Double, and_, case, cast, exists, func, not_, or_, select

from mover.entries import EntryKind
from mover.ledger.estimates import FileGroup, FolderCounts, PastRun
from mover.ledger.grants import GrantState
from mover.ledger.records import Pair
from mover.ledger.states import MOVED, Action, ItemState, RunMode
from mover.ledger.tables import folders, grants, items, pairs, runs

_MOST_PAST = 10  # runs that are looked at: most runs of a pair that is kept up to date move nothing
_PLANNED = (ItemState.PLANNED.value, ItemState.HELD.value)
_MOVED = sorted(state.value for state in MOVED)


def planned_files(
    connection: Connection, run_id: int, bounds: Sequence[int], lengths: Sequence[int]
) -> list[FileGroup]:
    """Planned files by what decides what they cost; `bounds` ascend, `lengths` are positive; all in bytes."""
    size = items.c.size
    bucket = case(
        (size.is_(None), -1),
        *((size <= bound, index) for index, bound in enumerate(bounds)),
        else_=len(bounds),
    )
    place = folders.c.destination_path
    slashes = func.length(place) - func.length(func.replace(place, "/", ""))
    planned = (
        select(
            items.c.action,
            items.c.large,
            items.c.size,
            folders.c.destination_exists.label("stood"),
            bucket.label("bucket"),
            case((place == "/", 1), else_=slashes + 1).label("names"),
        )
        .join(folders, folders.c.id == items.c.folder_id)
        .where(items.c.run_id == run_id, items.c.kind != EntryKind.FOLDER.value, items.c.state.in_(_PLANNED))
        .subquery()
    )
    one = planned.c
    keys = (one.action, one.bucket, one.large, one.stood)
    pieces = [
        func.coalesce(
            func.sum(cast(one.size // length, Double) + case((one.size % length > 0, 1.0), else_=0.0)), 0.0
        ).label(f"pieces_{index}")
        for index, length in enumerate(lengths)
    ]
    query = select(
        *keys,
        func.count().label("number"),
        func.coalesce(func.sum(cast(one.size, Double)), 0.0).label("size"),
        func.sum(cast(one.names, Double)).label("names"),
        *pieces,
    ).group_by(*keys)
    return [
        FileGroup(
            action=Action(row.action),
            bucket=row.bucket,
            large=bool(row.large),
            stood=bool(row.stood),
            files=row.number,
            size=float(row.size),
            pieces=tuple(float(getattr(row, f"pieces_{index}")) for index in range(len(lengths))),
            names=float(row.names),
        )
        for row in connection.execute(query)
    ]


def planned_folders(connection: Connection, run_id: int) -> FolderCounts:
    """Folders by what they will cost."""
    filled = exists().where(
        items.c.folder_id == folders.c.id,
        items.c.kind != EntryKind.FOLDER.value,
        items.c.state.in_(_PLANNED),
    )
    missing = folders.c.destination_exists.is_(False)

    def number(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((and_(*conditions), 1), else_=0)), 0)

    row = connection.execute(
        select(
            number(missing).label("missing"),
            number(missing, not_(filled), folders.c.path != "/").label("without_files"),
            number(folders.c.modified_ns.is_not(None), or_(missing, filled)).label("dated"),
            number(folders.c.state == "listed").label("listed"),
        ).where(folders.c.run_id == run_id, folders.c.state != "failed")
    ).one()
    return FolderCounts(
        missing=int(row.missing),
        without_files=int(row.without_files),
        dated=int(row.dated),
        listed=int(row.listed),
    )


def planned_grants(connection: Connection, run_id: int) -> int:
    """How many permissions are to be given or taken back."""
    query = select(func.count()).where(grants.c.run_id == run_id, grants.c.state == GrantState.PLANNED.value)
    return int(connection.execute(query).scalar_one())


def past_runs(connection: Connection, pair: Pair) -> list[PastRun]:
    """What the last copies of a pair achieved; where there are none, those between the same two accounts."""
    return _achieved(connection, runs.c.pair_id == pair.id) or _achieved(
        connection,
        and_(pairs.c.source == pair.key.source, pairs.c.destination == pair.key.destination),
    )


def _achieved(connection: Connection, which: ColumnElement[bool]) -> list[PastRun]:
    last = (
        select(runs.c.id, runs.c.active_ns)
        .join(pairs, pairs.c.id == runs.c.pair_id)
        .where(which, runs.c.mode == RunMode.COPY.value, runs.c.dry_run.is_(False), runs.c.active_ns > 0)
        .order_by(runs.c.id.desc())
        .limit(_MOST_PAST)
        .subquery()
    )
    query = (
        select(
            last.c.active_ns,
            func.count().label("number"),
            func.coalesce(func.sum(cast(items.c.sent_bytes, Double)), 0.0).label("size"),
        )
        .join(items, items.c.run_id == last.c.id)
        .where(items.c.kind != EntryKind.FOLDER.value, items.c.state.in_(_MOVED))
        .group_by(last.c.id, last.c.active_ns)
    )
    return [
        PastRun(files=row.number, size=float(row.size), seconds=row.active_ns / 1e9)
        for row in connection.execute(query)
    ]
