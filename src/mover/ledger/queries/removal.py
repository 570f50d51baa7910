"""Removing all that the ledger knows of some accounts and runs, in small steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, delete, exists, or_, select

from mover.database.removal import Step, remove_some, step
from mover.ledger.tables import (
    accesses,
    archive_marks,
    archive_members,
    arrivals,
    folders,
    granted,
    grants,
    items,
    listings,
    pairs,
    runs,
    tree_entries,
    trees,
    uploads,
)


def steps_for(accounts: Select[Any], own_runs: Select[Any]) -> Iterator[Step]:
    """What removes them, in order.

    Args:
        accounts: Names of accounts that are going: each pair that one of them is a side of goes with all its runs.
        own_runs: Ids of further runs that are going. Their pairs go with them unless others have run them too.
    """
    mine = runs.c.id.in_(own_runs.scalar_subquery())
    other = runs.alias("other")
    others = exists().where(other.c.pair_id == pairs.c.id, other.c.id.not_in(own_runs.scalar_subquery()))
    going = or_(
        pairs.c.source.in_(accounts.scalar_subquery()),
        pairs.c.destination.in_(accounts.scalar_subquery()),
        pairs.c.id.in_(select(runs.c.pair_id).where(mine).scalar_subquery()) & ~others,
    )
    going_pairs = select(pairs.c.id).where(going)
    going_runs = select(runs.c.id).where(or_(mine, runs.c.pair_id.in_(going_pairs.scalar_subquery())))
    of_runs = going_runs.scalar_subquery()
    of_folders = select(folders.c.id).where(folders.c.run_id.in_(of_runs)).scalar_subquery()
    yield step(grants, grants.c.run_id.in_(of_runs))
    yield step(accesses, accesses.c.run_id.in_(of_runs))
    yield step(archive_marks, archive_marks.c.run_id.in_(of_runs))
    yield step(archive_members, archive_members.c.run_id.in_(of_runs))
    yield step(items, items.c.run_id.in_(of_runs))
    yield step(listings, listings.c.folder_id.in_(of_folders))
    yield step(tree_entries, tree_entries.c.run_id.in_(of_runs))
    yield step(trees, trees.c.run_id.in_(of_runs))
    yield step(folders, folders.c.run_id.in_(of_runs))
    yield step(arrivals, _of(arrivals.c.pair_id, going_pairs.scalar_subquery()))
    yield step(granted, _of(granted.c.pair_id, going_pairs.scalar_subquery()))
    yield step(uploads, _of(uploads.c.pair_id, going_pairs.scalar_subquery()))
    yield lambda connection, limit: _with_runs(connection, going_pairs, limit)
    yield step(runs, mine)


def _of(column: ColumnElement[int], ids: ScalarSelect[Any]) -> ColumnElement[bool]:
    return column.in_(ids)


def _with_runs(connection: Connection, going: Select[Any], limit: int) -> int:
    """Remove pairs together with their runs, by which they are known to be going."""
    ids = list(connection.scalars(going.limit(min(limit, 500))))
    if not ids:
        return 0
    connection.execute(delete(runs).where(runs.c.pair_id.in_(ids)))
    return remove_some(connection, pairs, pairs.c.id.in_(ids), limit)
