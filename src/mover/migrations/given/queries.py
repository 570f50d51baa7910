"""What keys that people give ask of the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, insert, select

from mover.database.upsert import insert_missing, upsert
from mover.ledger.queries.slicing import slices
from mover.migrations.given.boxes import RunnerKey
from mover.migrations.given.tables import given_boxes, given_keys, runner_keys
from mover.migrations.tables import migration_pairs, migrations, pair_runs

_k = runner_keys.c
_b = given_boxes.c
_g = given_keys.c
_r = pair_runs.c


def publish(connection: Connection, key: RunnerKey) -> None:
    """Make a runner's key known, or that it still counts."""
    values = {
        "id": key.id,
        "runner": key.runner,
        "queue": key.queue,
        "public": key.public,
        "until_ns": key.until_ns,
        "proof": key.proof,
    }
    connection.execute(upsert(connection, runner_keys, ["id"]), values)


def withdraw(connection: Connection, key_id: str) -> None:
    """Remove a runner's key, and all that was sealed for it."""
    connection.execute(delete(runner_keys).where(_k.id == key_id))


def withdraw_silent(connection: Connection, before_ns: int) -> None:
    """Remove the keys that count no more since then, and all that was sealed for them."""
    connection.execute(delete(runner_keys).where(_k.until_ns < before_ns))


def live_keys(connection: Connection, queue: str, now_ns: int) -> list[RunnerKey]:
    """The keys of a queue's runners, not looked at yet; none of them is removed before the transaction ends."""
    query = select(runner_keys).where(_k.queue == queue, _k.until_ns > now_ns).order_by(_k.id)
    found = connection.execute(query.with_for_update(read=True, key_share=True))
    return [_key(row) for row in found]


def put_boxes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep the keys of givings for runners; those that there are stay."""
    if rows:
        connection.execute(
            insert_missing(connection, given_boxes, ["giving_id", "runner_key_id"]), list(rows)
        )


def put_keys(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep what was given for runs, in the place of what there was."""
    if rows:
        remove_keys(connection, [int(row["run_id"]) for row in rows])
        connection.execute(insert(given_keys), list(rows))


def remove_keys(connection: Connection, run_ids: Iterable[int]) -> None:
    """Remove what was given for these runs, and the keys of givings that nothing is left of."""
    for some in slices(list(run_ids)):
        givings = list(connection.scalars(select(_g.giving_id).where(_g.run_id.in_(some)).distinct()))
        if givings:
            connection.execute(delete(given_keys).where(_g.run_id.in_(some)))
            for gone in slices(givings):
                connection.execute(delete(given_boxes).where(_b.giving_id.in_(gone), _is_left_over()))


def remove_left_over(connection: Connection, key_id: str) -> None:
    """Remove boxes of a runner whose runs have all ended."""
    connection.execute(delete(given_boxes).where(_b.runner_key_id == key_id, _is_left_over()))


def given_for(connection: Connection, run_id: int, key_id: str) -> Row[Any, Any, Any] | None:
    """What was given for a run: `giving_id`, `sealed`, and this runner's `box`, if it has one."""
    mine = and_(_b.giving_id == _g.giving_id, _b.runner_key_id == key_id)
    query = select(_g.giving_id, _g.sealed, _b.box).outerjoin(given_boxes, mine).where(_g.run_id == run_id)
    return connection.execute(query).one_or_none()


def holders(connection: Connection, giving_id: str, now_ns: int) -> list[RunnerKey]:
    """The keys, not looked at yet, that live and have a box of a giving."""
    query = (
        select(runner_keys)
        .join(given_boxes, _b.runner_key_id == _k.id)
        .where(_b.giving_id == giving_id, _k.until_ns > now_ns)
    )
    return [_key(row) for row in connection.execute(query)]


def unshared(
    connection: Connection, key_id: str, now_ns: int, limit: int
) -> list[tuple[str, str, bytes, RunnerKey]]:
    """What another runner of the same queue has no box of, and this one has: giving, organisation, box, the other's key."""
    theirs = given_boxes.alias("theirs")
    query = (
        select(_b.giving_id, _b.organisation_id, _b.box, *runner_keys.columns)
        .join(runner_keys, and_(_k.queue == _b.queue, _k.id != key_id, _k.until_ns > now_ns))
        .where(
            _b.runner_key_id == key_id,
            exists().where(_g.giving_id == _b.giving_id),
            ~exists().where(theirs.c.giving_id == _b.giving_id, theirs.c.runner_key_id == _k.id),
        )
        .limit(limit)
        .with_for_update(read=True, key_share=True, of=runner_keys)  # none of them leaves meanwhile
    )
    return [(row.giving_id, row.organisation_id, row.box, _key(row)) for row in connection.execute(query)]


def runs_with_options(connection: Connection, which: ColumnElement[bool]) -> list[Row[Any]]:
    """Runs with all that their options follow from, and whether something was given for them (`has_keys`)."""
    query = (
        select(
            _r.id,
            _r.organisation_id,
            _r.migration_id,
            _r.pair_id,
            _r.queue,
            _r.state,
            _r.code,
            _r.options,
            migration_pairs.c.options.label("pair_options"),
            migrations.c.options.label("migration_options"),
            exists().where(_g.run_id == _r.id).label("has_keys"),
        )
        .join(migration_pairs, migration_pairs.c.id == _r.pair_id)
        .join(migrations, migrations.c.id == _r.migration_id)
        .where(which)
        .order_by(_r.id)
    )
    return list(connection.execute(query))


def _is_left_over() -> ColumnElement[bool]:
    return ~exists().where(_g.giving_id == _b.giving_id)


def _key(row: Row[Any]) -> RunnerKey:
    return RunnerKey(
        id=row.id,
        runner=row.runner,
        queue=row.queue,
        public=row.public,
        until_ns=row.until_ns,
        proof=row.proof,
    )
