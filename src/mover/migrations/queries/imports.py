"""CSV files that were read: their rows, what is wrong with them, and applying them in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from mover.database.many import execute_many
from mover.migrations.queries import rows
from mover.migrations.tables import migration_pairs, pair_import_rows

_r = pair_import_rows.c
_p = migration_pairs.c
_INSERT = insert(pair_import_rows)
_REKEY = update(migration_pairs).where(_p.id == bindparam("pair")).values(paths_key=bindparam("key"))


def keep(connection: Connection, values: Sequence[dict[str, Any]]) -> None:
    """Keep rows of a file."""
    execute_many(connection, _INSERT, values)


def mark_duplicates(connection: Connection, import_id: str, migration: Row[Any]) -> None:
    """Note which new pairs are there already, in the file or in the migration."""
    mine = (_r.import_id == import_id, _r.problem == "", _r.duplicate_of == "")
    first = pair_import_rows.alias("first")
    # Not "of the earlier lines": for that SQLite goes through all of them for each line, and not through the index.
    first_in_file = (
        select(func.min(first.c.line + 0))
        .where(
            first.c.import_id == import_id,
            first.c.problem == "",
            first.c.paths_key == _r.paths_key,
        )
        .scalar_subquery()
    )
    connection.execute(
        update(pair_import_rows)
        .where(*mine, first_in_file < _r.line)
        .values(duplicate_of=_named("line ", first_in_file))
    )
    same_pair = (
        select(func.min(_p.id))
        .where(
            _p.migration_id == migration.id,
            _p.removed_ns.is_(None),
            _p.source_connection_id == migration.source_connection_id,
            _p.destination_connection_id == migration.destination_connection_id,
            _p.paths_key == _r.paths_key,
        )
        .scalar_subquery()
    )
    connection.execute(
        update(pair_import_rows)
        .where(*mine, same_pair.is_not(None))
        .values(duplicate_of=_named("pair ", same_pair))
    )


def mark_unknown(connection: Connection, import_id: str, organisation_id: str, migration_id: str) -> None:
    """Note which updates name a pair that is not the migration's, or one that an earlier line names, or move one that runs."""
    mine = (_r.import_id == import_id, _r.problem == "")
    # Who starts one of these pairs at this moment waits until the file is applied.
    named = select(_r.pair_id).where(_r.import_id == import_id)
    locked = select(_p.id).where(_p.migration_id == migration_id, _p.id.in_(named)).order_by(_p.id)
    connection.execute(locked.with_for_update()).all()
    known = exists().where(
        _p.id == _r.pair_id,
        _p.organisation_id == organisation_id,
        _p.migration_id == migration_id,
        _p.removed_ns.is_(None),
    )
    connection.execute(
        update(pair_import_rows)
        .where(*mine, ~known)
        .values(problem="there is no pair of this ID in the migration")
    )
    earlier = pair_import_rows.alias("earlier")
    again = exists().where(
        earlier.c.import_id == import_id,
        earlier.c.pair_id == _r.pair_id,
        earlier.c.line < _r.line,
    )
    connection.execute(
        update(pair_import_rows).where(*mine, again).values(problem="an earlier line has the same ID")
    )
    under_way = exists().where(
        _p.id == _r.pair_id,
        _p.open_run.is_not(None),
        or_(_p.source_path != _r.source_path, _p.destination_path != _r.destination_path),
    )
    connection.execute(
        update(pair_import_rows)
        .where(*mine, under_way)
        .values(problem="a run of this pair has not ended; cancel it first, or leave its paths")
    )


def counts(connection: Connection, import_id: str) -> tuple[int, int, int]:
    """How many rows there are, with problems, and duplicates."""
    query = select(
        func.count(),
        func.count().filter(_r.problem != ""),
        func.count().filter(_r.duplicate_of != ""),
    ).where(_r.import_id == import_id)
    found = connection.execute(query).one()
    return found[0], found[1], found[2]


def lines(
    connection: Connection, import_id: str, limit: int, *conditions: ColumnElement[bool], after: int = 0
) -> list[Row[Any]]:
    """Rows of a file after a line."""
    query = select(pair_import_rows).where(_r.import_id == import_id, _r.line > after, *conditions)
    return list(connection.execute(query.order_by(_r.line).limit(limit)))


WITH_PROBLEM = _r.problem != ""
DUPLICATES = _r.duplicate_of != ""


def add_pairs(connection: Connection, import_id: str, migration: Row[Any], now_ns: int) -> int:
    """Add the new pairs of a file, without its duplicates; returns how many."""
    fixed: dict[str, Any] = {
        **rows.never_run(),
        "organisation_id": migration.organisation_id,
        "migration_id": migration.id,
        "source_connection_id": migration.source_connection_id,
        "destination_connection_id": migration.destination_connection_id,
        "notes": "",
        "notes_folded": "",
        "options": "{}",
        "queue": "",
        "priority": 0,
        "created_ns": now_ns,
        "changed_ns": now_ns,
    }
    names = [
        "source_path",
        "destination_path",
        "source_folded",
        "destination_folded",
        "paths_key",
        "tags",
        "tags_folded",
    ]
    source = (
        select(
            *(_r[name] for name in names),
            *(literal(value, type_=_p[name].type) for name, value in fixed.items()),
        )
        .where(_r.import_id == import_id, _r.duplicate_of == "")
        .order_by(_r.line)
    )
    # What a driver calls the number of rows of such an insert is not the same everywhere.
    added = insert(migration_pairs).from_select([*names, *fixed], source).returning(_p.id)
    return len(connection.scalars(added).all())


def change_pairs(connection: Connection, import_id: str, now_ns: int) -> int:
    """Change the pairs that a file names; returns how many."""

    def new(name: str, unchanged: ColumnElement[bool]) -> ColumnElement[Any]:
        of_row = select(_r[name]).where(_r.import_id == import_id, _r.pair_id == _p.id, ~unchanged)
        return func.coalesce(of_row.scalar_subquery(), _p[name])

    named = select(_r.pair_id).where(_r.import_id == import_id)
    changed = connection.execute(
        update(migration_pairs)
        .where(_p.id.in_(named))
        .values(
            source_path=new("source_path", _r.source_path.is_(None)),
            source_folded=new("source_folded", _r.source_path.is_(None)),
            destination_path=new("destination_path", _r.destination_path.is_(None)),
            destination_folded=new("destination_folded", _r.destination_path.is_(None)),
            tags=new("tags", _r.tags == ""),
            tags_folded=new("tags_folded", _r.tags == ""),
            version=_p.version + 1,
            changed_ns=now_ns,
        )
    ).rowcount
    keys = [
        {"pair": row.id, "key": rows.paths_key(row.source_path, row.destination_path)}
        for row in connection.execute(
            select(_p.id, _p.source_path, _p.destination_path).where(_p.id.in_(named))
        )
    ]
    execute_many(connection, _REKEY, keys)
    return changed


def _named(word: str, number: ColumnElement[Any]) -> ColumnElement[str]:
    return literal(word).concat(cast(number, Text))
