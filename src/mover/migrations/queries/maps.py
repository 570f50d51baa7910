"""Maps: their rows and the history of changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update

from mover.accounts.actor import Actor
from mover.ledger.queries.slicing import slices
from mover.migrations.folding import fold, like
from mover.migrations.queries.found import found
from mover.migrations.records import MapChange, MapKind, MapRow, Subject, UserMap
from mover.migrations.tables import migrations, pair_runs, user_map_changes, user_map_rows, user_maps
from mover.transfer.grantees import GranteeMap

_m = user_maps.c
_r = user_map_rows.c
_h = user_map_changes.c

ADDED, CHANGED, REMOVED = "added", "changed", "removed"


def user_map(connection: Connection, organisation_id: str, map_id: str) -> UserMap:
    """Find a map. Raises NoSuchThing."""
    row = found(connection, user_maps, "map", organisation_id, map_id)
    count = connection.execute(
        select(func.count()).select_from(user_map_rows).where(_r.map_id == map_id)
    ).scalar_one()
    return _map_from(row, count)


def all_maps(connection: Connection, organisation_id: str) -> list[UserMap]:
    """All maps of an organisation, by name."""
    counted = (
        select(func.count())
        .select_from(user_map_rows)
        .where(_r.map_id == _m.id)
        .scalar_subquery()
        .label("number")
    )
    query = (
        select(user_maps, counted)
        .where(_m.organisation_id == organisation_id)
        .order_by(func.lower(_m.name), _m.id)
    )
    return [_map_from(row, row.number) for row in connection.execute(query)]


def _map_from(row: Row[Any], count: int) -> UserMap:
    return UserMap(
        id=row.id,
        organisation_id=row.organisation_id,
        name=row.name,
        kind=MapKind(row.kind),
        rows=count,
        version=row.version,
        created_ns=row.created_ns,
        changed_ns=row.changed_ns,
    )


def row_from(row: Row[Any]) -> MapRow:
    """A row of a map."""
    return MapRow(id=row.id, kind=Subject(row.kind), source=row.source, destination=row.destination)


def page_of_rows(
    connection: Connection, map_id: str, *, text: str, after: tuple[str, int] | None, limit: int
) -> tuple[list[Row[Any]], int]:
    """Rows by source that have a text in them, and how many there are."""
    where = [_r.map_id == map_id]
    if text:
        where.append(
            or_(
                _r.source_folded.like(like(fold(text)), escape="\\"),
                func.lower(_r.destination).like(like(fold(text)), escape="\\"),
            )
        )
    total = connection.execute(select(func.count()).select_from(user_map_rows).where(*where)).scalar_one()
    query = select(user_map_rows).where(*where)
    if after:
        query = query.where(_r.source_folded > after[0])
    return list(connection.execute(query.order_by(_r.source_folded).limit(limit))), total


def rows_with(connection: Connection, map_id: str, keys: Collection[str]) -> dict[str, Row[Any]]:
    """Rows by what they are found by."""
    found_rows: dict[str, Row[Any]] = {}
    for some in slices(sorted(keys)):
        query = select(user_map_rows).where(_r.map_id == map_id, _r.source_folded.in_(some))
        found_rows |= {row.source_folded: row for row in connection.execute(query)}
    return found_rows


def every_row(connection: Connection, map_id: str) -> list[Row[Any]]:
    """All rows of a map, by source."""
    query = select(user_map_rows).where(_r.map_id == map_id).order_by(_r.source_folded)
    return list(connection.execute(query))


def add_rows(connection: Connection, values: Sequence[dict[str, Any]]) -> None:
    """Add rows."""
    if values:
        connection.execute(insert(user_map_rows), values)


_CHANGE = (
    update(user_map_rows)
    .where(_r.id == bindparam("row"))
    .values(source=bindparam("new_source"), destination=bindparam("new_destination"))
)


def change_rows(connection: Connection, values: Sequence[dict[str, Any]]) -> None:
    """Change rows: `row`, `new_source`, `new_destination`."""
    if values:
        connection.execute(_CHANGE, list(values))


def remove_rows(connection: Connection, ids: Sequence[int]) -> None:
    """Remove rows."""
    for some in slices(ids):
        connection.execute(delete(user_map_rows).where(_r.id.in_(some)))


def keep_changes(
    connection: Connection,
    actor: Actor,
    map_id: str,
    changes: Iterable[tuple[str, str, str | None, str | None]],
    now_ns: int,
) -> None:
    """Keep who changed what (action, source, before, after), and give the map its next version."""
    values = [
        {
            "map_id": map_id,
            "at_ns": now_ns,
            "actor_kind": actor.kind.value,
            "actor_id": actor.id[:32],
            "actor_name": actor.name[:200],
            "action": action,
            "source": source,
            "before": before,
            "after": after,
        }
        for action, source, before, after in changes
    ]
    if values:
        connection.execute(insert(user_map_changes), values)
        connection.execute(
            update(user_maps).where(_m.id == map_id).values(version=_m.version + 1, changed_ns=now_ns)
        )


def history(
    connection: Connection, map_id: str, before_id: int | None, limit: int
) -> tuple[list[Row[Any]], int]:
    """Changes of a map, newest first, and how many there are."""
    query = select(user_map_changes).where(_h.map_id == map_id)
    if before_id is not None:
        query = query.where(_h.id < before_id)
    total = connection.execute(
        select(func.count()).select_from(user_map_changes).where(_h.map_id == map_id)
    ).scalar_one()
    return list(connection.execute(query.order_by(_h.id.desc()).limit(limit))), total


def change_from(row: Row[Any]) -> MapChange:
    """A change of a map."""
    return MapChange(
        at_ns=row.at_ns,
        actor_kind=row.actor_kind,
        actor_name=row.actor_name,
        action=row.action,
        source=row.source,
        before=row.before,
        after=row.after,
    )


def map_of_run(connection: Connection, run_id: int) -> str | None:
    """The map that the permissions of a run go through: the migration's own for them, else that of its users."""
    query = (
        select(func.coalesce(migrations.c.permission_map_id, migrations.c.user_map_id))
        .join(pair_runs, pair_runs.c.migration_id == migrations.c.id)
        .where(pair_runs.c.id == run_id)
    )
    found_id: str | None = connection.execute(query).scalar_one_or_none()
    return found_id


def grantees(connection: Connection, map_id: str) -> GranteeMap:
    """The rows of a map, as the engine takes them."""
    query = select(_r.source_folded, _r.source, _r.destination).where(_r.map_id == map_id)
    return GranteeMap({row.source_folded: (row.source, row.destination) for row in connection.execute(query)})
