"""The pairs of a migration."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, select, update

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.migrations.acts import Act, changed_fields, note
from mover.migrations.checking import (
    check_priority,
    check_text,
    checked_pair,
    checked_tags,
)
from mover.migrations.csv_files import tags_cell
from mover.migrations.cursors import check_limit
from mover.migrations.filter_box import parse_filter
from mover.migrations.folding import fold, tags_from
from mover.migrations.queries import pairs as queries
from mover.migrations.queries import rows
from mover.migrations.queries.connections import check_connections
from mover.migrations.queries.filtering import cursor_after, sort_column
from mover.migrations.queries.found import change, found
from mover.migrations.queries.selecting import selected
from mover.migrations.records import NewPair, Page, Pair
from mover.migrations.refusals import NotPossible
from mover.migrations.selection import Selection
from mover.migrations.states import RunState, Status
from mover.migrations.tables import migration_pairs, migrations, pair_runs
from mover.reports.cells import cell

_c = migration_pairs.c
_ADDED_AT_ONCE = 10_000
_EXPORTED = 1_000


class Pairs:
    """Add, find, change and remove pairs. Needs READ, what changes something PLAN."""

    def __init__(
        self, database: Database, auditor: Auditor, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._auditor = auditor
        self._now_ns = now_ns

    async def add(self, actor: Actor, migration_id: str, new: Sequence[NewPair]) -> list[Pair]:
        """Add pairs, all or none. Raises InvalidConfiguration."""
        actor.require(Permission.PLAN)
        if len(new) > _ADDED_AT_ONCE:
            raise InvalidConfiguration(f"at most {_ADDED_AT_ONCE} pairs are added at once; more by CSV")
        now_ns = self._now_ns()

        def work(connection: Connection) -> list[Pair]:
            migration = found(connection, migrations, "migration", actor.organisation_id, migration_id)
            values = [_values(pair, migration) for pair in new]
            _check_connections(connection, values, migration.organisation_id)
            fixed = {**rows.never_run(), "created_ns": now_ns, "changed_ns": now_ns}
            ids = queries.add(connection, [{**pair, **fixed} for pair in values])
            self._note(connection, actor, Act.PAIRS_ADDED, migration_id, len(ids))
            return [rows.pair_from(row) for row in queries.with_ids(connection, ids)]

        return await self._database.write(work)

    async def page(
        self,
        actor: Actor,
        migration_id: str,
        *,
        filter: str = "",  # noqa: A002 - the field's own word
        sort: str = "id",
        descending: bool = False,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Pair]:
        """Pairs that match a filter box, in an order. `sort` is one of `SORTS`. Raises FilterMistake, InvalidConfiguration."""
        actor.require(Permission.READ)
        check_limit(limit)
        sort_column(sort)
        terms = parse_filter(filter, now_ns=self._now_ns())
        question = ("pairs", migration_id, filter, sort, descending)
        belongs = queries.of_migration(actor.organisation_id, migration_id)

        def work(connection: Connection) -> Page[Pair]:
            found(connection, migrations, "migration", actor.organisation_id, migration_id)
            page = queries.page(
                connection,
                belongs,
                terms,
                sort=sort,
                descending=descending,
                question=question,
                cursor=cursor,
                limit=limit + 1,
            )
            return Page(
                tuple(rows.pair_from(row) for row in page[:limit]),
                cursor_after(question, page[limit - 1]) if len(page) > limit else None,
                sum(queries.by_status(connection, belongs, terms).values()),
            )

        return await self._database.read(work)

    async def summary(
        self,
        actor: Actor,
        migration_id: str,
        *,
        filter: str = "",  # noqa: A002 - the field's own word
    ) -> Mapping[Status, int]:
        """How many of the pairs that match are in each status; every status is there."""
        actor.require(Permission.READ)
        terms = parse_filter(filter, now_ns=self._now_ns())

        def work(connection: Connection) -> dict[Status, int]:
            found(connection, migrations, "migration", actor.organisation_id, migration_id)
            counted = queries.by_status(
                connection, queries.of_migration(actor.organisation_id, migration_id), terms
            )
            return {status: counted.get(status.value, 0) for status in Status}

        return await self._database.read(work)

    async def only_scanned(self, actor: Actor, migration_id: str) -> int:
        """How many pairs of a migration count as a success because a scan ended well: nothing of them was copied by it."""
        actor.require(Permission.READ)
        belongs = queries.of_migration(actor.organisation_id, migration_id)
        return await self._database.read(lambda connection: queries.only_scanned(connection, belongs))

    async def get(self, actor: Actor, pair_id: int) -> Pair:
        """Find one."""
        actor.require(Permission.READ)
        return await self._database.read(
            lambda connection: rows.pair_from(
                found(connection, migration_pairs, "pair", actor.organisation_id, pair_id)
            )
        )

    async def update(self, actor: Actor, pair_id: int, new: NewPair, *, version: int | None) -> Pair:
        """Change all that a person decides. A run under way keeps the options that it was taken with.

        Raises Overtaken, and NotPossible where other paths or connections are given while a run has not ended.
        """
        actor.require(Permission.PLAN)
        now_ns = self._now_ns()

        def work(connection: Connection) -> Pair:
            pair = found(connection, migration_pairs, "pair", actor.organisation_id, pair_id)
            migration = found(connection, migrations, "migration", actor.organisation_id, pair.migration_id)
            values = _values(new, migration)
            _check_connections(connection, [values], actor.organisation_id)
            change(
                connection,
                update(migration_pairs)
                .where(_c.id == pair_id)
                .values(**values, version=_c.version + 1, changed_ns=now_ns),
                "pair",
                version,
            )
            # After the change: who starts the pair at this moment waits for its row.
            if any(getattr(pair, name) != values[name] for name in queries.ENDS) and queries.are_open(
                connection, [pair_id]
            ):
                raise NotPossible("a run of this pair has not ended; cancel it first, or leave its paths")
            after = rows.pair_from(found(connection, migration_pairs, "pair", actor.organisation_id, pair_id))
            if changed := changed_fields(NewPair, rows.pair_from(pair), after):
                self._note(
                    connection,
                    actor,
                    Act.PAIRS_CHANGED,
                    after.migration_id,
                    1,
                    pair=pair_id,
                    changed=changed,
                )
            return after

        return await self._database.write(work)

    async def delete(self, actor: Actor, selection: Selection) -> int:
        """Remove pairs; returns how many. Those with a run that has not ended stay."""
        actor.require(Permission.PLAN)
        now_ns = self._now_ns()

        def work(connection: Connection) -> int:
            removed = sum(
                queries.change_all(
                    connection, and_(some, _c.open_run.is_(None)), {"removed_ns": now_ns}, now_ns=now_ns
                )
                for some in selected(connection, actor.organisation_id, selection, now_ns=now_ns)
            )
            self._note(connection, actor, Act.PAIRS_DELETED, selection.migration_id, removed)
            return removed

        return await self._database.write(work)

    async def duplicate(self, actor: Actor, selection: Selection) -> int:
        """Add copies that have not run; returns how many."""
        actor.require(Permission.PLAN)
        now_ns = self._now_ns()

        def work(connection: Connection) -> int:
            copied = sum(
                queries.copy(connection, some, into=None, now_ns=now_ns)
                for some in selected(connection, actor.organisation_id, selection, now_ns=now_ns)
            )
            self._note(connection, actor, Act.PAIRS_DUPLICATED, selection.migration_id, copied)
            return copied

        return await self._database.write(work)

    async def tag(
        self, actor: Actor, selection: Selection, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> int:
        """Add and remove tags; returns how many pairs were changed. Raises InvalidConfiguration."""
        actor.require(Permission.PLAN)
        now_ns = self._now_ns()
        gone = {fold(tag.strip()) for tag in remove}

        def work(connection: Connection) -> int:
            changed: list[dict[str, Any]] = []
            for some in selected(connection, actor.organisation_id, selection, now_ns=now_ns):
                for row in connection.execute(select(_c.id, _c.tags).where(some)):
                    before = tags_from(row.tags)
                    known = {fold(tag) for tag in before}
                    after = checked_tags(
                        [tag for tag in before if fold(tag) not in gone]
                        + [tag for tag in add if fold(tag.strip()) not in known]
                    )
                    if after != before:
                        new = rows.tag_values(after)
                        changed.append(
                            {
                                "pair": row.id,
                                "new_tags": new["tags"],
                                "new_folded": new["tags_folded"],
                                "now_ns": now_ns,
                            }
                        )
            queries.retag(connection, changed)
            self._note(
                connection,
                actor,
                Act.PAIRS_CHANGED,
                selection.migration_id,
                len(changed),
                changed="tags",
            )
            return len(changed)

        return await self._database.write(work)

    async def note(self, actor: Actor, selection: Selection, notes: str) -> int:
        """Set the notes; returns how many pairs were changed."""
        actor.require(Permission.PLAN)
        check_text("notes", notes)
        now_ns = self._now_ns()

        def work(connection: Connection) -> int:
            changed = sum(
                queries.change_all(connection, some, rows.note_values(notes), now_ns=now_ns)
                for some in selected(connection, actor.organisation_id, selection, now_ns=now_ns)
            )
            self._note(connection, actor, Act.PAIRS_CHANGED, selection.migration_id, changed, changed="notes")
            return changed

        return await self._database.write(work)

    async def prioritise(self, actor: Actor, selection: Selection, priority: int) -> int:
        """Set the priority, of runs that wait as well; returns how many pairs were changed."""
        actor.require(Permission.PLAN)
        check_priority(priority)
        now_ns = self._now_ns()

        def work(connection: Connection) -> int:
            changed = 0
            for some in selected(connection, actor.organisation_id, selection, now_ns=now_ns):
                connection.execute(
                    update(pair_runs)
                    .where(
                        pair_runs.c.pair_id.in_(select(_c.id).where(some)),
                        pair_runs.c.state != RunState.ENDED.value,
                    )
                    .values(priority=priority)
                )
                changed += queries.change_all(connection, some, {"priority": priority}, now_ns=now_ns)
            self._note(
                connection, actor, Act.PAIRS_CHANGED, selection.migration_id, changed, changed="priority"
            )
            return changed

        return await self._database.write(work)

    def _note(
        self,
        connection: Connection,
        actor: Actor,
        act: Act,
        migration_id: str,
        pairs: int,
        **details: object,
    ) -> None:
        """Keep one event for all pairs of an act; none for an act that found no pair."""
        if pairs:
            now_ns = self._now_ns()
            note(self._auditor, connection, actor, act, migration_id, now_ns=now_ns, pairs=pairs, **details)

    async def export_csv(
        self,
        actor: Actor,
        migration_id: str,
        *,
        filter: str = "",  # noqa: A002 - the field's own word
    ) -> AsyncIterator[str]:
        """Yield lines of `ID,Source Path,Destination Path,Tags`, with line ends, many at once.

        `Imports.read` takes it back as an update.
        """
        yield "ID,Source Path,Destination Path,Tags\r\n"
        cursor: str | None = None
        while True:
            page = await self.page(actor, migration_id, filter=filter, cursor=cursor, limit=_EXPORTED)
            text = io.StringIO(newline="")
            writer = csv.writer(text)
            for pair in page.items:
                writer.writerow(
                    [
                        pair.id,
                        cell(pair.source_path),
                        cell(pair.destination_path),
                        cell(tags_cell(pair.tags)),
                    ]
                )
            yield text.getvalue()
            if (cursor := page.next) is None:
                return


def _values(new: NewPair, migration: Any) -> dict[str, Any]:
    source, destination, tags = checked_pair(new, rows.options_from(migration.options))
    return {
        "organisation_id": migration.organisation_id,
        "migration_id": migration.id,
        "source_connection_id": new.source_connection_id or migration.source_connection_id,
        "destination_connection_id": new.destination_connection_id or migration.destination_connection_id,
        **rows.path_values(source, destination),
        **rows.tag_values(tags),
        **rows.note_values(new.notes),
        "options": rows.text_of(new.options),
        "queue": new.queue,
        "priority": new.priority,
    }


def _check_connections(
    connection: Connection, values: Sequence[Mapping[str, Any]], organisation_id: str
) -> None:
    ids = {pair["source_connection_id"] for pair in values} | {
        pair["destination_connection_id"] for pair in values
    }
    check_connections(connection, organisation_id, ids)
