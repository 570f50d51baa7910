"""A filter's expression cannot keep a core busy, however many pairs it is held against."""

from __future__ import annotations

import random
from functools import partial

import pytest
from sqlalchemy import Connection, update
from tests.database_url import on_sqlite
from tests.migrations.office import Office

from mover.migrations.patterns import Budget, Expression, TooCostly
from mover.migrations.queries import filtering
from mover.migrations.refusals import FilterMistake
from mover.migrations.selection import Selection
from mover.migrations.tables import migration_pairs

HOSTILE = "a(?:.{100}){5}c"
PIECES = 20_000


def hostile_text(length: int, seed: int = 7) -> str:
    rng = random.Random(seed)
    return "/" + "".join(rng.choices("ab", k=length))


def test_work_is_counted_and_ends_with_the_budget() -> None:
    budget = Budget(PIECES)
    with pytest.raises(TooCostly):
        Expression(HOSTILE).found_in(hostile_text(5_000), budget)
    with pytest.raises(TooCostly):  # and it stays at that
        Expression(HOSTILE).found_in(hostile_text(500), budget)


def test_what_is_remembered_costs_nothing() -> None:
    ordinary, budget = Expression(r"^/(?:finance|sales)/.*\d{4}\.pdf$"), Budget(PIECES)
    for number in range(5_000):
        assert ordinary.found_in(f"/finance/customers of the north/{number:04}.pdf", budget)
        assert not ordinary.found_in(f"/finance/customers of the north/{number:04}.doc", budget)


@on_sqlite  # PostgreSQL matches by itself, by an automaton of its own
async def test_a_costly_filter_is_a_mistake_and_the_next_one_works(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtering, "_MOST_PIECES", PIECES)
    ann = await office.organisation("acme")
    migration = await office.migration(ann, 20)
    for row in await office.rows(migration_pairs):  # all different: what is remembered does not help
        text = update(migration_pairs).where(migration_pairs.c.id == row.id)
        text = text.values(source_path=hostile_text(1_000, row.id))
        await office.database.write(partial(Connection.execute, statement=text))
    costly = f"path:/{HOSTILE}/"

    with pytest.raises(FilterMistake, match="takes too much work"):
        await office.pairs.page(ann, migration.id, filter=costly)
    with pytest.raises(FilterMistake, match="takes too much work"):
        await office.pairs.summary(ann, migration.id, filter=costly)
    with pytest.raises(FilterMistake, match="takes too much work"):
        await office.pairs.delete(ann, Selection.matching(migration.id, costly))
    with pytest.raises(FilterMistake, match="takes too much work"):
        await office.runs.start(ann, Selection.matching(migration.id, costly))

    page = await office.pairs.page(ann, migration.id, filter="path:/^.[ab]+$/")
    assert page.total == 20  # nothing was deleted, and each query has its own budget
