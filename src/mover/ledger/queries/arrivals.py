"""What arrived at the destination, as evidence for the next run."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from mover.database.many import execute_many
from mover.database.upsert import upsert
from mover.ledger import rows
from mover.ledger.queries.slicing import slices
from mover.ledger.records import Arrival
from mover.ledger.tables import arrivals, items

_COLUMNS = tuple(arrivals.c[name] for name in rows.ARRIVAL_FIELDS)


def arrivals_of(connection: Connection, pair_id: int, source_keys: Sequence[str]) -> dict[str, Arrival]:
    """Earlier arrivals of these entries, by source key."""
    found: dict[str, Arrival] = {}
    for some in slices(source_keys):
        query = select(*_COLUMNS).where(arrivals.c.pair_id == pair_id, arrivals.c.source_key.in_(some))
        found.update((row.source_key, rows.arrival_from(row)) for row in connection.execute(query).all())
    return found


def has_arrivals(connection: Connection, pair_id: int) -> bool:
    """Whether an earlier run of the pair moved anything."""
    return (
        connection.execute(select(arrivals.c.id).where(arrivals.c.pair_id == pair_id).limit(1)).first()
        is not None
    )


def arrivals_at(connection: Connection, pair_id: int, destination_path_keys: Sequence[str]) -> dict[str, str]:
    """Source keys of the arrivals that hold these destination paths, by path key."""
    found: dict[str, str] = {}
    for some in slices(destination_path_keys):
        query = select(arrivals.c.destination_path_key, arrivals.c.source_key).where(
            arrivals.c.pair_id == pair_id, arrivals.c.destination_path_key.in_(some)
        )
        found.update((row.destination_path_key, row.source_key) for row in connection.execute(query))
    return found


def arrived_as(connection: Connection, pair_id: int, destination_ids: Sequence[str]) -> list[Arrival]:
    """Arrivals that the destination knows by these ids."""
    found: list[Arrival] = []
    for some in slices(destination_ids):
        query = select(*_COLUMNS).where(arrivals.c.pair_id == pair_id, arrivals.c.destination_id.in_(some))
        found += [rows.arrival_from(row) for row in connection.execute(query)]
    return found


def renamed_candidates(
    connection: Connection, run_id: int, pair_id: int, fingerprints: Sequence[str]
) -> dict[str, Arrival]:
    """Arrivals with these contents whose source entry this run has not seen: what may have been renamed."""
    seen = (
        select(items.c.id)
        .where(items.c.run_id == run_id, items.c.source_key == arrivals.c.source_key)
        .exists()
    )
    found: dict[str, Arrival] = {}
    for some in slices(fingerprints):
        query = select(arrivals.c.fingerprint, *_COLUMNS).where(
            arrivals.c.pair_id == pair_id, arrivals.c.fingerprint.in_(some), ~seen
        )
        for fingerprint, *row in connection.execute(query.order_by(arrivals.c.id)):
            found.setdefault(fingerprint, rows.arrival_from(row))
    return found


def known_fingerprints(connection: Connection, pair_id: int, fingerprints: Sequence[str]) -> set[str]:
    """Those of these contents that some arrival of the pair has."""
    found: set[str] = set()
    for some in slices(fingerprints):
        query = select(arrivals.c.fingerprint).where(
            arrivals.c.pair_id == pair_id, arrivals.c.fingerprint.in_(some)
        )
        found.update(connection.execute(query).scalars())
    return found


def keep_arrivals(connection: Connection, pair_id: int, arrived: Sequence[Arrival]) -> None:
    """Add or overwrite arrivals."""
    statement = upsert(connection, arrivals, ["pair_id", "source_key"])
    execute_many(connection, statement, [rows.arrival_row(pair_id, arrival) for arrival in arrived])


def forget_arrivals(connection: Connection, pair_id: int, source_keys: Sequence[str]) -> None:
    """Drop arrivals whose entry goes by another key now."""
    for some in slices(source_keys):
        connection.execute(
            delete(arrivals).where(arrivals.c.pair_id == pair_id, arrivals.c.source_key.in_(some))
        )


def unsettled_arrivals(
    connection: Connection, pair_id: int, destination_path_keys: Sequence[str]
) -> list[Arrival]:
    """Arrivals at these paths whose destination told no version when it took them."""
    found: list[Arrival] = []
    for some in slices(destination_path_keys):
        query = select(*_COLUMNS).where(
            arrivals.c.pair_id == pair_id,
            arrivals.c.destination_path_key.in_(some),
            arrivals.c.destination_version.is_(None),
        )
        found += [rows.arrival_from(row) for row in connection.execute(query)]
    return found
