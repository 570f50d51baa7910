"""What stands in folders of the destination that are too large for memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select

from mover.database.upsert import insert_missing
from mover.entries import Entry
from mover.ledger import rows
from mover.ledger.queries.slicing import slices
from mover.ledger.tables import listings


def keep_listing(connection: Connection, folder_id: int, entries: Mapping[str, Entry]) -> None:
    """Keep entries of a folder of the destination, by name key; the first of a key stays."""
    statement = insert_missing(connection, listings, ["folder_id", "key"])
    connection.execute(statement, [rows.listing_row(folder_id, key, entry) for key, entry in entries.items()])


def listed(connection: Connection, folder_id: int, keys: Sequence[str]) -> dict[str, Entry]:
    """Those entries of a kept listing that have these keys."""
    found: dict[str, Entry] = {}
    for some in slices(keys):
        query = select(listings).where(listings.c.folder_id == folder_id, listings.c.key.in_(some))
        found.update((row.key, rows.entry_from(row.entry)) for row in connection.execute(query))
    return found


def drop_listing(connection: Connection, folder_id: int) -> None:
    """Forget a kept listing."""
    connection.execute(delete(listings).where(listings.c.folder_id == folder_id))
