"""A parsed filter as a condition, and the order of pairs with its cursor."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ExceptionContext,
    Select,
    and_,
    event,
    false,
    func,
    literal,
    not_,
    or_,
    true,
)

from mover.errors import InvalidConfiguration
from mover.migrations.cursors import cursor_for, read_cursor
from mover.migrations.filter_box import COLUMNS, Compare, Kind, Term
from mover.migrations.folding import fold, like, whole_tag
from mover.migrations.patterns import Budget, Expression, TooCostly
from mover.migrations.refusals import FilterMistake
from mover.migrations.tables import migration_pairs

_c = migration_pairs.c
_MOST_PIECES = 10_000_000  # of sets for all rows of a query: some seconds of one core
_SPENT = "mover_filter_spent"
_FOLDED: dict[str, ColumnElement[str]] = {
    "source": _c.source_folded,
    "destination": _c.destination_folded,
    "notes": _c.notes_folded,
    "message": func.lower(_c.message),
    "queue": func.lower(_c.queue),
}
_WRITTEN: dict[str, ColumnElement[str]] = {
    "source": _c.source_path,
    "destination": _c.destination_path,
    "notes": _c.notes,
    "message": _c.message,
    "queue": _c.queue,
}
_NUMBERS: dict[str, ColumnElement[int]] = {
    "id": _c.id,
    "code": _c.code,
    "priority": _c.priority,
    "runs": _c.runs,
    "seen": _c.files_seen,
    "files": _c.files_copied,
    "skipped": _c.files_skipped,
    "failed": _c.files_failed,
    "folders": _c.folders_seen,
    "size": _c.bytes_seen,
    "bytes": _c.bytes_copied,
    "started": _c.started_ns,
    "ended": _c.ended_ns,
    "created": _c.created_ns,
}
_COMPARED = {
    Compare.MORE: operator.gt,
    Compare.AT_LEAST: operator.ge,
    Compare.LESS: operator.lt,
    Compare.AT_MOST: operator.le,
}

SORTS: dict[str, tuple[ColumnElement[Any], type]] = {
    "id": (_c.id, int),
    "source": (_c.source_folded, str),
    "destination": (_c.destination_folded, str),
    "tags": (_c.tags_folded, str),
    "notes": (_c.notes_folded, str),
    "status": (_c.status, str),
    "code": (_c.code, int),
    "priority": (_c.priority, int),
    "runs": (_c.runs, int),
    "seen": (_c.files_seen, int),
    "files": (_c.files_copied, int),
    "skipped": (_c.files_skipped, int),
    "failed": (_c.files_failed, int),
    "size": (_c.bytes_seen, int),
    "bytes": (_c.bytes_copied, int),
    "duration": (_c.last_active_ns, int),
    "started": (func.coalesce(_c.started_ns, 0), int),
    "ended": (func.coalesce(_c.ended_ns, 0), int),
    "created": (_c.created_ns, int),
}
"""What pairs can be sorted by. What is equal is sorted by id."""


def condition(connection: Connection, terms: Sequence[Term]) -> ColumnElement[bool]:
    """Return the condition that a filter is.

    Running it raises FilterMistake where the database has no expressions of its own and those of the filter take more
    work for all its rows than a filter may.
    """
    if connection.dialect.name != "postgresql" and any(term.pattern for term in terms):
        _lend_expressions(connection)
    return and_(true(), *(_with_sign(_term(connection, term), negated=term.negated) for term in terms))


def _with_sign(found: ColumnElement[bool], *, negated: bool) -> ColumnElement[bool]:
    return not_(func.coalesce(found, false())) if negated else found


def _term(connection: Connection, term: Term) -> ColumnElement[bool]:
    is_not = term.compare is Compare.IS_NOT
    found = _matches(connection, term) if term.pattern else _values(term)
    return _with_sign(found, negated=is_not)


def _matches(connection: Connection, term: Term) -> ColumnElement[bool]:
    assert term.pattern is not None
    match term.column:
        case "":
            columns: Sequence[ColumnElement[str]] = (_c.source_path, _c.destination_path, _c.tags, _c.notes)
        case "path":
            columns = (_c.source_path, _c.destination_path)
        case "tag" | "tags":
            columns = (_c.tags,)
        case name:
            columns = (_WRITTEN[name],)
    return or_(*(matches(connection, column, term.pattern) for column in columns))


def _values(term: Term) -> ColumnElement[bool]:
    if term.column == "":
        return _contained((_c.source_folded, _c.destination_folded, _c.tags_folded, _c.notes_folded), term)
    if term.column == "path":
        return _contained((_c.source_folded, _c.destination_folded), term)
    match COLUMNS[term.column]:
        case Kind.TEXT:
            return _contained((_FOLDED[term.column],), term)
        case Kind.TAGS:
            return or_(
                *(
                    _c.tags_folded.like(like(whole_tag(str(v))), escape="\\") if v else _c.tags_folded == ""
                    for v in term.values
                )
            )
        case Kind.STATUS:
            return _c.status.in_(term.values)
        case Kind.NUMBER | Kind.SIZE | Kind.TIME:
            column = _NUMBERS[term.column]
            if term.compare in _COMPARED:
                compared: ColumnElement[bool] = _COMPARED[term.compare](column, term.values[0])
                return compared
            return column.in_(term.values)


def _contained(columns: Sequence[ColumnElement[str]], term: Term) -> ColumnElement[bool]:
    texts = [fold(str(value)) for value in term.values]
    whole = term.compare is not Compare.HAS
    return or_(
        *(
            column == text if whole or not text else column.like(like(text), escape="\\")
            for column in columns
            for text in texts
        )
    )


def matches(connection: Connection, column: ColumnElement[str], pattern: Expression) -> ColumnElement[bool]:
    """Return the condition that an expression is found in a column, by the database's own means or by ours."""
    if connection.dialect.name == "postgresql":
        return column.op("~", is_comparison=True)(pattern.for_postgresql())
    return func.mover_found(literal(pattern.text), column) == 1


def _lend_expressions(connection: Connection) -> None:
    """Let SQLite look for expressions by `mover_found(expression, text)`, with a new budget."""
    budget, about = Budget(_MOST_PIECES), connection.info

    def found(pattern: str, text: str | None) -> bool:
        try:
            return text is not None and _parsed(pattern).found_in(text, budget)
        except TooCostly:
            about[_SPENT] = True
            raise

    about.pop(_SPENT, None)
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.create_function("mover_found", 2, found, deterministic=True)
    if not event.contains(connection.engine, "handle_error", _tell_of_costs):
        event.listen(connection.engine, "handle_error", _tell_of_costs)


def _tell_of_costs(context: ExceptionContext) -> None:
    """Say what happened: of what a function raises SQLite tells only that it did."""
    if context.connection is not None and context.connection.info.pop(_SPENT, False):
        raise FilterMistake(
            "the expression takes too much work for these pairs; write a simpler one, with fewer repeats", 1
        )


@functools.lru_cache(maxsize=16)
def _parsed(pattern: str) -> Expression:
    return Expression(pattern)


def ordered(
    query: Select[Any], sort: str, *, descending: bool, question: tuple[object, ...], cursor: str | None
) -> Select[Any]:
    """Sort pairs, and leave out those up to a cursor. Raises InvalidConfiguration."""
    column, kind = sort_column(sort)
    if after := read_cursor(question, cursor, kind, int):
        value, last_id = after
        beyond = column < value if descending else column > value
        same = _c.id < last_id if descending else _c.id > last_id
        query = query.where(or_(beyond, and_(column == value, same)))
    order = (column.desc(), _c.id.desc()) if descending else (column.asc(), _c.id.asc())
    return query.add_columns(column.label("sorted_by")).order_by(*order)


def cursor_after(question: tuple[object, ...], row: Any) -> str:
    """The cursor of the page that ends with this row of `ordered`."""
    return cursor_for(question, row.sorted_by, row.id)


def sort_column(sort: str) -> tuple[ColumnElement[Any], type]:
    """Find what a column is sorted by. Raises InvalidConfiguration."""
    if sort not in SORTS:
        raise InvalidConfiguration(f"pairs cannot be sorted by {sort[:40]!r}; there are {', '.join(SORTS)}")
    return SORTS[sort]
