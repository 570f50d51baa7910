"""A runner whose clock is not the database's takes no work, and one whose clock goes wrong ends."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from tests.database_url import on_postgresql
from tests.runner.conftest import QUICK, Service
from tests.runner.watching import until

from mover.database.clock import ClockWrong
from mover.runner.client import TemporalAccess
from mover.runner.runner import open_runner

pytestmark = [pytest.mark.servers, pytest.mark.promise("availability")]

HOURS_NS = 5 * 3_600_000_000_000


@on_postgresql
@pytest.mark.usefixtures("database_kind")
async def test_it_waits_for_the_right_time_and_ends_when_it_has_another(serving, caplog):
    caplog.set_level(logging.INFO)
    ahead_ns = HOURS_NS

    def now_ns() -> int:
        return time.time_ns() + ahead_ns

    def said(words: str) -> bool:
        return any(words in record.getMessage() for record in caplog.records)

    def said_by_runner() -> bool:
        return said("new workflows go to build")  # its build is announced by who works

    async with serving() as service:
        assert isinstance(service, Service)
        access = TemporalAccess(service.place.settings)
        async with open_runner(service.place, access, pace=QUICK, now_ns=now_ns) as runner:
            working = asyncio.create_task(runner.run())
            await until(lambda: said("no work is taken"))
            assert not said_by_runner()
            ahead_ns = 0
            await until(said_by_runner)
            ahead_ns = -HOURS_NS
            with pytest.raises(ClockWrong, match=r"5\.0 hours behind"):
                await working
