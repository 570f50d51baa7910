"""What moves will cost, of many pairs at once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from mover.ledger.estimates import Estimate
from mover.ledger.queries.slicing import slices
from mover.ledger.tables import runs as ledger_runs
from mover.migrations.tables import pair_runs


def estimates(connection: Connection, run_ids: Sequence[int]) -> dict[int, Estimate]:
    """By run of a pair; those that did more than look are left out."""
    found: dict[int, Estimate] = {}
    for some in slices(run_ids):
        query = (
            select(pair_runs.c.id, ledger_runs.c.estimate)
            .join(ledger_runs, ledger_runs.c.id == pair_runs.c.ledger_run_id)
            .where(pair_runs.c.id.in_(some), ledger_runs.c.estimate.is_not(None))
        )
        for row in connection.execute(query):
            found[row.id] = msgspec.json.decode(row.estimate, type=Estimate)
    return found
