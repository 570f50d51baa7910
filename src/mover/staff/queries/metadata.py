"""Metadata of organisations, for the staff. Every statement runs on the limited database, which refuses all other columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, case, func, literal, or_, select

from mover.accounts.actor import ActorKind, Role
from mover.accounts.tables import memberships, organisations, people
from mover.audit.tables import audit_events
from mover.connections.tables import connections
from mover.entries import join_path
from mover.ledger.tables import folders, items
from mover.migrations.states import RunState, Status
from mover.migrations.tables import migration_pairs, migrations, pair_runs
from mover.staff.metadata import (
    ConnectionLine,
    EventLine,
    Figures,
    ItemLine,
    MemberLine,
    MigrationLine,
    PairLine,
    RunLine,
)
from mover.staff.records import STAFF_LOG

_o = organisations.c
_m = migrations.c
_p = migration_pairs.c
_r = pair_runs.c
_e = audit_events.c
_OWNED = "organisation:"
_PAIR = tuple(_p[name] for name in PairLine.__struct_fields__)
_RUN = tuple(_r[name] for name in RunLine.__struct_fields__)


@dataclass(frozen=True)
class Part:
    """Which part of a list: so many that come after an id (or, from the newest on, before a number), in the order of ids."""

    after: str | None
    limit: int


def figures(
    connection: Connection, organisation_id: str | None = None, *, part: Part | None = None
) -> list[Figures]:
    """Count what organisations have: all of them by name, one, or a part. One statement, however many there are."""
    of_person = _counted(memberships.c.organisation_id, memberships.c.person_id)
    of_connection = (
        select(
            func.substr(connections.c.person, len(_OWNED) + 1).label("organisation_id"),
            func.count(connections.c.id).label("number"),
        )
        .where(connections.c.person.like(f"{_OWNED}%"))
        .group_by(connections.c.person)
        .subquery()
    )
    of_migration = _counted(_m.organisation_id, _m.id, _m.removed_ns.is_(None))
    failed = case((_p.status == Status.FAILED.value, 1), else_=0)
    of_pair = (
        select(
            _p.organisation_id,
            func.count(_p.id).label("number"),
            func.sum(failed).label("failed"),
            func.sum(_p.files_copied).label("files"),
            func.sum(_p.bytes_copied).label("bytes"),
            func.max(_p.started_ns).label("last_run_ns"),
        )
        .where(_p.removed_ns.is_(None))
        .group_by(_p.organisation_id)
        .subquery()
    )
    of_run = _counted(_r.organisation_id, _r.id, _r.state != RunState.ENDED.value)
    query: Select[Any] = (
        select(
            _o.id,
            _o.name,
            _o.created_ns,
            _o.deleted_ns,
            of_person.c.number.label("people"),
            of_connection.c.number.label("connections"),
            of_migration.c.number.label("migrations"),
            of_pair.c.number.label("pairs"),
            of_pair.c.failed,
            of_pair.c.files,
            of_pair.c.bytes,
            of_pair.c.last_run_ns,
            of_run.c.number.label("running"),
        )
        .outerjoin(of_person, of_person.c.organisation_id == _o.id)
        .outerjoin(of_connection, of_connection.c.organisation_id == _o.id)
        .outerjoin(of_migration, of_migration.c.organisation_id == _o.id)
        .outerjoin(of_pair, of_pair.c.organisation_id == _o.id)
        .outerjoin(of_run, of_run.c.organisation_id == _o.id)
    )
    query = _ordered(query, _o.id, part, func.lower(_o.name))
    if organisation_id is not None:
        query = query.where(_o.id == organisation_id)
    return [_figures(row) for row in connection.execute(query)]


def members(connection: Connection, organisation_id: str, part: Part | None = None) -> list[MemberLine]:
    """List who belongs to an organisation: all by name, or a part."""
    query = (
        select(
            people.c.id,
            people.c.name,
            people.c.email,
            people.c.last_sign_in_ns,
            memberships.c.role,
            memberships.c.created_ns,
        )
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(memberships.c.organisation_id == organisation_id)
    )
    query = _ordered(query, people.c.id, part, func.lower(people.c.name))
    return [
        MemberLine(
            person_id=row.id,
            name=row.name,
            email=row.email,
            role=Role(row.role),
            joined_ns=row.created_ns,
            last_sign_in_ns=row.last_sign_in_ns,
        )
        for row in connection.execute(query)
    ]


def connections_of(
    connection: Connection, organisation_id: str, part: Part | None = None
) -> list[ConnectionLine]:
    """List the connections of an organisation: all by name, or a part."""
    c = connections.c
    query = select(c.id, c.name, c.service, c.created_ns, c.last_used_ns, c.deauthorised_ns).where(
        c.person == f"{_OWNED}{organisation_id}"
    )
    query = _ordered(query, c.id, part, func.lower(c.name))
    return [ConnectionLine(**row) for row in connection.execute(query).mappings()]


def migrations_of(
    connection: Connection,
    organisation_id: str,
    migration_id: str | None = None,
    *,
    part: Part | None = None,
) -> list[MigrationLine]:
    """List the migrations of an organisation: all, the newest first, one, or a part."""
    failed = case((_p.status == Status.FAILED.value, 1), else_=0)
    of_pair = (
        select(_p.migration_id, func.count(_p.id).label("number"), func.sum(failed).label("failed"))
        .where(_p.organisation_id == organisation_id, _p.removed_ns.is_(None))
        .group_by(_p.migration_id)
        .subquery()
    )
    of_run = (
        select(_r.migration_id, func.count(_r.id).label("number"))
        .where(_r.organisation_id == organisation_id, _r.state != RunState.ENDED.value)
        .group_by(_r.migration_id)
        .subquery()
    )
    query: Select[Any] = (
        select(
            _m.id,
            _m.name,
            _m.source_connection_id,
            _m.destination_connection_id,
            func.coalesce(of_pair.c.number, 0).label("pairs"),
            func.coalesce(of_pair.c.failed, 0).label("failed_pairs"),
            func.coalesce(of_run.c.number, 0).label("running"),
            _m.pairs_at_once,
            _m.pairs_now,
            _m.created_ns,
        )
        .outerjoin(of_pair, of_pair.c.migration_id == _m.id)
        .outerjoin(of_run, of_run.c.migration_id == _m.id)
        .where(_m.organisation_id == organisation_id, _m.removed_ns.is_(None))
    )
    query = _ordered(query, _m.id, part, _m.created_ns.desc())
    if migration_id is not None:
        query = query.where(_m.id == migration_id)
    return [_migration(row) for row in connection.execute(query)]


def pairs_of(
    connection: Connection, organisation_id: str, migration_id: str, *, after_id: int, limit: int
) -> list[PairLine]:
    """List pairs of a migration in the order of their ids."""
    query = _pairs(organisation_id).where(_p.migration_id == migration_id, _p.id > after_id)
    return [_pair(row) for row in connection.execute(query.order_by(_p.id).limit(limit))]


def pair(connection: Connection, organisation_id: str, pair_id: int) -> PairLine | None:
    """Find a pair of an organisation."""
    row = connection.execute(_pairs(organisation_id).where(_p.id == pair_id)).one_or_none()
    return None if row is None else _pair(row)


def runs_of(
    connection: Connection, organisation_id: str, pair_id: int, *, before: int | None = None, limit: int
) -> list[RunLine]:
    """List runs of a pair, the newest first."""
    query = select(*_RUN).where(_r.organisation_id == organisation_id, _r.pair_id == pair_id)
    if before is not None:
        query = query.where(_r.id < before)
    rows = connection.execute(query.order_by(_r.id.desc()).limit(limit)).mappings()
    return [RunLine(**row) for row in rows]


def run(connection: Connection, organisation_id: str, run_id: int) -> RunLine | None:
    """Find a run of an organisation."""
    query = select(*_RUN).where(_r.organisation_id == organisation_id, _r.id == run_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else RunLine(**row)


def items_of(
    connection: Connection,
    organisation_id: str,
    run_id: int,
    *,
    states: Sequence[str] | None,
    after_id: int,
    limit: int,
) -> list[ItemLine]:
    """List items of a run in the order in which they were seen, of all states or some."""
    ledger_run = (
        select(_r.ledger_run_id)
        .where(_r.organisation_id == organisation_id, _r.id == run_id)
        .scalar_subquery()
    )
    i = items.c
    query: Select[Any] = (
        select(
            i.id,
            i.name,
            i.destination_name,
            i.kind,
            i.size,
            i.state,
            i.action,
            i.reason,
            i.side,
            i.verification,
            i.attempts,
            i.ended_ns,
            folders.c.path.label("folder_path"),
            folders.c.destination_path.label("folder_destination"),
        )
        .join(folders, folders.c.id == i.folder_id)
        .where(i.run_id == ledger_run, i.id > after_id)
        .order_by(i.id)
        .limit(limit)
    )
    if states is not None:
        query = query.where(i.state.in_(states))
    return [_item(row) for row in connection.execute(query)]


def events(
    connection: Connection, organisation_id: str | None, *, before: int | None, limit: int
) -> list[EventLine]:
    """List events, the newest first: of an organisation, or (None) all that the staff did and what is in their own log."""
    whose: ColumnElement[bool] = (
        _e.organisation_id == organisation_id
        if organisation_id is not None
        else or_(_e.organisation_id == STAFF_LOG, _e.actor_kind == ActorKind.STAFF.value)
    )
    columns = [_e[name] for name in EventLine.__struct_fields__]
    query = select(*columns).where(whose)
    if before is not None:
        query = query.where(_e.id < before)
    rows = connection.execute(query.order_by(_e.id.desc()).limit(limit)).mappings()
    return [
        EventLine(
            **{**row, "actor_kind": ActorKind(row["actor_kind"]), "details": json.loads(row["details"])}
        )
        for row in rows
    ]


def _ordered(query: Select[Any], by_id: ColumnElement[str], part: Part | None, usual: Any) -> Select[Any]:
    """All in the usual order, or a part in the order of ids."""
    if part is None:
        return query.order_by(usual, by_id)
    if part.after is not None:
        query = query.where(by_id > part.after)
    return query.order_by(by_id).limit(part.limit)


def _counted(owner: ColumnElement[str], what: ColumnElement[Any], *where: ColumnElement[bool]) -> Subquery:
    query = select(owner.label("organisation_id"), func.count(what).label("number"))
    return query.where(literal(value=True), *where).group_by(owner).subquery()


def _pairs(organisation_id: str) -> Select[Any]:
    return select(*_PAIR).where(_p.organisation_id == organisation_id, _p.removed_ns.is_(None))


def _figures(row: Row[Any]) -> Figures:
    return Figures(
        id=row.id,
        name=row.name,
        created_ns=row.created_ns,
        deleted_ns=row.deleted_ns,
        people=row.people or 0,
        connections=row.connections or 0,
        migrations=row.migrations or 0,
        pairs=row.pairs or 0,
        failed_pairs=int(row.failed or 0),
        running=row.running or 0,
        moved_files=int(row.files or 0),
        moved_bytes=int(row.bytes or 0),
        last_run_ns=row.last_run_ns,
    )


def _migration(row: Row[Any]) -> MigrationLine:
    values = {name: getattr(row, name) for name in MigrationLine.__struct_fields__}
    return MigrationLine(**{**values, "failed_pairs": int(row.failed_pairs)})


def _pair(row: Row[Any]) -> PairLine:
    values = {name: getattr(row, name) for name in PairLine.__struct_fields__}
    return PairLine(**{**values, "status": Status(row.status)})


def _item(row: Row[Any]) -> ItemLine:
    return msgspec.convert(
        {
            **{
                name: getattr(row, name)
                for name in ItemLine.__struct_fields__
                if name not in {"path", "destination_path"}
            },
            "path": join_path(row.folder_path, row.name),
            "destination_path": join_path(row.folder_destination, row.destination_name),
        },
        ItemLine,
    )
