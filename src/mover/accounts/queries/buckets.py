"""The buckets of rates: a column `arrival_ns` in a table of keys, GCRA's theoretical arrival time (see `accounts/rates.py`)."""

from __future__ import annotations

from sqlalchemy import Connection, Table, select, update


def arrival(transaction: Connection, keys: Table, key_id: str) -> int | None:
    """Read a key's theoretical arrival time, and keep others from changing it until the transaction ends."""
    query = select(keys.c.arrival_ns).where(keys.c.id == key_id).with_for_update()
    return transaction.execute(query).scalar_one_or_none()


def change_arrival(transaction: Connection, keys: Table, key_id: str, arrival_ns: int) -> None:
    """Keep another theoretical arrival time."""
    transaction.execute(update(keys).where(keys.c.id == key_id).values(arrival_ns=arrival_ns))
