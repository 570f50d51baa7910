"""The migrations of an organisation."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.accounts.queries.api_keys import person_behind
from mover.accounts.tables import memberships
from mover.database.database import Database
from mover.migrations.acts import Act, changed_fields, note
from mover.migrations.checking import check_migration, check_name
from mover.migrations.cursors import check_limit, cursor_for, read_cursor
from mover.migrations.queries import pairs as pair_queries
from mover.migrations.queries import rows
from mover.migrations.queries.connections import check_connections
from mover.migrations.queries.found import change, found
from mover.migrations.records import Migration, MigrationRun, NewMigration, Page
from mover.migrations.refusals import NoSuchThing, NotPossible
from mover.migrations.tables import migration_pairs, migration_runs, migrations, user_maps

_c = migrations.c


class Migrations:
    """Create, list, change and remove migrations. Whole migrations are started through `Runs` with `Selection.matching(id)`.

    Every method needs READ, those that change something PLAN; what is not the organisation's raises NoSuchThing.
    """

    def __init__(
        self, database: Database, auditor: Auditor, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._auditor = auditor
        self._now_ns = now_ns

    async def create(self, actor: Actor, new: NewMigration) -> Migration:
        """Add a migration. Raises InvalidConfiguration for what cannot work, NoSuchThing for a connection or map that is not there."""
        actor.require(Permission.PLAN)
        check_migration(new)
        now_ns = self._now_ns()
        migration_id = token_hex(16)

        def work(connection: Connection) -> Migration:
            _check_references(connection, actor, new)
            _add(connection, actor, migration_id, rows.migration_values(new), now_ns)
            note(self._auditor, connection, actor, Act.MIGRATION_CREATED, migration_id, now_ns=now_ns)
            return _get(connection, actor, migration_id)

        return await self._database.write(work)

    async def list(self, actor: Actor, *, cursor: str | None = None, limit: int = 100) -> Page[Migration]:
        """List them, newest first."""
        actor.require(Permission.READ)
        check_limit(limit)
        question = ("migrations", actor.organisation_id)
        after = read_cursor(question, cursor, int, str)
        mine = and_(_c.organisation_id == actor.organisation_id, _c.removed_ns.is_(None))

        def work(connection: Connection) -> Page[Migration]:
            query = select(migrations).where(mine)
            if after:
                created, id_ = after
                query = query.where(or_(_c.created_ns < created, and_(_c.created_ns == created, _c.id < id_)))
            found_rows = connection.execute(
                query.order_by(_c.created_ns.desc(), _c.id.desc()).limit(limit + 1)
            ).all()
            total = connection.execute(select(func.count()).select_from(migrations).where(mine)).scalar_one()
            page = found_rows[:limit]
            return Page(
                tuple(rows.migration_from(row) for row in page),
                cursor_for(question, page[-1].created_ns, page[-1].id) if len(found_rows) > limit else None,
                total,
            )

        return await self._database.read(work)

    async def get(self, actor: Actor, migration_id: str) -> Migration:
        """Find one."""
        actor.require(Permission.READ)
        return await self._database.read(lambda connection: _get(connection, actor, migration_id))

    async def update(
        self, actor: Actor, migration_id: str, new: NewMigration, *, version: int | None
    ) -> Migration:
        """Change all that a person decides. Raises Overtaken if `version` is not the present one (None: whatever it is).

        Pairs keep their connections. Runs under way keep the options that they were taken with.
        """
        actor.require(Permission.PLAN)
        check_migration(new)
        now_ns = self._now_ns()

        def work(connection: Connection) -> Migration:
            before = _get(connection, actor, migration_id)
            _check_references(connection, actor, new)
            values: dict[str, Any] = rows.migration_values(new)
            if new.pairs_at_once != before.pairs_at_once:
                values["pairs_now"] = new.pairs_at_once  # a person's word starts the learning anew
            change(
                connection,
                update(migrations)
                .where(_c.id == migration_id)
                .values(**values, version=_c.version + 1, changed_ns=now_ns),
                "migration",
                version,
            )
            after = _get(connection, actor, migration_id)
            if changed := changed_fields(NewMigration, before, after):
                note(
                    self._auditor,
                    connection,
                    actor,
                    Act.MIGRATION_CHANGED,
                    migration_id,
                    now_ns=now_ns,
                    changed=changed,
                    name_before=before.name if before.name != after.name else None,
                )
            return after

        return await self._database.write(work)

    async def delete(self, actor: Actor, migration_id: str, *, version: int | None = None) -> None:
        """Remove it with its pairs and runs. Raises NotPossible while any of its runs has not ended."""
        actor.require(Permission.PLAN)
        now_ns = self._now_ns()

        def work(connection: Connection) -> None:
            gone = pair_queries.of_migration(actor.organisation_id, migration_id)
            pairs = connection.execute(
                select(func.count()).select_from(migration_pairs).where(*gone)
            ).scalar_one()
            note(
                self._auditor,
                connection,
                actor,
                Act.MIGRATION_DELETED,
                migration_id,
                now_ns=now_ns,
                pairs=pairs,
            )
            change(
                connection,
                update(migrations).where(_c.id == migration_id).values(removed_ns=now_ns),
                "migration",
                version,
            )
            # Pairs that are started at this moment wait for this row, and then find no migration.
            under_way = select(migration_pairs.c.id).where(
                migration_pairs.c.migration_id == migration_id, migration_pairs.c.open_run.is_not(None)
            )
            if connection.execute(under_way.limit(1)).first():
                raise NotPossible("pairs of this migration are running; cancel them first")

        await self._database.write(work)

    async def duplicate(self, actor: Actor, migration_id: str, *, name: str) -> Migration:
        """Add a copy with copies of all pairs, none of which has run. Schedules are not copied."""
        actor.require(Permission.PLAN)
        name = check_name(name)
        now_ns = self._now_ns()
        copy_id = token_hex(16)

        def work(connection: Connection) -> Migration:
            original = _get(connection, actor, migration_id)
            _add(connection, actor, copy_id, {**rows.migration_values(original), "name": name}, now_ns)
            where = and_(*pair_queries.of_migration(actor.organisation_id, migration_id))
            pairs = pair_queries.copy(connection, where, into=copy_id, now_ns=now_ns)
            note(
                self._auditor,
                connection,
                actor,
                Act.MIGRATION_DUPLICATED,
                migration_id,
                now_ns=now_ns,
                copy=name,
                pairs=pairs,
            )
            return _get(connection, actor, copy_id)

        return await self._database.write(work)

    async def runs(
        self, actor: Actor, migration_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[MigrationRun]:
        """What was started together, newest first."""
        actor.require(Permission.READ)
        check_limit(limit)
        question = ("migration runs", migration_id)
        after = read_cursor(question, cursor, int, str)
        columns = migration_runs.c

        def work(connection: Connection) -> Page[MigrationRun]:
            _get(connection, actor, migration_id)
            query = select(migration_runs).where(columns.migration_id == migration_id)
            if after:
                started, id_ = after
                query = query.where(
                    or_(columns.started_ns < started, and_(columns.started_ns == started, columns.id < id_))
                )
            found_rows = connection.execute(
                query.order_by(columns.started_ns.desc(), columns.id.desc()).limit(limit + 1)
            ).all()
            total = connection.execute(
                select(func.count()).where(columns.migration_id == migration_id)
            ).scalar_one()
            page = found_rows[:limit]
            return Page(
                tuple(rows.migration_run_from(row) for row in page),
                cursor_for(question, page[-1].started_ns, page[-1].id) if len(found_rows) > limit else None,
                total,
            )

        return await self._database.read(work)


def _get(connection: Connection, actor: Actor, migration_id: str) -> Migration:
    return rows.migration_from(
        found(connection, migrations, "migration", actor.organisation_id, migration_id)
    )


def _add(
    connection: Connection, actor: Actor, migration_id: str, values: dict[str, Any], now_ns: int
) -> None:
    connection.execute(
        insert(migrations).values(
            **values,
            id=migration_id,
            organisation_id=actor.organisation_id,
            pairs_now=values["pairs_at_once"],
            lowered_ns=0,
            raised_ns=0,
            version=1,
            created_ns=now_ns,
            changed_ns=now_ns,
            created_by=person_behind(connection, actor),
        )
    )


def _check_references(connection: Connection, actor: Actor, new: NewMigration) -> None:
    """Raise NoSuchThing for a connection, map or person that is not the organisation's."""
    check_connections(
        connection, actor.organisation_id, [new.source_connection_id, new.destination_connection_id]
    )
    for map_id in (new.user_map_id, new.permission_map_id):
        if map_id is not None:
            found(connection, user_maps, "map", actor.organisation_id, map_id)
    people = set(new.mail_to)
    known = set(
        connection.scalars(
            select(memberships.c.person_id).where(
                memberships.c.organisation_id == actor.organisation_id, memberships.c.person_id.in_(people)
            )
        )
    )
    for person_id in sorted(people - known):
        raise NoSuchThing(f"there is no person {person_id[:40]!r} in this organisation")
