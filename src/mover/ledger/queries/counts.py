"""What a run came to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, tuple_

from mover.entries import EntryKind, join_path, parent_path
from mover.ledger import rows
from mover.ledger.queries.slicing import slices
from mover.ledger.records import Tally
from mover.ledger.states import ItemState, Verification
from mover.ledger.tables import folders, items


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


def seen_paths(connection: Connection, run_id: int, paths: Sequence[str]) -> set[str]:
    """Those of these paths at which the run has seen an entry."""
    found: set[str] = set()
    places = [(parent_path(path), path.rpartition("/")[2]) for path in paths]
    for some in slices(places):
        query = (
            select(folders.c.path, items.c.name)
            .join(folders, folders.c.id == items.c.folder_id)
            .where(items.c.run_id == run_id, tuple_(folders.c.path, items.c.name).in_(some))
        )
        found.update(join_path(row.path, row.name) for row in connection.execute(query))
    return found


def problems_by_side(
    connection: Connection, run_id: int, states: Sequence[ItemState]
) -> dict[tuple[str | None, str | None], int]:
    """Count problems of some states by the side and reason they happened with."""
    query = (
        select(items.c.side, items.c.reason, func.count().label("number"))
        .where(items.c.run_id == run_id, items.c.state.in_([state.value for state in states]))
        .group_by(items.c.side, items.c.reason)
    )
    return {(row.side, row.reason): row.number for row in connection.execute(query)}
