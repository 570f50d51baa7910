"""Points of the charts: how far a run was at a time, thinned as it grows longer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from mover.migrations.records import Counts, Sample
from mover.migrations.tables import run_samples

_STEP_NS = 10 * 1_000_000_000
_MOST = 360

_c = run_samples.c


def sample(connection: Connection, run: Row[Any], counts: Counts, now_ns: int) -> dict[str, int]:
    """Keep a point if the last one is old enough; returns columns of the run that change.

    Points are numbered by tens of seconds since the run was queued. When there are more than 360, every second one
    goes, and from then on they are kept half as often.
    """
    step = run.sample_step
    number = max(0, now_ns - run.queued_ns) // _STEP_NS // step * step
    if number <= run.sampled:
        return {}
    connection.execute(
        insert(run_samples).values(
            pair_run_id=run.id,
            number=number,
            at_ns=now_ns,
            files=counts.files_copied,
            bytes=counts.bytes_copied,
        )
    )
    if number // step < _MOST:
        return {"sampled": number}
    while number // step >= _MOST:
        step *= 2
    connection.execute(
        delete(run_samples).where(_c.pair_run_id == run.id, _c.number % step != 0, _c.number != number)
    )
    return {"sampled": number, "sample_step": step}


def samples(connection: Connection, run_id: int) -> list[Sample]:
    """The points of a run, in time."""
    query = select(run_samples).where(_c.pair_run_id == run_id).order_by(_c.number)
    return [Sample(row.at_ns, row.files, row.bytes) for row in connection.execute(query)]
