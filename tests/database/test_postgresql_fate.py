"""A transaction's number after a crash: it may be given out a second time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from tests.servers.restarting import RestartingServer, restarting

from mover.database.locations import parsed
from mover.database.postgresql import make_engine
from mover.database.postgresql_fate import Fate, Number, fate_of, number_of

pytestmark = pytest.mark.servers


@pytest.fixture
def server() -> Iterator[RestartingServer]:
    """One that ends as in a crash."""
    with restarting() as server:
        yield server


@pytest.fixture
def engine(server: RestartingServer) -> Iterator[Engine]:
    made = make_engine(parsed(server.server.url("postgres")), connections=3)
    yield made
    made.dispose()


def next_number(engine: Engine) -> Number:
    """The number of a transaction that does nothing and is committed."""
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("BEGIN")
        return number_of(connection)


def fate(engine: Engine, number: Number) -> Fate:
    with engine.connect() as connection:
        return fate_of(connection, number)


async def crash(server: RestartingServer, engine: Engine, after: Number) -> None:
    """Crash until the server recovers in a later second than the number was given out in: it tells times by seconds."""
    recovered = after.given
    while recovered <= after.given:
        await server.restart()
        engine.dispose()
        with engine.connect() as connection:
            asked = "SELECT checkpoint_time FROM pg_control_checkpoint()"
            recovered = connection.exec_driver_sql(asked).scalar_one()


async def test_a_number_that_went_with_a_crash_is_not_judged_by_who_has_it_now(server, engine):
    with engine.connect() as connection:
        transaction = connection.begin()
        connection.exec_driver_sql("BEGIN")
        number = number_of(connection)
        await crash(server, engine, number)
        connection.invalidate()
        transaction.close()
    while int((stranger := next_number(engine)).full) < int(number.full):
        pass

    assert stranger.full == number.full
    assert fate(engine, stranger) is Fate.COMMITTED
    assert fate(engine, number) is Fate.LOST


async def test_what_was_committed_before_a_crash_stays_so(server, engine):
    server.server.execute("CREATE TABLE notes (word text)")
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("BEGIN")
        number = number_of(connection)
        connection.exec_driver_sql("INSERT INTO notes VALUES ('a')")
    await crash(server, engine, number)

    assert server.server.execute("SELECT word FROM notes") == [("a",)]
    assert fate(engine, number) is Fate.COMMITTED


async def test_a_checkpoint_between_number_and_question_changes_nothing(server, engine):
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("BEGIN")
        ended = number_of(connection)
        transaction.rollback()
    number = next_number(engine)
    server.server.execute("CHECKPOINT")

    assert fate(engine, number) is Fate.COMMITTED
    assert fate(engine, ended) is Fate.LOST
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("BEGIN")
        assert fate(engine, number_of(connection)) is Fate.OPEN
        transaction.rollback()
