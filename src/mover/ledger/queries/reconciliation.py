"""Items of a run beside what is known of them at the destination."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from mover.ledger.queries.pages import ids_of_items
from mover.ledger.tables import arrivals, folders, items, runs


def reconciled(connection: Connection, run_id: int, *, after_id: int, limit: int) -> list[Row[Any]]:
    """Rows of items with ids above `after_id`, ascending, with `folder_path`, `destination_folder` and the arrival's columns.

    The arrival's are NULL where nothing arrived, and where a later run has brought other content since.
    """
    ids = ids_of_items(connection, run_id, after_id=after_id, limit=limit)
    same = or_(items.c.content_hash.is_(None), items.c.content_hash == arrivals.c.content_hash)
    query = (
        select(
            items,
            folders.c.path.label("folder_path"),
            folders.c.destination_path.label("destination_folder"),
            arrivals.c.destination_size,
            arrivals.c.destination_version,
            arrivals.c.destination_hashes,
            arrivals.c.content_hash.label("arrived_hash"),
            arrivals.c.verification.label("arrived_by"),
        )
        .join(folders, folders.c.id == items.c.folder_id)
        .join(runs, runs.c.id == items.c.run_id)
        .outerjoin(
            arrivals,
            and_(arrivals.c.pair_id == runs.c.pair_id, arrivals.c.source_key == items.c.source_key, same),
        )
        .where(items.c.id.in_(ids))
        .order_by(items.c.id)
    )
    return list(connection.execute(query)) if ids else []
