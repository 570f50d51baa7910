"""What an exception opens, read by name: no statement here names a column that holds a secret or a hash of one."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from mover.accounts.queries import second_factors
from mover.accounts.tables import api_keys, memberships, people, sessions
from mover.connections.tables import connections
from mover.entries import join_path
from mover.ledger.tables import folders, items
from mover.migrations.tables import (
    migration_pairs,
    migrations,
    pair_runs,
    schedules,
    user_map_rows,
    user_maps,
)
from mover.staff.full_records import (
    ConnectionInFull,
    ItemMessage,
    KeyInFull,
    MapInFull,
    MigrationInFull,
    PairInFull,
    PersonInFull,
    RunMessage,
    ScheduleInFull,
    SessionInFull,
)

_MOST = 200
_RUNS = 20

_m = migrations.c
_p = migration_pairs.c
_r = pair_runs.c


def migration(transaction: Connection, organisation_id: str, migration_id: str) -> MigrationInFull | None:
    """Read a migration with its maps and schedules."""
    query = select(_m.id, _m.name, _m.note, _m.options, _m.mail, _m.user_map_id, _m.permission_map_id).where(
        _m.organisation_id == organisation_id, _m.id == migration_id, _m.removed_ns.is_(None)
    )
    row = transaction.execute(query).one_or_none()
    if row is None:
        return None
    used = dict.fromkeys(one for one in (row.user_map_id, row.permission_map_id) if one)
    maps = [_map(transaction, organisation_id, map_id) for map_id in used]
    return MigrationInFull(
        id=row.id,
        name=row.name,
        note=row.note,
        options=json.loads(row.options),
        mail=row.mail,
        maps=tuple(one for one in maps if one is not None),
        schedules=_schedules(transaction, migration_id),
    )


def pair(transaction: Connection, organisation_id: str, pair_id: int) -> PairInFull | None:
    """Read a pair with what its latest runs said, and what services said about items of the latest that has begun."""
    query = select(
        _p.id,
        _p.migration_id,
        _p.source_path,
        _p.destination_path,
        _p.tags,
        _p.notes,
        _p.options,
        _p.message,
    ).where(_p.organisation_id == organisation_id, _p.id == pair_id, _p.removed_ns.is_(None))
    row = transaction.execute(query).one_or_none()
    if row is None:
        return None
    runs = transaction.execute(
        select(_r.id, _r.ledger_run_id, _r.code, _r.message, _r.options, _r.queued_ns)
        .where(_r.pair_id == pair_id, _r.organisation_id == organisation_id)
        .order_by(_r.id.desc())
        .limit(_RUNS)
    ).all()
    return PairInFull(
        id=row.id,
        migration_id=row.migration_id,
        source_path=row.source_path,
        destination_path=row.destination_path,
        tags=tuple(json.loads(row.tags)),
        notes=row.notes,
        options=json.loads(row.options),
        message=row.message,
        runs=tuple(
            RunMessage(
                id=run.id,
                code=run.code,
                message=run.message,
                options=json.loads(run.options) if run.options else {},
                queued_ns=run.queued_ns,
            )
            for run in runs
        ),
        items=_item_messages(
            transaction, next((run.ledger_run_id for run in runs if run.ledger_run_id is not None), None)
        ),
    )


def connection(transaction: Connection, organisation_id: str, connection_id: str) -> ConnectionInFull | None:
    """Read a connection."""
    c = connections.c
    query = select(c.id, c.name, c.service, c.config).where(
        c.id == connection_id, c.person == f"organisation:{organisation_id}"
    )
    row = transaction.execute(query).mappings().one_or_none()
    return None if row is None else ConnectionInFull(**row)


def person(transaction: Connection, organisation_id: str, person_id: str) -> PersonInFull | None:
    """Read a member of an organisation with sessions and API keys there."""
    query = (
        select(people.c.id, people.c.name, people.c.email)
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(memberships.c.organisation_id == organisation_id, people.c.id == person_id)
    )
    row = transaction.execute(query).one_or_none()
    if row is None:
        return None
    ways = second_factors.ways(transaction, person_id)
    return PersonInFull(
        id=row.id,
        name=row.name,
        email=row.email,
        second_factors=tuple(sorted(way.value for way in ways)),
        sessions=_sessions(transaction, organisation_id, person_id),
        keys=_keys(transaction, organisation_id, person_id),
    )


def _map(transaction: Connection, organisation_id: str, map_id: str) -> MapInFull | None:
    of_it = (user_maps.c.id == map_id, user_maps.c.organisation_id == organisation_id)
    found = transaction.execute(select(user_maps.c.name, user_maps.c.kind).where(*of_it)).one_or_none()
    if found is None:
        return None
    r = user_map_rows.c
    rows = transaction.execute(
        select(r.kind, r.source, r.destination).where(r.map_id == map_id).order_by(r.id).limit(_MOST)
    )
    return MapInFull(
        name=found.name, kind=found.kind, rows=tuple((row.kind, row.source, row.destination) for row in rows)
    )


def _schedules(transaction: Connection, migration_id: str) -> tuple[ScheduleInFull, ...]:
    s = schedules.c
    query = (
        select(s.name, s.timing, s.filter, s.mode, s.active, s.next_ns)
        .where(s.migration_id == migration_id)
        .order_by(s.name, s.id)
    )
    return tuple(
        ScheduleInFull(**{**row, "timing": json.loads(row["timing"])})
        for row in transaction.execute(query).mappings()
    )


def _item_messages(transaction: Connection, ledger_run_id: int | None) -> tuple[ItemMessage, ...]:
    i = items.c
    query: Select[Any] = (
        select(i.name, i.state, i.reason, i.message, folders.c.path)
        .join(folders, folders.c.id == i.folder_id)
        .where(i.run_id == ledger_run_id, i.message != "")
        .order_by(i.id)
        .limit(_MOST)
    )
    return tuple(_item_message(row) for row in transaction.execute(query))


def _item_message(row: Row[Any]) -> ItemMessage:
    return ItemMessage(
        path=join_path(row.path, row.name), state=row.state, reason=row.reason, message=row.message
    )


def _sessions(transaction: Connection, organisation_id: str, person_id: str) -> tuple[SessionInFull, ...]:
    s = sessions.c
    query = (
        select(s.method, s.second_factor, s.address, s.device, s.created_ns, s.last_seen_ns)
        .where(s.person_id == person_id, s.organisation_id == organisation_id)
        .order_by(s.last_seen_ns.desc(), s.id)
        .limit(_MOST)
    )
    return tuple(SessionInFull(**row) for row in transaction.execute(query).mappings())


def _keys(transaction: Connection, organisation_id: str, person_id: str) -> tuple[KeyInFull, ...]:
    k = api_keys.c
    query = (
        select(k.name, k.scopes, k.created_ns, k.expires_ns, k.revoked_ns, k.last_used_ns)
        .where(k.person_id == person_id, k.organisation_id == organisation_id)
        .order_by(k.created_ns.desc(), k.id)
        .limit(_MOST)
    )
    return tuple(
        KeyInFull(
            name=row.name,
            scopes=tuple(json.loads(row.scopes)),
            created_ns=row.created_ns,
            expires_ns=row.expires_ns,
            revoked_ns=row.revoked_ns,
            last_used_ns=row.last_used_ns,
        )
        for row in transaction.execute(query)
    )
