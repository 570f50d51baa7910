"""What went wrong in a run: by reason, and where."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, select

from mover.entries import join_path
from mover.ledger.states import PROBLEMS, ItemState
from mover.ledger.tables import folders, items, runs

_PROBLEMS = sorted(state.value for state in PROBLEMS)


def problems_by_reason(connection: Connection, run_id: int) -> list[Row[Any]]:
    """Rows of `state`, `reason`, `number` and `first` (the id of the first such item), the most frequent first."""
    query = (
        select(
            items.c.state,
            items.c.reason,
            func.count().label("number"),
            func.min(items.c.id).label("first"),
        )
        .where(items.c.run_id == run_id, items.c.state.in_(_PROBLEMS))
        .group_by(items.c.state, items.c.reason)
        .order_by(func.count().desc(), items.c.state, items.c.reason)
    )
    return list(connection.execute(query))


def failed_paths(connection: Connection, run_id: int, limit: int) -> list[str] | None:
    """Paths of items that failed, folders that could not be listed included, at most `limit`.

    None if the run did not see everything: then nobody knows what else is missing.
    """
    if not connection.execute(select(runs.c.finished).where(runs.c.id == run_id)).scalar_one_or_none():
        return None
    query = (
        select(items.c.name, folders.c.path)
        .join(folders, folders.c.id == items.c.folder_id)
        .where(
            items.c.run_id == run_id, items.c.state.in_([ItemState.FAILED.value, ItemState.CONFLICT.value])
        )
        .order_by(items.c.id)
        .limit(limit)
    )
    return [join_path(row.path, row.name) for row in connection.execute(query)]
