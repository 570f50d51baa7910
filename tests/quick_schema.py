"""Gives new SQLite files the schema as the revisions leave it, from memory: a thousand tests need not run them all anew.

The revisions themselves are run once for that, and by `tests/database/test_schema.py` and every process that a test starts.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.pool import StaticPool

import mover.database.sqlite as store
from mover.database.schema import bring_up_to_date

_step_by_step = [False]


def install() -> None:
    """Use it in this process from now on."""
    vars(store)["bring_up_to_date"] = _bring_up_to_date


@contextmanager
def step_by_step() -> Iterator[None]:
    """Run the revisions for new files, too, until the end of the block."""
    _step_by_step[0] = True
    yield
    _step_by_step[0] = False


def _bring_up_to_date(connection: Connection) -> None:
    if _step_by_step[0] or inspect(connection).get_table_names():
        bring_up_to_date(connection)
        return
    for statement in _statements():
        connection.exec_driver_sql(statement)


@functools.cache
def _statements() -> tuple[str, ...]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        bring_up_to_date(connection)
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        made = tuple(text for text in driver.iterdump() if text not in {"BEGIN TRANSACTION;", "COMMIT;"})
    engine.dispose()
    return made
