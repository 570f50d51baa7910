"""Permissions: lines of a run, and what Mover itself has permitted for a pair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from mover.database.many import execute_many
from mover.database.upsert import insert_missing
from mover.entries import AccessRole, EntryKind, GranteeKind, join_path
from mover.ledger.grants import (
    DueGrant,
    GrantAction,
    Granted,
    Grantee,
    GrantOutcome,
    GrantState,
    GrantTally,
    NewGrant,
    ReportGrant,
)
from mover.ledger.queries.following import mark
from mover.ledger.queries.slicing import slices
from mover.ledger.states import ItemState
from mover.ledger.tables import accesses, arrivals, folders, granted, grants, items

_g = grants.c
_KEY = ("pair_id", "source_key", "kind", "identity")
_GIVEN = ("role", "asked_role", "destination_path", "destination_id")
_own = folders.alias("own")

_ADD = insert(grants)
_FINISH = (
    update(grants)
    .where(_g.id == bindparam("line"))
    .values({name: bindparam(name) for name in ("state", "target_role", "reason", "side", "message")})
)
_RAISE = (
    update(granted)
    .where(*(granted.c[name] == bindparam(f"of_{name}") for name in _KEY))
    .values({name: bindparam(name) for name in _GIVEN})
)


def add_lines(connection: Connection, run_id: int, lines: Sequence[NewGrant]) -> None:
    """Keep lines about entries, but for entries that have some already: a page that is read again changes nothing."""
    if not lines:
        return
    known: set[str] = set()
    for some in slices(sorted({line.source_key for line in lines})):
        query = select(_g.source_key).where(_g.run_id == run_id, _g.source_key.in_(some)).distinct()
        known.update(connection.execute(query).scalars())
    new = [line for line in lines if line.source_key not in known]
    execute_many(connection, _ADD, [_line_row(run_id, line) for line in new])


def keep_accesses(connection: Connection, run_id: int, texts: Sequence[str]) -> list[int]:
    """Keep who may see what is in some folders; returns the numbers of that, in order."""
    statement = insert(accesses).returning(accesses.c.id, sort_by_parameter_order=True)
    rows = [{"run_id": run_id, "access": text} for text in texts]
    return list(connection.execute(statement, rows).scalars())


def access(connection: Connection, access_id: int) -> str:
    """What was kept."""
    return str(connection.execute(select(accesses.c.access).where(accesses.c.id == access_id)).scalar_one())


def access_texts(connection: Connection, access_ids: Iterable[int | None]) -> dict[int | None, str]:
    """What was kept, by number; nothing for None."""
    wanted = sorted(number for number in access_ids if number is not None)
    return {
        row.id: row.access
        for some in slices(wanted)
        for row in connection.execute(select(accesses.c.id, accesses.c.access).where(accesses.c.id.in_(some)))
    }


def root_access(connection: Connection, run_id: int) -> int | None:
    """The number of that of the pair's root, if it is known."""
    query = select(folders.c.access_id).where(folders.c.run_id == run_id, folders.c.item_id.is_(None))
    return connection.execute(query).scalar_one_or_none()


def set_root(connection: Connection, run_id: int, text: str, lines: Sequence[NewGrant]) -> int:
    """Keep what was learned of the pair's root. If it is open to others than it was, it has to be listed again."""
    [number] = keep_accesses(connection, run_id, [text])
    root = (folders.c.run_id == run_id) & folders.c.item_id.is_(None)
    connection.execute(update(folders).where(root).values(access_id=number))
    before = folders.alias("before")
    earlier = (
        select(accesses.c.access)
        .join(before, before.c.access_id == accesses.c.id)
        .join(folders, folders.c.earlier_id == before.c.id)
        .where(root)
    )
    told = connection.execute(earlier).scalar_one_or_none()
    if told != text:
        connection.execute(update(folders).where(root).values(state="pending"))
        if told is not None:  # and by the next run, too, as in `mark_opened`
            mark(connection, dict.fromkeys(connection.scalars(select(folders.c.id).where(root)), True))
    add_lines(connection, run_id, lines)
    return number


def has_granted(connection: Connection, pair_id: int) -> bool:
    """Whether Mover ever permitted anything for the pair."""
    query = select(granted.c.pair_id).where(granted.c.pair_id == pair_id).limit(1)
    return connection.execute(query).first() is not None


def granted_of(connection: Connection, pair_id: int, source_keys: Sequence[str]) -> dict[str, list[Granted]]:
    """What Mover permitted on these entries, by source key."""
    found: dict[str, list[Granted]] = {}
    for some in slices(source_keys):
        query = select(granted).where(granted.c.pair_id == pair_id, granted.c.source_key.in_(some))
        for row in connection.execute(query):
            found.setdefault(row.source_key, []).append(_granted_from(row))
    return found


def granted_at(connection: Connection, pair_id: int, destination_ids: Sequence[str]) -> list[Granted]:
    """What Mover permitted on what the destination knows by these ids."""
    found: list[Granted] = []
    for some in slices(destination_ids):
        query = select(granted).where(granted.c.pair_id == pair_id, granted.c.destination_id.in_(some))
        found += [_granted_from(row) for row in connection.execute(query)]
    return found


def keep_granted(connection: Connection, pair_id: int, given: Sequence[Granted]) -> None:
    """Note what is about to be permitted; of what was permitted before, what was there before that stays."""
    rows = [_granted_row(pair_id, one) for one in given]
    execute_many(connection, insert_missing(connection, granted, _KEY), rows)


def raise_granted(connection: Connection, pair_id: int, given: Sequence[Granted]) -> None:
    """Note the roles that were permitted, and where the entries stand."""
    rows = [_granted_row(pair_id, one) for one in given]
    execute_many(
        connection,
        _RAISE,
        [
            {
                **{f"of_{name}": row[name] for name in _KEY},
                **{name: row[name] for name in _GIVEN},
            }
            for row in rows
        ],
    )


def forget_granted(connection: Connection, pair_id: int, gone: Sequence[Granted]) -> None:
    """Drop what was taken back, or never came to be permitted."""
    keys = [(one.source_key, one.target.kind.value, one.target.identity) for one in gone]
    for some in slices(keys):
        mine = tuple_(granted.c.source_key, granted.c.kind, granted.c.identity).in_(some)
        connection.execute(delete(granted).where(granted.c.pair_id == pair_id, mine))


def pass_on(connection: Connection, pair_id: int, heirs: Mapping[str, str]) -> None:
    """Let what was permitted on some entries count for those that stand in their place now; keys are source keys.

    What was permitted to an heir elsewhere is forgotten: what stands there is a copy of nothing any more.
    """
    found = granted_of(connection, pair_id, list(heirs))
    for some in slices(sorted({*heirs, *heirs.values()})):
        connection.execute(
            delete(granted).where(granted.c.pair_id == pair_id, granted.c.source_key.in_(some))
        )
    keep_granted(
        connection,
        pair_id,
        [
            msgspec.structs.replace(one, source_key=heirs[key])
            for key, granted_there in found.items()
            for one in granted_there
        ],
    )


def due(connection: Connection, run_id: int, pair_id: int, limit: int, after_id: int) -> list[DueGrant]:
    """Planned lines with ids above `after_id`: those of folders before those of what is in them."""
    query = (
        select(
            grants,
            items.c.kind.label("entry_kind"),
            items.c.state.label("item_state"),
            items.c.reason.label("item_reason"),
            items.c.destination_name,
            folders.c.destination_path.label("folder_path"),
            _own.c.destination_id.label("own_id"),
            arrivals.c.destination_id.label("arrival_id"),
        )
        .outerjoin(items, (items.c.run_id == _g.run_id) & (items.c.source_key == _g.source_key))
        .outerjoin(folders, folders.c.id == items.c.folder_id)
        .outerjoin(_own, _own.c.item_id == items.c.id)
        .outerjoin(arrivals, (arrivals.c.pair_id == pair_id) & (arrivals.c.source_key == _g.source_key))
        .where(_g.run_id == run_id, _g.state == GrantState.PLANNED.value, _g.id > after_id)
        .order_by(_g.id)
        .limit(limit)
    )
    return [_due_from(row) for row in connection.execute(query)]


def finish_lines(connection: Connection, outcomes: Sequence[GrantOutcome]) -> None:
    """Write what became of lines."""
    execute_many(
        connection,
        _FINISH,
        [
            {
                "line": outcome.id,
                "state": outcome.state.value,
                "target_role": outcome.role.value,
                "reason": outcome.reason,
                "side": outcome.side,
                "message": outcome.message,
            }
            for outcome in outcomes
        ],
    )


def tally(connection: Connection, run_id: int) -> list[GrantTally]:
    """Count lines by state and reason."""
    query = (
        select(_g.state, _g.reason, func.count().label("number"))
        .where(_g.run_id == run_id)
        .group_by(_g.state, _g.reason)
        .order_by(_g.state, _g.reason)
    )
    return [GrantTally(GrantState(row.state), row.reason, row.number) for row in connection.execute(query)]


def page_of_lines(
    connection: Connection,
    run_id: int,
    *,
    states: Sequence[GrantState] | None = None,
    text: str = "",
    after_id: int = 0,
    limit: int,
) -> list[ReportGrant]:
    """Lines with ids above `after_id`, ascending. `text` is found in paths and in who is named, in any case of ASCII."""
    query = _placed().where(_g.run_id == run_id, _g.id > after_id, *_conditions(states, text))
    return [_report_from(row) for row in connection.execute(query.order_by(_g.id).limit(limit))]


def count_lines(
    connection: Connection,
    run_id: int,
    *,
    states: Sequence[GrantState] | None = None,
    text: str = "",
    most: int,
) -> int:
    """How many lines match, counted up to a number."""
    counted = _placed().where(_g.run_id == run_id, *_conditions(states, text)).limit(most)
    ids = counted.with_only_columns(_g.id).subquery()
    return int(connection.execute(select(func.count()).select_from(ids)).scalar_one())


def _placed() -> Select[Any]:
    """Select lines together with where their entry stands at the source."""
    return (
        select(grants, items.c.name, items.c.kind.label("entry_kind"), folders.c.path.label("folder_path"))
        .outerjoin(items, (items.c.run_id == _g.run_id) & (items.c.source_key == _g.source_key))
        .outerjoin(folders, folders.c.id == items.c.folder_id)
    )


def _conditions(states: Sequence[GrantState] | None, text: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if states is not None:
        found.append(_g.state.in_([state.value for state in states]))
    if text:
        escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        path = func.rtrim(folders.c.path, "/") + "/" + items.c.name
        pattern = f"%{escaped}%"
        found.append(
            or_(*(func.lower(where).like(pattern, escape="\\") for where in (path, _g.identity, _g.target)))
        )
    return found


def _line_row(run_id: int, line: NewGrant) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "source_key": line.source_key,
        "action": line.action.value,
        "kind": line.kind.value if line.kind else None,
        "identity": line.identity,
        "role": line.role.value if line.role else None,
        "service_role": line.service_role,
        "target_kind": line.target.kind.value if line.target else None,
        "target": line.target.identity if line.target else "",
        "target_role": line.target_role.value if line.target_role else None,
        "before_role": line.before.value if line.before else None,
        "state": line.state.value,
        "reason": line.reason,
        "side": line.side,
        "message": line.message,
    }


def _granted_row(pair_id: int, one: Granted) -> dict[str, Any]:
    return {
        "pair_id": pair_id,
        "source_key": one.source_key,
        "kind": one.target.kind.value,
        "identity": one.target.identity,
        "role": one.role.value,
        "asked_role": one.asked.value,
        "before_role": one.before.value if one.before else None,
        "destination_path": one.destination_path,
        "destination_id": one.destination_id,
    }


def _granted_from(row: Row[Any]) -> Granted:
    return Granted(
        source_key=row.source_key,
        target=Grantee(GranteeKind(row.kind), row.identity),
        role=AccessRole(row.role),
        asked=AccessRole(row.asked_role),
        before=AccessRole(row.before_role) if row.before_role else None,
        destination_path=row.destination_path,
        destination_id=row.destination_id,
    )


def _due_from(row: Row[Any]) -> DueGrant:
    is_folder = row.entry_kind == EntryKind.FOLDER.value
    return DueGrant(
        id=row.id,
        source_key=row.source_key,
        action=GrantAction(row.action),
        target=Grantee(GranteeKind(row.target_kind), row.target),
        role=AccessRole(row.target_role),
        before=AccessRole(row.before_role) if row.before_role else None,
        destination_path="/" if row.item_state is None else join_path(row.folder_path, row.destination_name),
        destination_id=row.own_id if is_folder else row.arrival_id,
        item_state=ItemState(row.item_state) if row.item_state else None,
        item_reason=row.item_reason,
    )


def _report_from(row: Row[Any]) -> ReportGrant:
    return ReportGrant(
        id=row.id,
        path="/" if row.folder_path is None else join_path(row.folder_path, row.name),
        entry_kind=EntryKind(row.entry_kind or EntryKind.FOLDER),
        action=GrantAction(row.action),
        kind=GranteeKind(row.kind) if row.kind else None,
        identity=row.identity,
        role=AccessRole(row.role) if row.role else None,
        service_role=row.service_role,
        target=Grantee(GranteeKind(row.target_kind), row.target) if row.target_kind else None,
        target_role=AccessRole(row.target_role) if row.target_role else None,
        state=GrantState(row.state),
        reason=row.reason,
        side=row.side,
        message=row.message,
    )
