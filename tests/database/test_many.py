from __future__ import annotations

import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, Text, bindparam, insert, select, update

from mover.database.many import execute_many

things = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("done", Boolean),
)


@pytest.fixture
async def with_things(database):
    await database.write(things.create)
    return database


async def test_rows_are_written_whatever_the_order_of_their_values(with_things):
    rows: list[dict[str, object]] = [
        {"done": True, "name": "a", "id": 1},
        {"id": 2, "name": None, "done": False},
    ]

    await with_things.write(lambda connection: execute_many(connection, insert(things), rows))

    found = await with_things.read(lambda connection: connection.execute(select(things)).all())
    assert [tuple(row) for row in found] == [(1, "a", True), (2, None, False)]


async def test_a_statement_serves_rows_with_other_columns_too(with_things):
    statement = insert(things)

    def work(connection):
        execute_many(connection, statement, [{"id": 1, "name": "a"}])
        execute_many(connection, statement, [{"id": 2, "done": True}])

    await with_things.write(work)

    found = await with_things.read(lambda connection: connection.execute(select(things)).all())
    assert [tuple(row) for row in found] == [(1, "a", None), (2, None, True)]


async def test_each_row_of_an_update_changes_its_own(with_things):
    statement = update(things).where(things.c.id == bindparam("which")).values(name=bindparam("name"))

    def work(connection):
        execute_many(connection, insert(things), [{"id": number, "name": "old"} for number in (1, 2, 3)])
        execute_many(connection, statement, [{"which": 3, "name": "c"}, {"which": 1, "name": "a"}])

    await with_things.write(work)

    found = await with_things.read(
        lambda connection: connection.execute(select(things.c.name).order_by(things.c.id)).scalars().all()
    )
    assert list(found) == ["a", "old", "c"]


async def test_without_rows_nothing_happens(with_things):
    await with_things.write(lambda connection: execute_many(connection, insert(things), []))

    assert not await with_things.read(lambda connection: connection.execute(select(things)).all())
