"""Pairs and their runs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from mover.database.failures import LockLost
from mover.database.upsert import insert_missing
from mover.ledger import rows
from mover.ledger.records import Pair, PairKey, Run
from mover.ledger.states import Action, Code, ItemState, RunMode, Verification
from mover.ledger.tables import folders, items, pairs, runs


def pair(connection: Connection, key: PairKey) -> Pair:
    """Find a pair, or add it."""
    where = (
        pairs.c.source == key.source,
        pairs.c.source_path == key.source_path,
        pairs.c.destination == key.destination,
        pairs.c.destination_path == key.destination_path,
    )
    values = {**msgspec.structs.asdict(key), "token": secrets.token_hex(8)}
    connection.execute(insert_missing(connection, pairs, list(msgspec.structs.asdict(key))), [values])
    row = connection.execute(select(pairs).where(*where)).one()
    return Pair(row.id, row.token, key)


def next_turn(connection: Connection, pair_id: int) -> int:
    """Begin a process's turn with a pair, which ends that of whoever had it before; returns its number."""
    begun = update(pairs).where(pairs.c.id == pair_id).values(turn=pairs.c.turn + 1).returning(pairs.c.turn)
    return int(connection.execute(begun).scalar_one())


def expect_turn(connection: Connection, pair_id: int, turn: int) -> None:
    """See that the turn is not over. Raises LockLost."""
    now = connection.execute(select(pairs.c.turn).where(pairs.c.id == pair_id)).scalar_one_or_none()
    if now != turn:
        raise LockLost("another process has gone on with this pair")


def add_run(connection: Connection, values: Mapping[str, Any]) -> Run:
    """Start a run."""
    row = connection.execute(insert(runs).values(**values).returning(runs)).one()
    return rows.run_from(row)


def run(connection: Connection, run_id: int) -> Run | None:
    """Find a run."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    return rows.run_from(row) if row else None


def latest_run(connection: Connection, pair_id: int, mode: RunMode, *, dry_run: bool) -> Run | None:
    """The newest run of a pair in that mode."""
    found = connection.execute(
        select(runs)
        .where(runs.c.pair_id == pair_id, runs.c.mode == mode.value, runs.c.dry_run == dry_run)
        .order_by(runs.c.id.desc())
        .limit(1)
    ).one_or_none()
    return rows.run_from(found) if found else None


def all_runs(connection: Connection, limit: int) -> list[Run]:
    """The newest runs first."""
    return [
        rows.run_from(row) for row in connection.execute(select(runs).order_by(runs.c.id.desc()).limit(limit))
    ]


def reopen_run(connection: Connection, run_id: int) -> None:
    """Go on with a run that did not finish: what was being sent is planned again, marked as interrupted.

    Folders that could not be listed get another chance, and so do items that failed.
    """
    connection.execute(
        update(items)
        .where(items.c.run_id == run_id, items.c.state == ItemState.SENDING.value)
        .values(state=ItemState.PLANNED.value, interrupted=True)
    )
    connection.execute(
        update(items)
        .where(
            items.c.run_id == run_id,
            items.c.state == ItemState.FAILED.value,
            items.c.action != Action.NONE.value,
        )
        .values(
            state=ItemState.PLANNED.value, interrupted=True, reason=None, side=None, message="", ended_ns=None
        )
    )
    failed = folders.c.run_id == run_id, folders.c.state == "failed"
    connection.execute(
        update(items)
        .where(
            items.c.id.in_(select(folders.c.item_id).where(*failed)),
            items.c.action == Action.NONE.value,
        )
        .values(
            state=ItemState.UNCHANGED.value,
            verification=Verification.EXISTS.value,
            reason=None,
            side=None,
            message="",
        )
    )
    connection.execute(update(folders).where(*failed).values(state="pending"))
    connection.execute(
        update(runs).where(runs.c.id == run_id).values(code=Code.RUNNING.value, ended_ns=None, message="")
    )


def update_run(connection: Connection, run_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a run."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values))
