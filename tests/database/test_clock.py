"""A clock that is not the database server's is found out, and one that is merely asked slowly is not blamed."""

from __future__ import annotations

import time

import pytest
from tests.database_url import on_postgresql, on_sqlite

from mover.database.clock import ClockWrong, check_clock, clock_error_s
from mover.database.database import Database

HOUR_NS = 3_600_000_000_000


@on_postgresql
@pytest.mark.parametrize(
    ("ahead_ns", "told"), [(5 * HOUR_NS, "5.0 hours ahead of"), (-HOUR_NS // 60, "behind")]
)
async def test_a_wrong_clock_is_said_to_be(database: Database, ahead_ns: int, told: str) -> None:
    with pytest.raises(ClockWrong, match=told):
        await check_clock(database, now_ns=lambda: time.time_ns() + ahead_ns)


@on_postgresql
async def test_the_right_clock_and_a_slow_answer_are_no_error(database: Database) -> None:
    await check_clock(database, most_s=1)
    moments = iter([time.time_ns() - HOUR_NS, time.time_ns() + HOUR_NS])
    assert await clock_error_s(database, now_ns=lambda: next(moments)) == 0


@on_sqlite
async def test_a_file_has_the_clock_of_its_machine(database: Database) -> None:
    assert await clock_error_s(database, now_ns=lambda: 0) == 0
