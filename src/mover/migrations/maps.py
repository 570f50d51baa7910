"""User maps and permission maps: who of a source is who at a destination. Runs re-create permissions through them."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, or_, select, update

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.migrations.acts import Act
from mover.migrations.checking import check_name
from mover.migrations.cursors import check_limit, cursor_for, read_cursor
from mover.migrations.map_files import DESTINATION, SOURCE, read_map
from mover.migrations.map_rows import Mapped, checked_row, mapped, wanted_keys
from mover.migrations.queries import maps as queries
from mover.migrations.queries.found import change
from mover.migrations.records import MapChange, MapKind, MapRow, Page, Subject, UserMap
from mover.migrations.refusals import NoSuchThing, NotPossible
from mover.migrations.tables import migrations, user_map_rows, user_maps
from mover.reports.cells import cell
from mover.transfer.grantees import GranteeMap

_MOST_USERS = 10_000


class MapImport(msgspec.Struct, frozen=True, kw_only=True):
    """What a file does to a map. `problems` are sentences with their line; nothing is changed if there are any."""

    added: int
    changed: int
    removed: int
    unchanged: int
    problems: tuple[str, ...]


class Maps:
    """Needs READ, what changes something PLAN."""

    def __init__(
        self, database: Database, auditor: Auditor, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._auditor = auditor
        self._now_ns = now_ns

    async def create(self, actor: Actor, name: str, kind: MapKind) -> UserMap:
        """Add an empty map. Raises InvalidConfiguration."""
        actor.require(Permission.PLAN)
        now_ns, map_id = self._now_ns(), token_hex(16)
        values = {
            "id": map_id,
            "organisation_id": actor.organisation_id,
            "name": check_name(name),
            "kind": kind.value,
            "version": 1,
            "created_ns": now_ns,
            "changed_ns": now_ns,
        }

        def work(connection: Connection) -> UserMap:
            connection.execute(insert(user_maps).values(**values))
            made = queries.user_map(connection, actor.organisation_id, map_id)
            self._note(connection, actor, Act.MAP_CREATED, made, kind=kind.value)
            return made

        return await self._database.write(work)

    async def list(self, actor: Actor) -> tuple[UserMap, ...]:
        """All maps, by name."""
        actor.require(Permission.READ)
        return tuple(
            await self._database.read(lambda connection: queries.all_maps(connection, actor.organisation_id))
        )

    async def get(self, actor: Actor, map_id: str) -> UserMap:
        """Find one."""
        actor.require(Permission.READ)
        return await self._database.read(
            lambda connection: queries.user_map(connection, actor.organisation_id, map_id)
        )

    async def rename(self, actor: Actor, map_id: str, name: str, *, version: int | None) -> UserMap:
        """Give it another name. Raises InvalidConfiguration, Overtaken."""
        actor.require(Permission.PLAN)
        name = check_name(name)

        def work(connection: Connection) -> UserMap:
            before = queries.user_map(connection, actor.organisation_id, map_id)
            statement = (
                update(user_maps)
                .where(user_maps.c.id == map_id)
                .values(name=name, version=user_maps.c.version + 1, changed_ns=self._now_ns())
            )
            change(connection, statement, "map", version)
            after = queries.user_map(connection, actor.organisation_id, map_id)
            if after.name != before.name:
                self._note(connection, actor, Act.MAP_CHANGED, after, name_before=before.name)
            return after

        return await self._database.write(work)

    async def delete(self, actor: Actor, map_id: str) -> None:
        """Remove it with its history. Raises NotPossible while a migration uses it."""
        actor.require(Permission.PLAN)

        def work(connection: Connection) -> None:
            gone = queries.user_map(connection, actor.organisation_id, map_id)
            used = select(migrations.c.name).where(
                migrations.c.organisation_id == actor.organisation_id,
                migrations.c.removed_ns.is_(None),
                or_(migrations.c.user_map_id == map_id, migrations.c.permission_map_id == map_id),
            )
            if row := connection.execute(used.limit(1)).first():
                raise NotPossible(f"the migration {row.name!r} uses this map")
            connection.execute(delete(user_maps).where(user_maps.c.id == map_id))
            self._note(connection, actor, Act.MAP_DELETED, gone, rows=gone.rows)

        await self._database.write(work)

    async def rows(
        self, actor: Actor, map_id: str, *, text: str = "", cursor: str | None = None, limit: int = 100
    ) -> Page[MapRow]:
        """Rows by source; with `text` those that have it in source or destination."""
        actor.require(Permission.READ)
        check_limit(limit)
        question = ("map rows", map_id, text)
        after = read_cursor(question, cursor, str)

        def work(connection: Connection) -> Page[MapRow]:
            queries.user_map(connection, actor.organisation_id, map_id)
            page, total = queries.page_of_rows(
                connection, map_id, text=text[:1_000], after=(after[0], 0) if after else None, limit=limit + 1
            )
            return Page(
                tuple(queries.row_from(row) for row in page[:limit]),
                cursor_for(question, page[limit - 1].source_folded) if len(page) > limit else None,
                total,
            )

        return await self._database.read(work)

    async def put_row(self, actor: Actor, map_id: str, source: str, destination: str) -> MapRow:
        """Add a row, or change the one with this source. An empty destination drops. Raises InvalidConfiguration."""
        actor.require(Permission.PLAN)
        row = checked_row(source, destination)

        def work(connection: Connection) -> MapRow:
            into = queries.user_map(connection, actor.organisation_id, map_id)
            done = self._apply(connection, actor, map_id, {row[2]: row}, replace=False)
            self._note_rows(connection, actor, Act.MAP_CHANGED, into, done)
            return queries.row_from(queries.rows_with(connection, map_id, [row[2]])[row[2]])

        return await self._database.write(work)

    async def remove_row(self, actor: Actor, map_id: str, row_id: int) -> None:
        """Remove a row."""
        actor.require(Permission.PLAN)

        def work(connection: Connection) -> None:
            of = queries.user_map(connection, actor.organisation_id, map_id)
            query = select(user_map_rows).where(
                user_map_rows.c.map_id == map_id, user_map_rows.c.id == row_id
            )
            row = connection.execute(query).one_or_none() if 0 < row_id < 2**63 else None
            if row is None:
                raise NoSuchThing(f"there is no row {str(row_id)[:40]} in this map")
            queries.remove_rows(connection, [row_id])
            gone = (queries.REMOVED, row.source, row.destination, None)
            queries.keep_changes(connection, actor, map_id, [gone], self._now_ns())
            self._note(connection, actor, Act.MAP_CHANGED, of, removed=1)

        await self._database.write(work)

    async def import_csv(
        self,
        actor: Actor,
        map_id: str,
        content: AsyncIterable[bytes],
        *,
        replace: bool = False,
        dry_run: bool = False,
    ) -> MapImport:
        """Read `Source User,Destination User`: all or nothing. With `replace` rows that are not in the file go."""
        actor.require(Permission.PLAN)
        await self.get(actor, map_id)
        new, problems = await read_map(content)
        if problems:
            return MapImport(added=0, changed=0, removed=0, unchanged=0, problems=tuple(problems))

        def work(connection: Connection) -> MapImport:
            into = queries.user_map(connection, actor.organisation_id, map_id)
            done = self._apply(connection, actor, map_id, new, replace=replace, dry_run=dry_run)
            if not dry_run:
                self._note_rows(connection, actor, Act.MAP_IMPORTED, into, done)
            return done

        return await (self._database.read(work) if dry_run else self._database.write(work))

    async def export_csv(self, actor: Actor, map_id: str) -> AsyncIterator[str]:
        """Yield lines of CSV, with line ends; `import_csv` takes them back."""
        yield f"{SOURCE},{DESTINATION}\r\n"
        cursor: str | None = None
        while True:
            page = await self.rows(actor, map_id, cursor=cursor, limit=1_000)
            text = io.StringIO(newline="")
            csv.writer(text).writerows((cell(row.source), cell(row.destination)) for row in page.items)
            yield text.getvalue()
            if (cursor := page.next) is None:
                return

    async def preview(self, actor: Actor, map_id: str, users: Sequence[str]) -> tuple[Mapped, ...]:
        """What the map does to users and groups: their own row, else that of their domain."""
        actor.require(Permission.READ)
        if len(users) > _MOST_USERS:
            raise InvalidConfiguration(f"at most {_MOST_USERS} users are previewed at once")

        def work(connection: Connection) -> tuple[Mapped, ...]:
            queries.user_map(connection, actor.organisation_id, map_id)
            found = queries.rows_with(connection, map_id, wanted_keys(users))
            rows = GranteeMap({key: (row.source, row.destination) for key, row in found.items()})
            return tuple(mapped(user, rows) for user in users)

        return await self._database.read(work)

    async def history(
        self, actor: Actor, map_id: str, *, cursor: str | None = None, limit: int = 100
    ) -> Page[MapChange]:
        """Who changed what and when, newest first."""
        actor.require(Permission.READ)
        check_limit(limit)
        question = ("map history", map_id)
        after = read_cursor(question, cursor, int)

        def work(connection: Connection) -> Page[MapChange]:
            queries.user_map(connection, actor.organisation_id, map_id)
            page, total = queries.history(connection, map_id, after[0] if after else None, limit + 1)
            return Page(
                tuple(queries.change_from(row) for row in page[:limit]),
                cursor_for(question, page[limit - 1].id) if len(page) > limit else None,
                total,
            )

        return await self._database.read(work)

    def _note(
        self, connection: Connection, actor: Actor, act: Act, which: UserMap, **details: object
    ) -> None:
        told = {key: str(value) for key, value in details.items()}
        self._auditor.record(connection, actor, act, f"map {which.name}", told, now_ns=self._now_ns())

    def _note_rows(
        self, connection: Connection, actor: Actor, act: Act, which: UserMap, done: MapImport
    ) -> None:
        """Keep how many rows an act changed; who was mapped to whom is in the map's own history."""
        counts = {"added": done.added, "changed": done.changed, "removed": done.removed}
        if any(counts.values()):
            self._note(connection, actor, act, which, **counts)

    def _apply(
        self,
        connection: Connection,
        actor: Actor,
        map_id: str,
        new: Mapping[str, tuple[Subject, str, str, str]],
        *,
        replace: bool,
        dry_run: bool = False,
    ) -> MapImport:
        """Put rows by key into a map, and keep what changed by that."""
        before = (
            {row.source_folded: row for row in queries.every_row(connection, map_id)}
            if replace
            else queries.rows_with(connection, map_id, new.keys())
        )
        added = [row for key, row in new.items() if key not in before]
        changed = [row for key, row in new.items() if key in before and before[key].destination != row[3]]
        removed = [row for key, row in before.items() if key not in new] if replace else []
        if not dry_run:
            queries.add_rows(connection, [_values(map_id, row) for row in added])
            queries.change_rows(
                connection,
                [
                    {"row": before[row[2]].id, "new_source": row[1], "new_destination": row[3]}
                    for row in changed
                ],
            )
            queries.remove_rows(connection, [row.id for row in removed])
            changes = [
                *((queries.ADDED, row[1], None, row[3]) for row in added),
                *((queries.CHANGED, row[1], before[row[2]].destination, row[3]) for row in changed),
                *((queries.REMOVED, row.source, row.destination, None) for row in removed),
            ]
            queries.keep_changes(connection, actor, map_id, changes, self._now_ns())
        return MapImport(
            added=len(added),
            changed=len(changed),
            removed=len(removed),
            unchanged=len(new) - len(added) - len(changed),
            problems=(),
        )


def _values(map_id: str, row: tuple[Subject, str, str, str]) -> dict[str, Any]:
    kind, source, key, destination = row
    return {
        "map_id": map_id,
        "kind": kind.value,
        "source": source,
        "source_folded": key,
        "destination": destination,
    }
