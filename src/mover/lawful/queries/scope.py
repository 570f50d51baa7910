"""What an order is about, in SQL: nothing of another organisation, person, connection or pair, and nothing outside its period.

A run belongs to a period if it was under way in it, an item if Mover worked on it in it; an item that nobody has begun with
yet belongs to its run's time. A part that is held belongs to a period if it was held in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from mover.connections.tables import connections
from mover.entries import join_path
from mover.lawful.records import Whose
from mover.ledger.queries.slicing import slices
from mover.ledger.tables import folders, items, runs
from mover.migrations.queries.connections import holder
from mover.migrations.states import ACTIVE
from mover.migrations.tables import migration_pairs, migrations, pair_runs
from mover.staff.records import Scope

_ACTIVE = [state.value for state in ACTIVE]
_LARGEST_NUMBER = 2**63 - 1
_r = pair_runs.c
_p = migration_pairs.c


def runs_in(scope: Scope, now_ns: int) -> Select[Any]:
    """Runs of pairs in scope, with the columns of both tables' ids; join nothing more to count them."""
    conditions: list[ColumnElement[bool]] = [
        _r.organisation_id == scope.organisation_id,
        _p.organisation_id == scope.organisation_id,
        _overlaps(func.coalesce(_r.started_ns, _r.queued_ns), _r.ended_ns, scope, now_ns),
    ]
    if scope.pair_id is not None:
        conditions.append(_p.id == _number(scope.pair_id))
    if scope.connection_id is not None:
        conditions.append(
            or_(
                _p.source_connection_id == scope.connection_id,
                _p.destination_connection_id == scope.connection_id,
            )
        )
    if scope.person_id is not None:
        conditions.append(_is_of_person(scope.organisation_id, scope.person_id))
    return (
        select(_r.id, _r.pair_id, _r.ledger_run_id, _r.runner, _r.state)
        .join(migration_pairs, _p.id == _r.pair_id)
        .join(migrations, migrations.c.id == _p.migration_id)
        .where(*conditions)
    )


def runners_in(connection: Connection, scope: Scope, now_ns: int) -> list[str]:
    """Runners that have runs in scope under way."""
    found = runs_in(scope, now_ns).where(_r.state.in_(_ACTIVE), _r.runner != "").subquery()
    return list(connection.scalars(select(found.c.runner).distinct().order_by(found.c.runner)))


def whose(
    connection: Connection, scope: Scope, runner: str, item_ids: Iterable[int], now_ns: int
) -> Mapping[int, Whose]:
    """Of items of which a runner holds something, those in scope, by id."""
    mine = runs_in(scope, now_ns).where(_r.state.in_(_ACTIVE), _r.runner == runner).subquery()
    found: dict[int, Whose] = {}
    for some in slices(sorted(item_ids)):
        query = (
            select(items.c.id, items.c.name, folders.c.path, mine.c.pair_id)
            .join(mine, mine.c.ledger_run_id == items.c.run_id)
            .join(folders, folders.c.id == items.c.folder_id)
            .where(items.c.id.in_(some))
        )
        for row in connection.execute(query):
            found[row.id] = Whose(pair_id=row.pair_id, item_id=row.id, path=join_path(row.path, row.name))
    return found


def part_in_period(scope: Scope, since_ns: int, now_ns: int) -> bool:
    """Whether a part that is held now, and was since then, was held in the period."""
    begins = scope.until_ns is None or since_ns < scope.until_ns
    return begins and (scope.from_ns is None or now_ns >= scope.from_ns)


def pair_rows(connection: Connection, scope: Scope, after: int, limit: int, now_ns: int) -> list[Row[Any]]:
    """Runs in scope with what is known of their pairs, by ascending id above `after`."""
    found = runs_in(scope, now_ns).where(_r.id > after).order_by(_r.id).limit(limit).subquery()
    source, destination = connections.alias(), connections.alias()
    query = (
        select(
            _r.id,
            _r.pair_id,
            _r.migration_id,
            migrations.c.name.label("migration"),
            _r.ledger_run_id,
            _r.mode,
            _r.state,
            _r.code,
            _r.runner,
            _r.queued_ns,
            _r.started_ns,
            _r.ended_ns,
            _p.source_path,
            _p.destination_path,
            _p.source_connection_id,
            source.c.name.label("source"),
            source.c.service.label("source_service"),
            _p.destination_connection_id,
            destination.c.name.label("destination"),
            destination.c.service.label("destination_service"),
        )
        .join(found, found.c.id == _r.id)
        .join(migration_pairs, _p.id == _r.pair_id)
        .join(migrations, migrations.c.id == _p.migration_id)
        .outerjoin(source, _mine(source, _p.source_connection_id, scope))
        .outerjoin(destination, _mine(destination, _p.destination_connection_id, scope))
        .order_by(_r.id)
    )
    return list(connection.execute(query))


def item_rows(connection: Connection, scope: Scope, after: int, limit: int, now_ns: int) -> list[Row[Any]]:
    """Items in scope by ascending id above `after`."""
    of_runs = runs_in(scope, now_ns).where(_r.ledger_run_id.is_not(None)).subquery()
    begun = func.coalesce(items.c.started_ns, runs.c.started_ns)
    query = (
        select(
            items.c.id,
            items.c.run_id,
            items.c.kind,
            items.c.name,
            items.c.size,
            items.c.modified_ns,
            items.c.destination_name,
            items.c.state,
            items.c.reason,
            items.c.started_ns,
            items.c.ended_ns,
            folders.c.path.label("folder_path"),
            folders.c.destination_path.label("destination_folder"),
        )
        .join(folders, folders.c.id == items.c.folder_id)
        .join(runs, runs.c.id == items.c.run_id)
        .where(
            items.c.id > after,
            items.c.run_id.in_(select(of_runs.c.ledger_run_id)),
            _overlaps(begun, func.coalesce(items.c.ended_ns, runs.c.ended_ns), scope, now_ns),
        )
        .order_by(items.c.id)
        .limit(limit)
    )
    return list(connection.execute(query))


def unattributed(connection: Connection, scope: Scope) -> tuple[int, int]:
    """Connections and migrations of the organisation of which nobody knows who added them: an order about a person leaves them out."""
    nobodys = select(func.count()).where(
        connections.c.person == holder(scope.organisation_id), connections.c.added_by.is_(None)
    )
    nor_those = select(func.count()).where(
        migrations.c.organisation_id == scope.organisation_id, migrations.c.created_by.is_(None)
    )
    return connection.scalar(nobodys) or 0, connection.scalar(nor_those) or 0


def _is_of_person(organisation_id: str, person_id: str) -> ColumnElement[bool]:
    """A pair of a migration that they created, or of a connection that they added."""
    theirs = exists().where(
        connections.c.person == holder(organisation_id),
        connections.c.added_by == person_id,
        or_(connections.c.id == _p.source_connection_id, connections.c.id == _p.destination_connection_id),
    )
    return or_(migrations.c.created_by == person_id, theirs)


def _overlaps(
    begun: ColumnElement[int], ended: ColumnElement[int | None], scope: Scope, now_ns: int
) -> ColumnElement[bool]:
    """From `begun` to `ended`, or to now, lies in the period at least in part."""
    conditions: list[ColumnElement[bool]] = [begun.is_not(None)]
    if scope.until_ns is not None:
        conditions.append(begun < scope.until_ns)
    if scope.from_ns is not None:
        conditions.append(
            ended >= scope.from_ns if now_ns < scope.from_ns else _open_or_after(ended, scope.from_ns)
        )
    return and_(*conditions)


def _open_or_after(ended: ColumnElement[int | None], from_ns: int) -> ColumnElement[bool]:
    return or_(ended.is_(None), ended >= from_ns)


def _mine(table: Any, id_: ColumnElement[str], scope: Scope) -> ColumnElement[bool]:
    return and_(table.c.id == id_, table.c.person == holder(scope.organisation_id))


def _number(text: str) -> int:
    """A pair's id; one that can be none matches nothing."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_NUMBER))
    return int(text) if is_number and int(text) <= _LARGEST_NUMBER else -1
