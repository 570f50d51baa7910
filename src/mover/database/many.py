"""One statement for many rows, compiled once and run by the driver.

SQLAlchemy otherwise goes over the parameters of each row again, which costs as much as writing them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Update

Row = Mapping[str, Any]


def execute_many(connection: Connection, statement: Insert | Update, rows: Sequence[Row]) -> None:
    """Run an insert or update for each row.

    Args:
        connection: Inside a transaction.
        statement: Made once: what it is compiled to is remembered for it.
        rows: Parameters by name. Each row has all of them, the same ones as the first, as values that the driver takes
            (text, whole numbers, booleans, None): defaults of columns and types that convert do not apply.
    """
    if rows:
        text, parameters = _compiled(connection.dialect, statement, frozenset(rows[0]))
        connection.exec_driver_sql(text, [parameters(row) for row in rows])


@functools.lru_cache(maxsize=64)
def _compiled(
    dialect: Dialect, statement: Insert | Update, names: frozenset[str]
) -> tuple[str, Callable[[Row], Any]]:
    """The statement as the driver takes it, and what makes parameters of a row."""
    if isinstance(statement, Insert):
        statement = statement.inline()  # or the numbers of the rows would be fetched
    compiled = statement.compile(dialect=dialect, column_keys=sorted(names))
    order = getattr(compiled, "positiontup", None)
    return str(compiled), itemgetter(*order) if order else dict
