"""Pairs: pages, counts, and changes of many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, literal, select, update

from mover.ledger.queries.slicing import slices
from mover.ledger.states import RunMode
from mover.migrations.filter_box import Term
from mover.migrations.queries import rows
from mover.migrations.queries.filtering import condition, ordered
from mover.migrations.states import Status
from mover.migrations.tables import migration_pairs, pair_runs

_c = migration_pairs.c
_ADDED_AT_ONCE = 1_000
ENDS = ("source_connection_id", "source_path", "destination_connection_id", "destination_path")
"""From where to where: what a run must not lose from under it, for each of its slices reads them anew."""
_KEPT_IN_COPY = (
    "organisation_id",
    "source_connection_id",
    "source_path",
    "destination_connection_id",
    "destination_path",
    "tags",
    "notes",
    "options",
    "queue",
    "priority",
    "source_folded",
    "destination_folded",
    "tags_folded",
    "notes_folded",
    "paths_key",
)


def of_migration(organisation_id: str, migration_id: str) -> tuple[ColumnElement[bool], ...]:
    """The condition that a pair is one of a migration's."""
    return (
        _c.organisation_id == organisation_id,
        _c.migration_id == migration_id,
        _c.removed_ns.is_(None),
    )


def page(
    connection: Connection,
    belongs: Sequence[ColumnElement[bool]],
    terms: Sequence[Term],
    *,
    sort: str,
    descending: bool,
    question: tuple[object, ...],
    cursor: str | None,
    limit: int,
) -> list[Row[Any]]:
    """The next pairs, with `sorted_by`."""
    query = select(migration_pairs).where(*belongs, condition(connection, terms))
    query = ordered(query, sort, descending=descending, question=question, cursor=cursor)
    return list(connection.execute(query.limit(limit)))


def are_open(connection: Connection, ids: Sequence[int]) -> bool:
    """Tell whether any of these pairs has a run that has not ended."""
    for some in slices(ids):
        query = select(_c.id).where(_c.id.in_(some), _c.open_run.is_not(None)).limit(1)
        if connection.execute(query).first():
            return True
    return False


def by_status(
    connection: Connection, belongs: Sequence[ColumnElement[bool]], terms: Sequence[Term]
) -> dict[str, int]:
    """How many pairs are in each status."""
    query = (
        select(_c.status, func.count().label("number"))
        .where(*belongs, condition(connection, terms))
        .group_by(_c.status)
    )
    return {row.status: row.number for row in connection.execute(query)}


def only_scanned(connection: Connection, belongs: Sequence[ColumnElement[bool]]) -> int:
    """How many pairs ended well, but their last run only looked."""
    query = (
        select(func.count())
        .select_from(migration_pairs)
        .join(pair_runs, pair_runs.c.id == _c.last_run_id)
        .where(*belongs, _c.status == Status.SUCCESS.value, pair_runs.c.mode == RunMode.SCAN.value)
    )
    return connection.scalars(query).one()


def add(connection: Connection, values: Sequence[Mapping[str, Any]]) -> list[int]:
    """Add pairs; returns their ids in the order given."""
    ids: list[int] = []
    for start in range(0, len(values), _ADDED_AT_ONCE):
        statement = insert(migration_pairs).returning(_c.id, sort_by_parameter_order=True)
        ids += connection.scalars(statement, list(values[start : start + _ADDED_AT_ONCE]))
    return ids


def with_ids(connection: Connection, ids: Sequence[int]) -> list[Row[Any]]:
    """Pairs by their ids, in order of id."""
    found: list[Row[Any]] = []
    for some in slices(sorted(ids)):
        found += connection.execute(select(migration_pairs).where(_c.id.in_(some)).order_by(_c.id))
    return found


def copy(connection: Connection, where: ColumnElement[bool], *, into: str | None, now_ns: int) -> int:
    """Add copies that have never run, to the same migration or `into` another; returns how many."""
    fresh = {**rows.never_run(), "created_ns": now_ns, "changed_ns": now_ns}
    names = [*_KEPT_IN_COPY, "migration_id", *fresh]
    source = select(
        *(_c[name] for name in _KEPT_IN_COPY),
        _c.migration_id if into is None else literal(into),
        *(literal(value, type_=_c[name].type) for name, value in fresh.items()),
    ).where(where)
    # What a driver calls the number of rows of such an insert is not the same everywhere.
    added = insert(migration_pairs).from_select(names, source.order_by(_c.id)).returning(_c.id)
    return len(connection.scalars(added).all())


def change_all(
    connection: Connection, where: ColumnElement[bool], values: Mapping[str, Any], *, now_ns: int
) -> int:
    """Set the same in many pairs; returns how many."""
    return connection.execute(
        update(migration_pairs).where(where).values(**values, version=_c.version + 1, changed_ns=now_ns)
    ).rowcount


_RETAG = (
    update(migration_pairs)
    .where(_c.id == bindparam("pair"))
    .values(
        tags=bindparam("new_tags"),
        tags_folded=bindparam("new_folded"),
        changed_ns=bindparam("now_ns"),
        version=_c.version + 1,
    )
)


def retag(connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    """Set the tags of each pair: rows of `pair`, `new_tags`, `new_folded` and `now_ns`."""
    if values:
        connection.execute(_RETAG, list(values))
