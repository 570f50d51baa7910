"""Pairs from CSV: read into the database line by line, looked at, then applied as a whole or not at all."""

from __future__ import annotations

import enum
import time
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, update

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.migrations.acts import Act, note
from mover.migrations.checking import checked_path, checked_tags
from mover.migrations.csv_files import BadFile, columns, records, tags_of_cell
from mover.migrations.folding import fold, tags_from
from mover.migrations.queries import imports as queries
from mover.migrations.queries import rows
from mover.migrations.queries.found import found
from mover.migrations.refusals import NotPossible
from mover.migrations.tables import migrations, pair_imports
from mover.reports.cells import unguarded

_KEPT_AT_ONCE = 1_000
_SHOWN = 100
_MOST_ROWS = 250_000
_SOURCE, _DESTINATION, _TAGS, _ID = "Source Path", "Destination Path", "Tags", "ID"


class ImportKind(enum.StrEnum):
    """What a file is for.

    ADD: `Source Path,Destination Path,Tags`, the last one may be missing. UPDATE: `ID,Source Path,Destination Path` and
    perhaps `Tags`; what is blank stays as it is.
    """

    ADD = "add"
    UPDATE = "update"


class ImportLine(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the file. A path of None stays as it is. `problem` and `duplicate_of` are empty when all is well."""

    line: int
    pair_id: int | None
    source_path: str | None
    destination_path: str | None
    tags: tuple[str, ...]
    problem: str
    duplicate_of: str


class ImportPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a file would do. It can be applied when there is no problem; duplicates are passed over then.

    Attributes:
        id: For `Imports.apply`.
        rows: Lines with something in them, without the headings.
        problem: Of the file as a whole; empty when there is none.
        first_rows: At most 100, as are `first_problems` and `first_duplicates`.
    """

    id: str
    migration_id: str
    kind: ImportKind
    rows: int
    problems: int
    duplicates: int
    problem: str
    first_problems: tuple[ImportLine, ...]
    first_duplicates: tuple[ImportLine, ...]
    first_rows: tuple[ImportLine, ...]
    applied: bool

    @property
    def possible(self) -> bool:
        """Whether it can be applied."""
        return not (self.problem or self.problems or self.applied)


class Imports:
    """CSV files of pairs. Needs PLAN."""

    def __init__(
        self, database: Database, auditor: Auditor, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._auditor = auditor
        self._now_ns = now_ns

    async def read(
        self, actor: Actor, migration_id: str, kind: ImportKind, content: AsyncIterable[bytes]
    ) -> ImportPreview:
        """Read a file to its end and tell what it would do; no pair is touched. Memory stays flat.

        What is wrong with the file or its lines is in the preview. Raises what the content raises.
        """
        actor.require(Permission.PLAN)
        import_id = token_hex(16)
        await self._database.write(
            lambda connection: self._begin(connection, actor, import_id, migration_id, kind)
        )
        problem, lines = await self._keep(import_id, kind, content)

        def complete(connection: Connection) -> None:
            migration = found(connection, migrations, "migration", actor.organisation_id, migration_id)
            if kind is ImportKind.ADD:
                queries.mark_duplicates(connection, import_id, migration)
            else:
                queries.mark_unknown(connection, import_id, actor.organisation_id, migration_id)
            connection.execute(
                update(pair_imports)
                .where(pair_imports.c.id == import_id)
                .values(complete=True, lines=lines, problem=problem)
            )

        await self._database.write(complete)
        return await self.preview(actor, import_id)

    async def preview(self, actor: Actor, import_id: str) -> ImportPreview:
        """Tell again what a file would do."""
        actor.require(Permission.PLAN)

        def work(connection: Connection) -> ImportPreview:
            kept = found(connection, pair_imports, "import", actor.organisation_id, import_id)
            total, problems, duplicates = queries.counts(connection, import_id)
            return ImportPreview(
                id=import_id,
                migration_id=kept.migration_id,
                kind=ImportKind(kept.kind),
                rows=total,
                problems=problems,
                duplicates=duplicates,
                problem=kept.problem,
                first_problems=_lines(queries.lines(connection, import_id, _SHOWN, queries.WITH_PROBLEM)),
                first_duplicates=_lines(queries.lines(connection, import_id, _SHOWN, queries.DUPLICATES)),
                first_rows=_lines(queries.lines(connection, import_id, _SHOWN)),
                applied=kept.applied_ns is not None,
            )

        return await self._database.read(work)

    async def lines(
        self, actor: Actor, import_id: str, *, after: int = 0, limit: int = 100
    ) -> list[ImportLine]:
        """Rows of a file after a line."""
        actor.require(Permission.PLAN)

        def work(connection: Connection) -> tuple[ImportLine, ...]:
            found(connection, pair_imports, "import", actor.organisation_id, import_id)
            return _lines(queries.lines(connection, import_id, limit, after=after))

        return list(await self._database.read(work))

    async def apply(self, actor: Actor, import_id: str) -> int:
        """Add or change the pairs, all in one transaction; returns how many.

        Raises NotPossible if there are problems (looked for once more), or it was applied already.
        """
        actor.require(Permission.PLAN)
        now_ns = self._now_ns()

        def work(connection: Connection) -> int:
            kept = found(connection, pair_imports, "import", actor.organisation_id, import_id)
            migration = found(connection, migrations, "migration", actor.organisation_id, kept.migration_id)
            taken = connection.execute(
                update(pair_imports)
                .where(pair_imports.c.id == import_id, pair_imports.c.applied_ns.is_(None))
                .values(applied_ns=now_ns)
            )
            if taken.rowcount != 1:
                raise NotPossible("this file was applied already")
            adds = kept.kind == ImportKind.ADD.value
            if adds:
                queries.mark_duplicates(connection, import_id, migration)
            else:
                queries.mark_unknown(connection, import_id, actor.organisation_id, kept.migration_id)
            _, problems, _ = queries.counts(connection, import_id)
            if kept.problem or problems or not kept.complete:
                raise NotPossible(
                    f"this file has problems ({kept.problem or problems}); correct them and read it again"
                )
            if adds:
                pairs = queries.add_pairs(connection, import_id, migration, now_ns)
            else:
                pairs = queries.change_pairs(connection, import_id, now_ns)
            note(
                self._auditor,
                connection,
                actor,
                Act.PAIRS_IMPORTED,
                kept.migration_id,
                now_ns=now_ns,
                pairs=pairs,
                kind=kept.kind,
            )
            return pairs

        return await self._database.write(work)

    def _begin(
        self, connection: Connection, actor: Actor, import_id: str, migration_id: str, kind: ImportKind
    ) -> None:
        found(connection, migrations, "migration", actor.organisation_id, migration_id)
        connection.execute(
            insert(pair_imports).values(
                id=import_id,
                organisation_id=actor.organisation_id,
                migration_id=migration_id,
                kind=kind.value,
                complete=False,
                lines=0,
                problem="",
                created_ns=self._now_ns(),
            )
        )

    async def _keep(self, import_id: str, kind: ImportKind, content: AsyncIterable[bytes]) -> tuple[str, int]:
        """Keep all lines; returns what is wrong with the file as a whole, and how many lines there were."""
        places: dict[str, int] | None = None
        waiting: list[dict[str, Any]] = []
        count = 0
        problem = ""
        try:
            async for line, row in records(content):
                if places is None:
                    places = _places(kind, row)
                    continue
                count += 1
                if count > _MOST_ROWS:
                    raise BadFile(f"more than {_MOST_ROWS} rows; cut the file in two", line)  # noqa: TRY301 - the one way out
                waiting.append(_row(import_id, kind, line, row, places))
                if len(waiting) == _KEPT_AT_ONCE:
                    some, waiting = waiting, []
                    await self._database.write(lambda connection, some=some: queries.keep(connection, some))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
        except BadFile as error:
            problem = error.message
        await self._database.write(lambda connection: queries.keep(connection, waiting))
        if places is None and not problem:
            problem = f"line 1: the file is empty; its first line has to be {','.join(_headings(kind))}"
        if not count and not problem:
            problem = "line 2: there is nothing below the headings"
        return problem, count


def _headings(kind: ImportKind) -> tuple[str, ...]:
    return (_SOURCE, _DESTINATION, _TAGS) if kind is ImportKind.ADD else (_ID, _SOURCE, _DESTINATION, _TAGS)


def _places(kind: ImportKind, header: Sequence[str]) -> dict[str, int]:
    needed = (_SOURCE, _DESTINATION) if kind is ImportKind.ADD else (_ID,)
    return columns(header, _headings(kind), needed)


def _row(
    import_id: str, kind: ImportKind, line: int, cells: Sequence[str], places: Mapping[str, int]
) -> dict[str, Any]:
    values: dict[str, Any] = {
        "import_id": import_id,
        "line": line,
        "pair_id": None,
        "source_path": None,
        "destination_path": None,
        "source_folded": None,
        "destination_folded": None,
        "paths_key": None,
        "tags": "",
        "tags_folded": "",
        "problem": "",
        "duplicate_of": "",
    }
    if len(cells) > max(places.values()) + 1 and any(
        cell.strip() for cell in cells[max(places.values()) + 1 :]
    ):
        return {**values, "problem": "more cells than columns; a path with a separator is put into quotes"}

    def cell(column: str) -> str:
        place = places.get(column)
        return unguarded(cells[place]) if place is not None and place < len(cells) else ""

    try:
        if kind is ImportKind.UPDATE:
            values["pair_id"] = _id(cell(_ID))
        for column, name in ((_SOURCE, "source"), (_DESTINATION, "destination")):
            text = cell(column)
            if text.strip() or kind is ImportKind.ADD:
                path = checked_path(column.lower(), text)
                values[f"{name}_path"], values[f"{name}_folded"] = path, fold(path)
        if kind is ImportKind.ADD:
            values["paths_key"] = rows.paths_key(values["source_path"], values["destination_path"])
        tags = cell(_TAGS)
        if tags.strip() or kind is ImportKind.ADD:
            values |= rows.tag_values(checked_tags(tags_of_cell(tags)))
    except InvalidConfiguration as error:
        values["problem"] = error.message
    except ValueError as error:
        values["problem"] = str(error)
    return values


def _id(text: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) < 19):  # noqa: PLR2004 - what 63 bits hold
        raise ValueError(
            f"the ID {text.strip()[:40]!r} is not a number" if text.strip() else "the ID is missing"
        )
    return int(text)


def _lines(found_rows: Sequence[Any]) -> tuple[ImportLine, ...]:
    return tuple(
        ImportLine(
            line=row.line,
            pair_id=row.pair_id,
            source_path=row.source_path,
            destination_path=row.destination_path,
            tags=tags_from(row.tags) if row.tags else (),
            problem=row.problem,
            duplicate_of=row.duplicate_of,
        )
        for row in found_rows
    )
