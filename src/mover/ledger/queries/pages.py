"""Items of a run in pages, some of them by what became of them.

The ledger has one index for items of a run, by state and size; a run's items in order of their ids are put together
from its ranges, each cut to a page, so that a page costs the same at the end of a million items as at the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, union_all

from mover.ledger import rows
from mover.ledger.queries.items import placed_items
from mover.ledger.records import ReportItem
from mover.ledger.states import ItemState
from mover.ledger.tables import folders, items


def page_of_items(
    connection: Connection,
    run_id: int,
    *,
    states: Sequence[ItemState] | None = None,
    reason: str | None = None,
    text: str = "",
    after_id: int = 0,
    limit: int,
) -> list[ReportItem]:
    """Items with ids above `after_id`, ascending. `text` is found in the path, in small and capital letters of ASCII alike."""
    wanted = ids_of_items(
        connection, run_id, states=states, reason=reason, text=text, after_id=after_id, limit=limit
    )
    query = placed_items().where(items.c.id.in_(wanted)).order_by(items.c.id)
    return [rows.report_item_from(row) for row in connection.execute(query)] if wanted else []


def ids_of_items(
    connection: Connection,
    run_id: int,
    *,
    states: Sequence[ItemState] | None = None,
    reason: str | None = None,
    text: str = "",
    after_id: int,
    limit: int,
) -> Sequence[int]:
    """The ids of such a page."""
    ids = _ids(run_id, states, _conditions(reason, text), after_id, limit)
    return connection.scalars(select(ids.c.id).order_by(ids.c.id).limit(limit)).all()


def count_items(
    connection: Connection,
    run_id: int,
    *,
    states: Sequence[ItemState] | None = None,
    reason: str | None = None,
    text: str = "",
    most: int,
) -> int:
    """How many items match, counted up to a number."""
    query = (
        select(items.c.id)
        .join(folders, folders.c.id == items.c.folder_id)
        .where(items.c.run_id == run_id, *_conditions(reason, text))
    )
    if states is not None:
        query = query.where(items.c.state.in_([state.value for state in states]))
    counted = query.limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(counted)).scalar_one())


def _conditions(reason: str | None, text: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if reason is not None:
        found.append(items.c.reason == reason)
    if text:
        escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        path = func.rtrim(folders.c.path, "/") + "/" + items.c.name
        found.append(func.lower(path).like(f"%{escaped}%", escape="\\"))
    return found


def _ids(
    run_id: int,
    states: Sequence[ItemState] | None,
    conditions: list[ColumnElement[bool]],
    after_id: int,
    limit: int,
) -> Any:
    def part(state: ItemState, *, large: bool) -> Select[Any]:
        query = select(items.c.id).where(
            items.c.run_id == run_id,
            items.c.state == state.value,
            items.c.large == large,
            items.c.id > after_id,
        )
        if conditions:
            query = query.join(folders, folders.c.id == items.c.folder_id).where(*conditions)
        return query.order_by(items.c.id).limit(limit)

    parts = [
        select(part(state, large=large).subquery().c.id)
        for state in dict.fromkeys(ItemState if states is None else states)
        for large in (False, True)
    ]
    return union_all(*parts).subquery()
