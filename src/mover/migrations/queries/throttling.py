"""How many pairs of a migration run at once: additive increase, multiplicative decrease, as services push back."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from mover.migrations.states import ACTIVE
from mover.migrations.tables import IS_OPEN, migrations, pair_runs

_S = 1_000_000_000
_BETWEEN_CUTS_NS = 60 * _S  # what is under way when the limit falls is throttled a while longer
_CALM_NS = 300 * _S  # without throttling, before the limit rises again
_BETWEEN_RISES_NS = 60 * _S


def lower(connection: Connection, migration_id: str, now_ns: int) -> bool:
    """Halve the limit, counted from what runs now; at most once a minute. Returns whether it was."""
    under_way = connection.execute(
        select(func.count()).where(
            pair_runs.c.migration_id == migration_id,
            IS_OPEN,
            pair_runs.c.state.in_([state.value for state in ACTIVE]),
        )
    ).scalar_one()
    present = connection.execute(
        select(migrations.c.pairs_now, migrations.c.pairs_at_once).where(migrations.c.id == migration_id)
    ).one()
    limit = max(1, min(present.pairs_now, present.pairs_at_once, under_way) // 2)
    changed = connection.execute(
        update(migrations)
        .where(migrations.c.id == migration_id, migrations.c.lowered_ns <= now_ns - _BETWEEN_CUTS_NS)
        .values(pairs_now=limit, lowered_ns=now_ns)
    )
    return changed.rowcount == 1


def raise_again(connection: Connection, migration_id: str, now_ns: int) -> None:
    """Allow one pair more, at most once a minute, when nothing was throttled for five."""
    connection.execute(
        update(migrations)
        .where(
            migrations.c.id == migration_id,
            migrations.c.pairs_now < migrations.c.pairs_at_once,
            migrations.c.lowered_ns <= now_ns - _CALM_NS,
            migrations.c.raised_ns <= now_ns - _BETWEEN_RISES_NS,
        )
        .values(pairs_now=migrations.c.pairs_now + 1, raised_ns=now_ns)
    )
